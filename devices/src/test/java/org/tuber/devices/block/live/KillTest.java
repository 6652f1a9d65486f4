package org.tuber.devices.block.live;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.live.KilledWriter.Request;

/** {@code kill -9} at any moment: flushed bytes are there and the image is sound. */
class KillTest {
  private static final int DISK_BYTES = KilledWriter.DISK_BYTES;
  private static final String[] OPTIONS = {
    "",
    "cluster_size=512",
    "cluster_size=4096,refcount_bits=64",
    "lazy_refcounts=on",
    "extended_l2=on,cluster_size=16384",
    "compat=0.10,cluster_size=1024",
    "lazy_refcounts=on,cluster_size=512"
  };

  /** In turn; each image is killed under all of them. */
  private static final CacheMode[] CACHES = {
    CacheMode.WRITEBACK, CacheMode.NONE, CacheMode.WRITEBACK, CacheMode.WRITETHROUGH
  };

  private static final String[] JOBS = {"stream", "commit", "active", "mirror", "backup"};

  @TempDir Path dir;

  private String create(String name, String options, String backing) throws IOException {
    String image = dir.resolve(name).toString();
    CreateOptions o = CreateOptions.of(image, DISK_BYTES);
    if (backing != null) {
      o = o.with("backing_file", dir.resolve(backing).toString()).with("backing_fmt", "qcow2");
    }
    for (String part : options.split(",")) {
      int eq = part.indexOf('=');
      if (eq > 0) {
        o = o.with(part.substring(0, eq), part.substring(eq + 1));
      }
    }
    Files.deleteIfExists(Path.of(image));
    ImageFormats.byName(image, "qcow2").create(o);
    return image;
  }

  /** What is done to one image until the kill. */
  private record Round(String image, long seed, String job, CacheMode cache, int threads) {
    @Override
    public String toString() {
      return "seed " + seed + ", " + job + ", " + cache + ", " + threads + " threads";
    }
  }

