package org.tuber.devices.block.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamPieces;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.DiskStats;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.block.live.ThrottleLimits;

/** What the host has in its memory is read straight into the guest's. */
class ReadAtOnceTest {
  private static final int FILE_BYTES = 64 << 10;

  @TempDir Path dir;
  private final byte[] content = new byte[FILE_BYTES];
  private final AddressSpace space = new AddressSpace("memory", 1L << 32, new ReentrantLock());
  private final GuestRam ram = new GuestRam(FILE_BYTES);
  private final DmaView view = new DmaView(space, (changed, offset, length) -> {});
  private String name;

  @BeforeEach
  void write() throws Exception {
    space.mapRam(0, FILE_BYTES, ram, 0);
    new Random(7).nextBytes(content);
    // The page cache holds what was just written.
    name = Files.write(dir.resolve("disk.raw"), content).toString();
  }

  @AfterEach
  void free() {
    ram.close();
  }

  private RamPieces scattered(int pieces, int pieceBytes) {
    RamPieces p = view.pieces();
    for (int i = pieces - 1; i >= 0; i--) {
      assertThat(p.add((long) i * pieceBytes, pieceBytes)).isTrue();
    }
    return p;
  }

  /** Old kernels and some file systems have no such call: the others are tested, then. */
  private void requireSupport(HostFile file) {
    boolean done = scattered(1, 512).fill(t -> file.readAtOnce(0, t));
    assumeTrue(done, "no reads without waiting on this host");
  }

  @Test
  void piecesAreFilledInTheirOrder() throws Exception {
    try (HostFile file = HostFile.open(name, true, false, CacheMode.WRITEBACK)) {
      requireSupport(file);
      assertThat(scattered(3, 4096).fill(t -> file.readAtOnce(1000, t))).isTrue();
      for (int i = 0; i < 3; i++) {
        byte[] got = new byte[4096];
        ram.read(4096L * (2 - i), got, 0, 4096);
        assertThat(got).isEqualTo(Arrays.copyOfRange(content, 1000 + 4096 * i, 5096 + 4096 * i));
      }
    }
  }

  @Test
  void whatOneCallCannotDoIsLeftToTheUsualWay() throws Exception {
    try (HostFile file = HostFile.open(name, true, false, CacheMode.WRITEBACK)) {
      requireSupport(file);
      assertThat(scattered(2, 4096).fill(t -> file.readAtOnce(FILE_BYTES - 4096, t))).isFalse();
      RamPieces many = view.pieces();
      for (int i = 0; i < 1025; i++) {
        many.add(2L * i, 1);
      }
      assertThat(many.fill(t -> file.readAtOnce(0, t))).isFalse();
      // None of this switches it off.
      assertThat(scattered(1, 512).fill(t -> file.readAtOnce(0, t))).isTrue();
    }
    try (HostFile direct = HostFile.open(name, true, false, CacheMode.NONE)) {
      assertThat(scattered(1, 4096).fill(t -> direct.readAtOnce(0, t))).isFalse();
    }
  }

  @Test
  void nothingIsReadFromAClosedFile() throws Exception {
    HostFile file = HostFile.open(name, true, false, CacheMode.WRITEBACK);
    requireSupport(file);
    file.close();
    assertThat(scattered(1, 512).fill(t -> file.readAtOnce(0, t))).isFalse();
    try (HostFile again = HostFile.open(name, true, false, CacheMode.WRITEBACK)) {
      assertThat(scattered(1, 512).fill(t -> file.readAtOnce(0, t))).isFalse();
      assertThat(scattered(1, 512).fill(t -> again.readAtOnce(0, t))).isTrue();
    }
  }

  @Test
  void limitsHoldAndReadsAreCounted() throws Exception {
    try (HostFile file = HostFile.open(name, true, false, CacheMode.WRITEBACK)) {
      requireSupport(file);
    }
    BlockNode raw = Images.open(name, OpenOptions.readWrite().withFormat("raw"));
    BlockJobs jobs = new BlockJobs();
    try (LiveDisk disk = new LiveDisk("d", raw, OpenOptions.readWrite())) {
      jobs.add(disk);
      assertThat(scattered(2, 4096).fill(t -> disk.readAtOnce(4096, t))).isTrue();
      assertThat(disk.stats().of(DiskStats.Kind.READ).operations()).isEqualTo(1);
      assertThat(disk.stats().of(DiskStats.Kind.READ).bytes()).isEqualTo(8192);
      assertThat(scattered(2, 4096).fill(t -> disk.readAtOnce(FILE_BYTES - 512, t))).isFalse();
      assertThat(scattered(2, 4096).fill(t -> disk.readAtOnce(-512, t))).isFalse();
      jobs.setLimits(
          disk,
          ThrottleLimits.NONE.with(
              ThrottleLimits.Bucket.BPS_READ, new ThrottleLimits.Rate(1 << 20, 0, 1)));
      assertThat(scattered(2, 4096).fill(t -> disk.readAtOnce(4096, t))).isFalse();
    }
  }
}
