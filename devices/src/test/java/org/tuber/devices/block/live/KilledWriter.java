package org.tuber.devices.block.live;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/**
 * A process that writes to a disk until it is killed, and the same sequences of requests for
 * whoever looks at the disk afterwards. Each of its threads has a part of the disk to itself; the
 * parts meet inside of clusters and sectors. How far they came is in a mapped file, which outlives
 * the process.
 *
 * <p>Arguments: directory, image, seed, job (or {@code none}), cache mode, number of threads.
 */
public final class KilledWriter {
  static final int DISK_BYTES = 2 << 20;

  /** Slots of the mapped file: what concerns all threads, then two for each of them. */
  static final int MOVED = 0;

  static final int READY = 1;
  private static final int FIRST_OF_THREADS = 2;

  /** At most so many threads. */
  static final int MAX_THREADS = 3;

  static final int SLOTS = FIRST_OF_THREADS + 2 * MAX_THREADS;

  /** Slot of the last request that a thread began. */
  static int begun(int thread) {
    return FIRST_OF_THREADS + 2 * thread;
  }

  /** Slot of the last request whose effect a thread was promised to be on the disk. */
  static int flushed(int thread) {
    return FIRST_OF_THREADS + 2 * thread + 1;
  }

  /** What one thread does: always the same for a seed. */
  static final class Requests {
    private final Random random;
    private final int from;
    private final int bytes;

    Requests(long seed, int thread, int threads) {
      random = new Random(seed * MAX_THREADS + thread);
      from = DISK_BYTES / threads * thread;
      bytes = DISK_BYTES / threads;
    }

    Request next() {
      return Request.next(random, from, bytes);
    }
  }

  /** One request. */
  record Request(int kind, int offset, byte[] data) {
    static final int FLUSH = 0;
    static final int ZERO = 1;
    static final int DISCARD = 2;
    static final int WRITE = 3;

    static Request next(Random random, int from, int bytes) {
      int k = random.nextInt(12);
      int kind = k == 0 ? FLUSH : k == 1 ? ZERO : k == 2 ? DISCARD : WRITE;
      int n = 1 + random.nextInt(random.nextInt(5) == 0 ? 150_000 : 6000);
      int at = from + random.nextInt(bytes - n + 1);
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
    long seed = Long.parseLong(args[2]);
    String job = args[3];
    CacheMode cache = CacheMode.parse(args[4]);
    int threads = Integer.parseInt(args[5]);
    MappedByteBuffer progress = progress(dir);
    OpenOptions options = OpenOptions.readWrite().withMetadataCacheBytes(32 << 10).withCache(cache);
    BlockNode node = Images.open(args[1], options.withFormat("qcow2"));
    LiveDisk disk = new LiveDisk("d", node, options);
    BlockJobs jobs = new BlockJobs();
    jobs.add(disk);
    ReadWriteLock exchange = new ReentrantReadWriteLock(true);
    put(progress, READY, 1);
    BlockJob running = job.equals("none") ? null : start(job, dir, disk, jobs, options);
    for (int t = 0; t < threads; t++) {
      int thread = t;
      Requests requests = new Requests(seed, t, threads);
      Thread.ofPlatform()
          .start(
              () -> {
                try {
                  write(disk, requests, thread, progress, exchange.readLock());
                } catch (IOException | RuntimeException e) {
                  System.err.println(e + " at " + Arrays.toString(e.getStackTrace()));
                  Runtime.getRuntime().halt(1);
                }
              });
    }
    while (running != null) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
      if (running.info().ready()) {
        // Nothing is written between the exchange and the note of it.
        Lock alone = exchange.writeLock();
        alone.lock();
        try {
          running.complete();
          running.await();
          running = null;
          put(progress, MOVED, 1);
        } finally {
          alone.unlock();
        }
      }
    }
  }

  private static void write(
      LiveDisk disk, Requests requests, int thread, MappedByteBuffer progress, Lock lock)
      throws IOException {
    boolean through = disk.options().cache().isWriteThrough();
    for (int i = 1; ; i++) {
      Request r = requests.next();
      lock.lock();
      try {
        put(progress, begun(thread), i);
        r.run(disk);
        if (through || r.kind() == Request.FLUSH) {
          put(progress, flushed(thread), i);
        }
      } finally {
        lock.unlock();
      }
    }
  }

  private static BlockJob start(
      String job, Path dir, LiveDisk disk, BlockJobs jobs, OpenOptions options) throws IOException {
    String mid = dir.resolve("mid").toString();
    String target = dir.resolve("target").toString();
    BlockJob j;
    switch (job) {
      case "stream" -> j = jobs.stream(null, disk, null, null, 3 << 20);
      case "commit" -> j = jobs.commit(null, disk, mid, null, 3 << 20);
      case "active" -> j = jobs.commit(null, disk, null, null, 20 << 20);
      case "mirror", "backup" -> {
        ImageFormats.byName(target, "qcow2").create(CreateOptions.of(target, DISK_BYTES));
        BlockNode t = Images.open(target, options.withFormat("qcow2"));
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
