package org.tuber.devices.block.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.RandomDisk;

/** Jobs on a disk that a guest writes to all the while. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class BlockJobsTest {
  private static final int DISK_BYTES = 6 << 20;
  private static final OpenOptions OPTIONS =
      OpenOptions.readWrite().withCache(CacheMode.UNSAFE).withMetadataCacheBytes(64 << 10);

  @TempDir Path dir;

  private final BlockJobs jobs = new BlockJobs();
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private LiveDisk disk;

  @BeforeEach
  void makeDisk() throws IOException {
    disk = new LiveDisk("d0", create("base.qcow2", "qcow2", null), OPTIONS);
    jobs.add(disk);
    jobs.addListener((event, job) -> events.add(event + " " + job.status().word()));
  }

  @AfterEach
  void close() throws IOException {
    jobs.close();
    disk.close();
  }

  private String path(String name) {
    return dir.resolve(name).toString();
  }

  private BlockNode create(String name, String format, String backing) throws IOException {
    CreateOptions o = CreateOptions.of(path(name), DISK_BYTES);
    if (backing != null) {
      o = o.with("backing_file", path(backing)).with("backing_fmt", "qcow2");
    }
    ImageFormats.byName(path(name), format).create(o);
    return Images.open(path(name), OPTIONS.withFormat(format));
  }

  private void verify(BlockNode node, byte[] content) throws IOException {
    new RandomDisk(node, content, 0).verify();
  }

  private void verifyFile(String name, byte[] content) throws IOException {
    try (BlockNode n = Images.open(path(name), OpenOptions.readOnly().withProbeBacking(true))) {
      verify(n, content);
      CheckReport r = n.check(CheckReport.Repair.NONE);
      if (r != null) {
        assertThat(r.corruptions()).as(name + " " + r.messages()).isZero();
      }
    }
  }

  private BusyGuest guest(long seed) throws IOException {
    BusyGuest g = new BusyGuest(disk, new byte[DISK_BYTES], seed);
    g.work(300);
    return g;
  }

  @ParameterizedTest
  @ValueSource(strings = {"raw", "qcow2", "vmdk"})
  void aBackupShowsTheMomentItBegan(String format) throws IOException {
    try (BusyGuest guest = guest(1)) {
      BlockNode target = create("t." + format, format, null);
      BlockJob[] job = new BlockJob[1];
      byte[] then = guest.at(() -> job[0] = jobs.backup(BlockJobs.Backup.full(disk, target)));
      job[0].setSpeed(20 << 20);
      job[0].await();
      byte[] end = guest.stop();
      verify(disk, end);
      verifyFile("t." + format, then);
      assertThat(job[0].info().doneBytes()).isEqualTo(DISK_BYTES);
      assertThat(events)
          .containsExactly(
              "STATUS created",
              "STATUS running",
              "STATUS waiting",
              "STATUS pending",
              "COMPLETED pending",
              "STATUS concluded",
              "STATUS null");
      assertThat(jobs.jobs()).isEmpty();
    }
  }

  @Test
  void incrementalBackupsBuildOnEachOther() throws IOException {
    try (BusyGuest guest = guest(2)) {
      BlockJob[] job = new BlockJob[1];
      BlockNode full = create("i0", "qcow2", null);
      DirtyBitmap bitmap = disk.addBitmap("b", 32 << 10);
      guest.at(
          () -> {
            disk.clearBitmap("b");
            job[0] = jobs.backup(BlockJobs.Backup.full(disk, full));
          });
      job[0].await();
      for (int i = 1; i <= 3; i++) {
        guest.work(200);
        BlockNode broken = faulty(create("x" + i, "qcow2", "i" + (i - 1)), 3);
        guest.at(() -> job[0] = jobs.backup(BlockJobs.Backup.incremental(disk, broken, bitmap)));
        BlockJob failing = job[0];
        assertThatThrownBy(failing::await).hasMessageContaining("no more");
        assertThat(bitmap.isBusy()).isFalse();
        BlockNode target = create("i" + i, "qcow2", "i" + (i - 1));
        byte[] then =
            guest.at(
                () -> job[0] = jobs.backup(BlockJobs.Backup.incremental(disk, target, bitmap)));
        job[0].await();
        verifyFile("i" + i, then);
      }
      guest.stop();
      assertThat(bitmap.dirtyBytes()).isGreaterThan(0);
      disk.removeBitmap("b");
    }
  }

  private static BlockNode faulty(BlockNode node, int writes) {
    AtomicInteger left = new AtomicInteger(writes);
    return (BlockNode)
        Proxy.newProxyInstance(
            BlockJobsTest.class.getClassLoader(),
            new Class<?>[] {BlockNode.class},
            (proxy, method, arguments) -> {
              boolean writesData = method.getName().startsWith("write");
              if (writesData && left.getAndDecrement() <= 0) {
                left.set(1000);
                throw new IOException("no more");
              }
              try {
                return method.invoke(node, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aMirrorTakesTheDisksPlace(boolean writeThrough) throws IOException {
    try (BusyGuest guest = guest(3)) {
      for (String name : List.of("m1", "m2")) {
        BlockJob job =
            jobs.mirror(
                new BlockJobs.Mirror(
                    null,
                    disk,
                    create(name, name.equals("m1") ? "raw" : "qcow2", null),
                    true,
                    BackupSync.FULL,
                    writeThrough,
                    false,
                    0,
                    BlockJob.Manners.USUAL));
        assertThatThrownBy(() -> disk.snapshotTo(path("no"), "qcow2"))
            .hasMessageContaining("working on this disk");
        job.awaitReady();
        guest.work(100);
        job.complete();
        job.await();
        assertThat(disk.filename()).isEqualTo(path(name));
        guest.work(100);
      }
      byte[] end = guest.stop();
      verify(disk, end);
      disk.close();
      verifyFile("m2", end);
    }
    assertThat(events).contains("READY ready");
  }

  @Test
  void aMirrorThatIsCancelledSoftlyLeavesACopy() throws IOException {
    try (BusyGuest guest = guest(4)) {
      BlockJob job = jobs.mirror(BlockJobs.Mirror.full(disk, create("m", "qcow2", null)));
      job.awaitReady();
      byte[] then =
          guest.at(
              () -> {
                job.cancel(false);
                job.await();
              });
      assertThat(disk.filename()).isEqualTo(path("base.qcow2"));
      guest.work(100);
      verifyFile("m", then);
      verify(disk, guest.stop());
      assertThat(events).endsWith("COMPLETED pending", "STATUS concluded", "STATUS null");
    }
  }

  @Test
  void snapshotsKeepThePastAndChainsCanBeMerged() throws IOException {
    try (BusyGuest guest = guest(5)) {
      List<byte[]> past = new ArrayList<>();
      for (int i = 1; i <= 4; i++) {
        String name = "s" + i;
        past.add(guest.at(() -> disk.snapshotTo(path(name), "qcow2")));
        guest.work(150);
      }
      verify(Chains.find(disk, path("base.qcow2")), past.get(0));
      verify(Chains.find(disk, path("s2")), past.get(2));
      // base ← s1 ← s2 ← s3 ← s4: s2 and s1 go into base.
      BlockJob middle = jobs.commit("c", disk, path("s2"), path("base.qcow2"), 0);
      middle.await();
      guest.work(100);
      verify(Chains.find(disk, path("base.qcow2")), past.get(2));
      assertThat(disk.top().backing().backing().filename()).isEqualTo(path("base.qcow2"));
      // The top goes into s3, and s3 is the disk then.
      BlockJob active = jobs.commit(null, disk, null, path("s3"), 0);
      active.awaitReady();
      guest.work(100);
      active.complete();
      active.await();
      assertThat(disk.filename()).isEqualTo(path("s3"));
      guest.work(100);
      verify(disk, guest.stop());
      byte[] end = guest.stop();
      disk.close();
      verifyFile("s3", end);
      verifyFile("base.qcow2", past.get(2));
    }
  }

  @Test
  void anImageOpenedAsBackingFileCanTakeTheTop() throws IOException {
    disk.close();
    disk = new LiveDisk("d1", create("over", "qcow2", "base.qcow2"), OPTIONS);
    jobs.add(disk);
    try (BusyGuest guest = guest(6)) {
      guest.at(() -> disk.snapshotTo(path("over2"), "qcow2"));
      guest.work(100);
      BlockJob middle = jobs.commit(null, disk, path("over"), null, 0);
      middle.await();
      guest.work(100);
      BlockJob active = jobs.commit(null, disk, null, null, 0);
      active.awaitReady();
      active.complete();
      active.await();
      assertThat(disk.filename()).isEqualTo(path("base.qcow2"));
      assertThat(disk.isReadOnly()).isFalse();
      assertThat(disk.backing()).isNull();
      guest.work(100);
      byte[] end = guest.stop();
      verify(disk, end);
      assertThatThrownBy(() -> Images.open(path("base.qcow2"), OPTIONS))
          .hasMessageContaining("lock");
      disk.close();
      verifyFile("base.qcow2", end);
    }
  }

  @Test
  void streamingMakesTheTopIndependent() throws IOException {
    try (BusyGuest guest = guest(7)) {
      for (int i = 1; i <= 3; i++) {
        String name = "s" + i;
        guest.at(() -> disk.snapshotTo(path(name), "qcow2"));
        guest.work(100);
      }
      jobs.stream(null, disk, path("s1"), null, 0).await();
      assertThat(disk.top().backing().filename()).isEqualTo(path("s1"));
      assertThat(disk.backingName()).isEqualTo(path("s1"));
      guest.work(100);
      jobs.stream(null, disk, null, null, 50 << 20).await();
      assertThat(disk.top().backing()).isNull();
      assertThat(disk.backingName()).isNull();
      guest.work(100);
      byte[] end = guest.stop();
      verify(disk, end);
      disk.close();
      verifyFile("s3", end);
    }
  }

  @Test
  void severalDisksGetTheirOverlayAtOneMoment() throws IOException {
    LiveDisk other = new LiveDisk("e", create("other", "qcow2", null), OPTIONS);
    jobs.add(other);
    try (BusyGuest guest = guest(8)) {
      byte[] then =
          guest.at(
              () ->
                  LiveDisk.snapshotTo(
                      List.of(
                          new LiveDisk.Overlay(disk, path("d1"), "qcow2", true),
                          new LiveDisk.Overlay(other, path("e1"), "qcow2", true))));
      guest.work(50);
      assertThat(other.filename()).isEqualTo(path("e1"));
      verify(disk.backing(), then);
      assertThatThrownBy(
              () ->
                  LiveDisk.snapshotTo(
                      List.of(
                          new LiveDisk.Overlay(disk, path("d2"), "qcow2", true),
                          new LiveDisk.Overlay(other, path("no/e2"), "qcow2", true))))
          .isInstanceOf(IOException.class);
      assertThat(disk.filename()).isEqualTo(path("d1"));
      verify(disk, guest.stop());
    } finally {
      other.close();
    }
  }

  @Test
  void internalSnapshotsUnderLoad() throws IOException {
    try (BusyGuest guest = guest(9)) {
      byte[] then = guest.at(() -> disk.createInternalSnapshot("one", 1, 2));
      guest.work(200);
      disk.createInternalSnapshot("two", 3, 4);
      disk.deleteInternalSnapshot("two");
      byte[] end = guest.stop();
      verify(disk, end);
      assertThat(disk.snapshots()).hasSize(1);
      disk.applyInternalSnapshot("one");
      verify(disk, then);
      disk.close();
      verifyFile("base.qcow2", then);
    }
  }

  @Test
  void jobsCanBeHeldSlowedAndCancelled() throws IOException {
    disk.write(0, ByteBuffer.wrap(new byte[DISK_BYTES - 5]));
    BlockJob job = jobs.takeBackup(BlockJobs.Backup.full(disk, create("t", "qcow2", null)));
    job.setSpeed(1 << 20);
    job.pause();
    jobs.launch(job);
    while (job.info().status() != BlockJob.Status.PAUSED) {
      Thread.onSpinWait();
    }
    long done = job.info().doneBytes();
    LockSupport.parkNanos(50_000_000);
    assertThat(job.info().doneBytes()).isEqualTo(done).isLessThan(DISK_BYTES);
    assertThat(job.info().totalBytes()).isEqualTo(DISK_BYTES);
    assertThatThrownBy(() -> disk.resize(DISK_BYTES * 2L, Preallocation.OFF))
        .hasMessageContaining("job");
    assertThatThrownBy(job::complete).hasMessageContaining("not ready");
    assertThatThrownBy(() -> jobs.backup(BlockJobs.Backup.full(disk, disk)))
        .hasMessageContaining("already");
    job.resume();
    job.cancel(false);
    job.await();
    assertThat(events)
        .contains("STATUS paused", "STATUS aborting")
        .endsWith("CANCELLED aborting", "STATUS concluded", "STATUS null");
    disk.resize(DISK_BYTES * 2L, Preallocation.OFF);
    assertThat(disk.lengthBytes()).isEqualTo(DISK_BYTES * 2L);
  }

  @Test
  void aJobMayWaitForHelpAfterAnError() throws IOException {
    disk.write(0, ByteBuffer.wrap(new byte[DISK_BYTES]));
    byte[] content = new byte[DISK_BYTES];
    new Random(1).nextBytes(content);
    disk.write(0, ByteBuffer.wrap(content));
    BlockJob job =
        jobs.mirror(
            new BlockJobs.Mirror(
                "m",
                disk,
                faulty(create("t", "qcow2", null), 2),
                true,
                BackupSync.FULL,
                false,
                false,
                0,
                BlockJob.Manners.onError(BlockJob.OnError.STOP)));
    while (job.info().status() != BlockJob.Status.PAUSED) {
      Thread.onSpinWait();
    }
    assertThat(job.info().error()).contains("no more");
    job.resume();
    job.awaitReady();
    job.complete();
    job.await();
    verify(disk, content);
    assertThat(events).contains("ERROR running");
  }
}
