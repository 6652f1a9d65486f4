package org.tuber.devices.block.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.MemoryFile;
import org.tuber.devices.block.OpenOptions;

/**
 * Power failures at every kind of moment: any selection of the sectors written since the last sync
 * may be on the disk. Flushed bytes must be there, and the image consistent.
 */
class Qcow2CrashTest {
  private static final int DISK_BYTES = 1 << 20;

  @TempDir Path dir;

  /** What the guest was told to be safe at one moment. */
  private record Promise(int changes, byte[] content) {}

  private byte[] create(String options) throws IOException {
    String image = dir.resolve("c.qcow2").toString();
    CreateOptions o = CreateOptions.of(image, DISK_BYTES);
    for (String part : options.split(",")) {
      int eq = part.indexOf('=');
      if (eq > 0) {
        o = o.with(part.substring(0, eq), part.substring(eq + 1));
      }
    }
    ImageFormats.byName(image, "qcow2").create(o);
    return Files.readAllBytes(Path.of(image));
  }

  private void crash(byte[] fresh, long seed, int steps, boolean snapshots, boolean repairs)
      throws IOException {
    Random random = new Random(seed);
    MemoryFile file = new MemoryFile(fresh);
    file.record();
    OpenOptions options =
        OpenOptions.readWrite().withFormat("qcow2").withMetadataCacheBytes(16 << 10);
    BlockNode node = Images.open(file, options);
    byte[] now = new byte[DISK_BYTES];
    List<Promise> promises = new ArrayList<>();
    promises.add(new Promise(0, now.clone()));
    List<int[]> touched = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      int n = 1 + random.nextInt(random.nextInt(3) == 0 ? 60_000 : 3000);
      int at = random.nextInt(DISK_BYTES - n);
      int before = file.changes();
      int kind = random.nextInt(20);
      if (kind < 11) {
        byte[] data = new byte[n];
        random.nextBytes(data);
        node.write(at, ByteBuffer.wrap(data));
        System.arraycopy(data, 0, now, at, n);
      } else if (kind < 13) {
        node.writeZeroes(at, n, random.nextBoolean());
        Arrays.fill(now, at, at + n, (byte) 0);
      } else if (kind < 15) {
        node.discard(at, n);
        node.read(at, ByteBuffer.wrap(now, at, n));
      } else if (kind < 18) {
        node.flush();
        promises.add(new Promise(file.changes(), now.clone()));
        continue;
      } else if (snapshots) {
        Snapshots s = ((Qcow2Image) node).snapshotTable();
        if (node.snapshots().isEmpty() || random.nextBoolean()) {
          s.create("s" + i, 1, 1);
        } else {
          s.delete(node.snapshots().getFirst().id());
        }
        continue;
      }
      touched.add(new int[] {before, at, n});
    }
    for (int k = 0; k < 6; k++) {
      int changes = random.nextInt(file.changes() + 1);
      verify(file.crashedAfter(changes, random), changes, promises, touched, repairs, seed);
    }
  }

  private static void verify(
      MemoryFile crashed,
      int changes,
      List<Promise> promises,
      List<int[]> touched,
      boolean repairs,
      long seed)
      throws IOException {
    Promise last = promises.getFirst();
    for (Promise p : promises) {
      last = p.changes <= changes ? p : last;
    }
    BitSet unsure = new BitSet(DISK_BYTES);
    for (int[] t : touched) {
      // The change began after the promise and before the crash.
      if (t[0] >= last.changes && t[0] <= changes) {
        unsure.set(t[1], t[1] + t[2]);
      }
    }
    OpenOptions options = OpenOptions.readWrite().withFormat("qcow2").withRepairDirty(repairs);
    BlockNode node = Images.open(crashed, options);
    CheckReport report = node.check(CheckReport.Repair.NONE);
    assertThat(report.corruptions())
        .as("seed " + seed + " crash after " + changes + ": " + report.messages())
        .isZero();
    byte[] got = new byte[DISK_BYTES];
    node.read(0, ByteBuffer.wrap(got));
    for (int i = unsure.nextClearBit(0); i < DISK_BYTES; i = unsure.nextClearBit(i + 1)) {
      if (got[i] != last.content[i]) {
        assertThat(i).as("seed " + seed + " crash after " + changes + ": lost byte").isEqualTo(-1);
      }
    }
    // And it can be used again.
    node.write(1000, ByteBuffer.wrap(new byte[70_000]));
    node.flush();
    assertThat(node.check(CheckReport.Repair.NONE).corruptions()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cluster_size=512",
        "cluster_size=4096",
        "cluster_size=512,refcount_bits=64",
        "",
        "compat=0.10,cluster_size=1024",
        "extended_l2=on,cluster_size=16384"
      })
  void anyCrashLeavesAConsistentImage(String options) throws IOException {
    byte[] fresh = create(options);
    for (int seed = 0; seed < 25; seed++) {
      crash(fresh, seed, 40, false, false);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lazy_refcounts=on,cluster_size=512", "lazy_refcounts=on"})
  void lazyCountsAreRepairedAfterACrash(String options) throws IOException {
    byte[] fresh = create(options);
    for (int seed = 100; seed < 120; seed++) {
      crash(fresh, seed, 40, false, true);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cluster_size=512", "", "extended_l2=on,cluster_size=16384"})
  void crashWhileTakingSnapshotsIsRepaired(String options) throws IOException {
    byte[] fresh = create(options);
    for (int seed = 200; seed < 215; seed++) {
      crash(fresh, seed, 40, true, true);
    }
  }

  @Test
  @Tag("soak")
  void tenThousandCrashes() throws IOException {
    for (String options : new String[] {"cluster_size=512", "", "extended_l2=on"}) {
      byte[] fresh = create(options);
      for (int seed = 1000; seed < 1600; seed++) {
        crash(fresh, seed, 60, false, false);
      }
    }
  }
}
