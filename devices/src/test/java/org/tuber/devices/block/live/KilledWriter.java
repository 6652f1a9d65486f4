package org.tuber.devices.block.live;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/**
 * A process that writes to a disk until it is killed, and the same sequence of requests for whoever
 * looks at the disk afterwards. How far it came is in a mapped file, which outlives the process.
 *
 * <p>Arguments: directory, image, seed, job (or {@code none}).
 */
public final class KilledWriter {
  static final int DISK_BYTES = 2 << 20;

  /** Slots of the mapped file. */
  static final int BEGUN = 0;

  static final int FLUSHED = 1;
  static final int MOVED = 2;
  static final int READY = 3;

  /** One request. */
  record Request(int kind, int offset, byte[] data) {
    static final int FLUSH = 0;
    static final int ZERO = 1;
    static final int DISCARD = 2;
    static final int WRITE = 3;

    static Request next(Random random) {
      int k = random.nextInt(12);
      int kind = k == 0 ? FLUSH : k == 1 ? ZERO : k == 2 ? DISCARD : WRITE;
      int n = 1 + random.nextInt(random.nextInt(5) == 0 ? 150_000 : 6000);
      int at = random.nextInt(DISK_BYTES - n);
      byte[] data = new byte[n];
      random.nextBytes(data);
      return new Request(kind, at, data);
    }

    void run(BlockNode node) throws IOException {
      switch (kind) {
        case FLUSH -> node.flush();
        case ZERO -> node.writeZeroes(offset, data.length, true);
        // What a discarded range reads as is not promised: zeros are written where it matters.
        case DISCARD -> node.discard(offset, data.length);
        default -> node.write(offset, ByteBuffer.wrap(data));
      }
    }

    void run(byte[] content) {
      switch (kind) {
        case ZERO -> Arrays.fill(content, offset, offset + data.length, (byte) 0);
        case WRITE -> System.arraycopy(data, 0, content, offset, data.length);
        default -> {}
      }
    }
  }

  private KilledWriter() {}

  static MappedByteBuffer progress(Path dir) throws IOException {
    try (RandomAccessFile f = new RandomAccessFile(dir.resolve("progress").toFile(), "rw")) {
      return f.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 4096);
    }
  }

  static int get(MappedByteBuffer b, int slot) {
    return b.getInt(slot * 4);
  }

  static void put(MappedByteBuffer b, int slot, int value) {
    b.putInt(slot * 4, value);
  }

  /** Writes until the process dies. */
  public static void main(String[] args) throws IOException {
    Path dir = Path.of(args[0]);
    Random random = new Random(Long.parseLong(args[2]));
    String job = args[3];
    MappedByteBuffer progress = progress(dir);
    OpenOptions options = OpenOptions.readWrite().withMetadataCacheBytes(32 << 10);
    BlockNode node = Images.open(args[1], options.withFormat("qcow2"));
    LiveDisk disk = new LiveDisk("d", node, options);
    BlockJobs jobs = new BlockJobs();
    jobs.add(disk);
    put(progress, READY, 1);
    BlockJob running = job.equals("none") ? null : start(job, dir, disk, jobs);
    for (int i = 1; ; i++) {
      put(progress, BEGUN, i);
      Request r = Request.next(random);
      r.run(disk);
      if (r.kind() == Request.FLUSH) {
        put(progress, FLUSHED, i);
      }
      if (running != null && running.info().ready()) {
        // Nothing is written between the exchange and the note of it.
        running.complete();
        running.await();
        running = null;
        put(progress, MOVED, 1);
      }
    }
  }

  private static BlockJob start(String job, Path dir, LiveDisk disk, BlockJobs jobs)
      throws IOException {
    String mid = dir.resolve("mid").toString();
    String target = dir.resolve("target").toString();
    BlockJob j;
    switch (job) {
      case "stream" -> j = jobs.stream(null, disk, null, null, 3 << 20);
      case "commit" -> j = jobs.commit(null, disk, mid, null, 3 << 20);
      case "active" -> j = jobs.commit(null, disk, null, null, 20 << 20);
      case "mirror", "backup" -> {
        ImageFormats.byName(target, "qcow2").create(CreateOptions.of(target, DISK_BYTES));
        BlockNode t = Images.open(target, OpenOptions.readWrite().withFormat("qcow2"));
        j =
            job.equals("mirror")
                ? jobs.mirror(BlockJobs.Mirror.full(disk, t))
                : jobs.backup(BlockJobs.Backup.full(disk, t));
        j.setSpeed(20 << 20);
      }
      default -> throw new IOException("no job " + job);
    }
    return j;
  }
}