  private MappedByteBuffer runAndKill(Round r, Random random)
      throws IOException, InterruptedException {
    MappedByteBuffer progress = KilledWriter.progress(dir);
    for (int i = 0; i < KilledWriter.SLOTS; i++) {
      KilledWriter.put(progress, i, 0);
    }
    Path out = dir.resolve("out");
    Process p =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xshare:auto",
                "-Xmx128m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                KilledWriter.class.getName(),
                dir.toString(),
                r.image,
                Long.toString(r.seed),
                r.job,
                r.cache.name().toLowerCase(Locale.ROOT),
                Integer.toString(r.threads))
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (KilledWriter.get(progress, KilledWriter.READY) == 0
        && p.isAlive()
        && System.nanoTime() - patience < 0) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
    LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(random.nextInt(400_000)));
    assertThat(p.isAlive()).as("died by itself: %s", Files.readString(out)).isTrue();
    p.destroyForcibly();
    p.waitFor();
    return progress;
  }

  /** Checks an image against what the killed process was told; returns what it holds now. */
  private byte[] verify(
      String image, Round round, byte[] before, MappedByteBuffer progress, String as)
      throws IOException {
    byte[] content = before.clone();
    BitSet unsure = new BitSet(DISK_BYTES);
    int begun = 0;
    int flushed = 0;
    for (int t = 0; t < round.threads; t++) {
      KilledWriter.Requests requests = new KilledWriter.Requests(round.seed, t, round.threads);
      int last = KilledWriter.get(progress, KilledWriter.flushed(t));
      int all = KilledWriter.get(progress, KilledWriter.begun(t));
      replay(requests, last, all, content, unsure);
      begun += all;
      flushed += last;
    }
    byte[] now = new byte[DISK_BYTES];
    try (BlockNode node = Images.open(image, OpenOptions.readWrite().withFormat("qcow2"))) {
      node.read(0, ByteBuffer.wrap(now));
      CheckReport r = node.check(CheckReport.Repair.NONE);
      assertThat(r.corruptions()).as("%s: %s", as, r.messages()).isZero();
    }
    int lost = -1;
    for (int i = unsure.nextClearBit(0); i < DISK_BYTES; i = unsure.nextClearBit(i + 1)) {
      if (now[i] != content[i]) {
        lost = i;
        break;
      }
    }
    assertThat(lost).as("%s: %d requests, %d flushed: lost byte", as, begun, flushed).isEqualTo(-1);
    return now;
  }

  private static void replay(
      KilledWriter.Requests requests, int flushed, int begun, byte[] content, BitSet unsure) {
    for (int i = 1; i <= begun; i++) {
      Request r = requests.next();
      if (i <= flushed) {
        r.run(content);
      }
      if (i > flushed && r.kind() != Request.FLUSH || r.kind() == Request.DISCARD) {
        unsure.set(r.offset(), r.offset() + r.data().length);
      } else if (r.kind() != Request.FLUSH) {
        // Unless something later is unsure about it again.
        unsure.clear(r.offset(), r.offset() + r.data().length);
      }
    }
  }

  private void qemuFindsNoDamage(String image, String as) throws IOException {
    QemuTools.Result r = QemuTools.run(dir, "qemu-img", "check", "-f", "qcow2", image);
    // 3 are leaks, which a crash may leave.
    assertThat(r.status()).as("%s\n%s", as, r.output()).isIn(0, 3);
  }

  private void plainRounds(int rounds, long seed) throws Exception {
    Random random = new Random(seed);
    String image = null;
    byte[] content = null;
    for (int i = 0; i < rounds; i++) {
      String options = OPTIONS[i / 4 % OPTIONS.length];
      if (i % 4 == 0) {
        image = create("k" + i, options, null);
        content = new byte[DISK_BYTES];
      }
      Round round =
          new Round(image, seed + i, "none", CACHES[i % CACHES.length], i / 4 % 2 == 0 ? 3 : 1);
      String as = "round " + i + " " + options + ": " + round;
      MappedByteBuffer progress = runAndKill(round, random);
      if (!options.contains("lazy")) {
        qemuFindsNoDamage(image, as);
      }
      content = verify(image, round, content, progress, as);
      qemuFindsNoDamage(image, as);
    }
  }

  private void jobRounds(int rounds, long seed) throws Exception {
    Random random = new Random(seed);
    for (int i = 0; i < rounds; i++) {
      String job = JOBS[i % JOBS.length];
      byte[] content = new byte[DISK_BYTES];
      List<String> chain = new ArrayList<>();
      for (String name : new String[] {"base", "mid", "top"}) {
        String below = chain.isEmpty() ? null : chain.getLast();
        String image = create(name, i % 2 == 0 ? "" : "cluster_size=4096", below);
        chain.add(name);
        try (BlockNode n = Images.open(image, OpenOptions.readWrite())) {
          byte[] part = new byte[300_000];
          random.nextBytes(part);
          int at = random.nextInt(DISK_BYTES - part.length);
          n.write(at, ByteBuffer.wrap(part));
          System.arraycopy(part, 0, content, at, part.length);
        }
      }
      String top = dir.resolve("top").toString();
      Round round = new Round(top, seed + i, job, CACHES[i % CACHES.length], i % 3 == 0 ? 1 : 3);
      String as = "round " + i + ": " + round;
      Files.deleteIfExists(dir.resolve("target"));
      MappedByteBuffer progress = runAndKill(round, random);
      boolean moved = KilledWriter.get(progress, KilledWriter.MOVED) == 1;
      String now = job.equals("active") ? "base" : "target";
      String image = moved ? dir.resolve(now).toString() : top;
      verify(image, round, content, progress, as + (moved ? ", moved" : ""));
      for (String name : chain) {
        qemuFindsNoDamage(dir.resolve(name).toString(), as);
      }
    }
  }

  @Test
  void aFewKills() throws Exception {
    QemuTools.require("qemu-img");
    plainRounds(10, 1);
    jobRounds(10, 1000);
  }

  @Test
  @Tag("soak")
  void manyKills() throws Exception {
    QemuTools.require("qemu-img");
    plainRounds(500, 10_000);
    jobRounds(250, 20_000);
  }
}
