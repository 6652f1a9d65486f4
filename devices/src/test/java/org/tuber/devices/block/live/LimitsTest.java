package org.tuber.devices.block.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.live.ThrottleLimits.Bucket;
import org.tuber.devices.block.live.ThrottleLimits.Rate;

/** How much of a disk a guest may use, and what it reads is kept. */
@Timeout(120)
class LimitsTest {
  private static final int DISK_BYTES = 8 << 20;

  @TempDir Path dir;

  private BlockNode create(String name, String backing) throws IOException {
    String file = dir.resolve(name).toString();
    CreateOptions o = CreateOptions.of(file, DISK_BYTES);
    if (backing != null) {
      o = o.with("backing_file", dir.resolve(backing).toString()).with("backing_fmt", "qcow2");
    }
    ImageFormats.byName(file, "qcow2").create(o);
    return Images.open(file, OpenOptions.readWrite().withFormat("qcow2"));
  }

  /** Seconds until all of some requests were let in. */
  private static double seconds(List<LiveDisk> disks, boolean write, int requests, int bytes)
      throws InterruptedException {
    CountDownLatch done = new CountDownLatch(requests * disks.size());
    long start = System.nanoTime();
    for (int i = 0; i < requests; i++) {
      disks.forEach(d -> d.admit(write, bytes, done::countDown));
    }
    assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
    return (System.nanoTime() - start) / 1e9;
  }

  @Test
  void ratesBurstsAndGroups() throws Exception {
    BlockJobs jobs = new BlockJobs();
    LiveDisk a = new LiveDisk("a", create("a", null), OpenOptions.readWrite());
    LiveDisk b = new LiveDisk("b", create("b", null), OpenOptions.readWrite());
    jobs.add(a);
    jobs.add(b);
    ThrottleLimits hundred = ThrottleLimits.NONE.with(Bucket.IOPS_WRITE, new Rate(100, 0, 1));
    jobs.setLimits(a, hundred);
    // Ten go at once, one more goes since the bucket is not over-full yet, and so on.
    assertThat(seconds(List.of(a), true, 60, 512)).isGreaterThan(0.45);
    assertThat(seconds(List.of(a), false, 100_000, 512)).isLessThan(5);
    jobs.setLimits(a, hundred.withRequestBytes(512));
    assertThat(seconds(List.of(a), true, 6, 5120)).isGreaterThan(0.35);
    jobs.setLimits(a, ThrottleLimits.NONE.with(Bucket.BPS_TOTAL, new Rate(1 << 20, 4 << 20, 1)));
    assertThat(seconds(List.of(a), true, 4, 1 << 20)).isLessThan(0.5);
    assertThat(seconds(List.of(a), false, 2, 1 << 20)).isGreaterThan(0.5);
    jobs.setLimits(a, hundred.withGroup("g"));
    jobs.setLimits(b, hundred.withGroup("g"));
    assertThat(seconds(List.of(a, b), true, 40, 512)).isGreaterThan(0.6);
    jobs.setLimits(a, ThrottleLimits.NONE);
    jobs.setLimits(b, ThrottleLimits.NONE);
    assertThat(a.limits().isEmpty()).isTrue();
    a.close();
    b.close();
  }

  @Test
  void whatWaitsGoesOnWhenLimitsAreLifted() throws Exception {
    BlockJobs jobs = new BlockJobs();
    LiveDisk a = new LiveDisk("a", create("a", null), OpenOptions.readWrite());
    jobs.setLimits(a, ThrottleLimits.NONE.with(Bucket.IOPS_TOTAL, new Rate(1, 0, 1)));
    AtomicInteger in = new AtomicInteger();
    List<Integer> order = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch done = new CountDownLatch(500);
    for (int i = 0; i < 500; i++) {
      int n = i;
      a.admit(
          true,
          1,
          () -> {
            in.incrementAndGet();
            order.add(n);
            done.countDown();
          });
    }
    assertThat(in.get()).isLessThan(100);
    jobs.setLimits(a, ThrottleLimits.NONE);
    assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(order).isSorted();
    a.close();
  }

  @Test
  void nonsenseIsRefused() {
    for (ThrottleLimits l :
        List.of(
            ThrottleLimits.NONE
                .with(Bucket.BPS_TOTAL, new Rate(1, 0, 1))
                .with(Bucket.BPS_READ, new Rate(1, 0, 1)),
            ThrottleLimits.NONE.with(Bucket.BPS_READ, new Rate(0, 5, 1)),
            ThrottleLimits.NONE.with(Bucket.BPS_READ, new Rate(5, 4, 1)),
            ThrottleLimits.NONE.with(Bucket.BPS_READ, new Rate(5, 0, 2)),
            ThrottleLimits.NONE.with(Bucket.BPS_READ, new Rate(-1, 0, 1)),
            ThrottleLimits.NONE.withRequestBytes(4096))) {
      assertThatThrownBy(() -> l.checked("d")).hasMessageContaining("throttling");
    }
  }

  @Test
  void whatIsReadIsKept() throws Exception {
    byte[] half = new byte[DISK_BYTES / 2];
    new Random(1).nextBytes(half);
    try (BlockNode base = create("base", null)) {
      base.write(0, ByteBuffer.wrap(half));
    }
    LiveDisk disk = new LiveDisk("a", create("a", "base"), OpenOptions.readWrite());
    disk.copyOnRead();
    try (BusyGuest guest = new BusyGuest(disk, Arrays.copyOf(half, DISK_BYTES), 3)) {
      for (int at = 0; at < DISK_BYTES; at += 96 << 10) {
        disk.read(at, ByteBuffer.allocate(4096));
      }
      byte[] now = guest.stop();
      disk.read(0, ByteBuffer.allocate(DISK_BYTES));
      ByteBuffer all = ByteBuffer.allocate(DISK_BYTES);
      disk.read(0, all);
      assertThat(all.array()).isEqualTo(now);
    }
    // Nothing of the base shows through any more.
    for (long at = 0; at < DISK_BYTES / 2; ) {
      BlockStatus s = disk.top().status(at, DISK_BYTES / 2 - at);
      assertThat(s.kind()).isNotEqualTo(BlockStatus.Kind.UNALLOCATED);
      at += s.length();
    }
    disk.close();
  }
}
