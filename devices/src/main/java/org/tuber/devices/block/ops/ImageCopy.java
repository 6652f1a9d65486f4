package org.tuber.devices.block.ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;

/**
 * Copies disks into another one, several pieces at a time: {@code img convert}.
 *
 * <p>Workers read and compress side by side; they write in the order of the disk unless told
 * otherwise, so that the target is laid out in sequence.
 */
public final class ImageCopy {
  private static final int CHUNK_BYTES = 2 << 20;
  private static final int MIN_ZERO_UNIT = 4096;

  /**
   * How to copy.
   *
   * @param threads workers
   * @param compress store clusters compressed
   * @param sparseBytes runs of zeros at least this long are not written; 0 writes all
   * @param targetIsZero unwritten parts of the target read as zero
   * @param inOrder write in sequence
   * @param base ranges that only {@code base} of the source provides are left to the target's own
   *     backing file; null copies everything
   * @param salvage unreadable parts become zeros
   * @param pace how fast
   */
  public record Options(
      int threads,
      boolean compress,
      long sparseBytes,
      boolean targetIsZero,
      boolean inOrder,
      BlockNode base,
      boolean salvage,
      Pace pace) {
    /** As many workers as processors, sparse, in order, into a fresh target. */
    public static Options standard() {
      int cpus = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 16);
      return new Options(cpus, false, MIN_ZERO_UNIT, true, true, null, false, new Pace(0));
    }
  }

  private final List<BlockNode> sources;
  private final BlockNode target;
  private final Options options;
  private final Progress progress;
  private final int unit;
  private final long total;

  /** Not a monitor: those spin before they sleep, which costs what the other worker needs. */
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition turnChanged = lock.newCondition();
  private int sourceIndex;
  private long sourceOffset;

  /** What was last asked of the source; it is copied in several pieces. */
  private ChainStatus.Extent extent;

  private long extentEnd;
  private int extentSource;
  private long targetOffset;
  private long nextTicket;
  private long turn;
  private long done;
  private IOException failure;

  /** Prepares to copy the sources one after the other. */
  public ImageCopy(List<BlockNode> sources, BlockNode target, Options options, Progress progress) {
    this.sources = List.copyOf(sources);
    this.target = target;
    this.options = options;
    this.progress = progress;
    int cluster = target.clusterBytes();
    this.unit =
        options.compress
            ? cluster
            : Math.clamp(Math.max(cluster, options.sparseBytes), MIN_ZERO_UNIT, CHUNK_BYTES);
    long sum = 0;
    for (BlockNode s : sources) {
      sum += s.lengthBytes();
    }
    this.total = sum;
  }

  /** One piece of work. */
  private record Piece(
      long ticket, BlockNode source, long from, long to, int length, ChainStatus.Extent extent) {}

  /** Copies everything. */
  public void run() throws IOException {
    if (options.compress && target.clusterBytes() == 0) {
      throw new ImageException(
          target.filename(), "compression", "not supported by " + target.formatName());
    }
    try (ExecutorService pool = Executors.newFixedThreadPool(options.threads, ImageCopy::thread)) {
      List<Future<?>> workers = new ArrayList<>();
      for (int i = 0; i < options.threads; i++) {
        workers.add(pool.submit(new Worker()));
      }
      for (Future<?> w : workers) {
        w.get();
      }
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (failure != null) {
      throw failure;
    }
    progress.report(total, total);
  }

  private static Thread thread(Runnable r) {
    Thread t = new Thread(r, "image copy");
    t.setDaemon(true);
    return t;
  }

  private Piece next() throws IOException {
    lock.lock();
    try {
      return nextLocked();
    } finally {
      lock.unlock();
    }
  }

  private Piece nextLocked() throws IOException {
    while (failure == null && sourceIndex < sources.size()) {
      BlockNode source = sources.get(sourceIndex);
      long left = source.lengthBytes() - sourceOffset;
      if (left <= 0) {
        sourceIndex++;
        sourceOffset = 0;
        continue;
      }
      if (extentEnd <= sourceOffset || extentSource != sourceIndex) {
        extent = extent(source, left);
        extentEnd = sourceOffset + extent.length();
        extentSource = sourceIndex;
      }
      ChainStatus.Extent e = extent;
      boolean skip = e.node() == null && options.base != null || e.zero() && !mustWriteZeros();
      long n = extentEnd - sourceOffset;
      if (e.data()) {
        n = Math.min(n, CHUNK_BYTES - (targetOffset & unit - 1));
      } else if (!skip) {
        n = Math.min(n, 1L << 30);
      }
      if (options.compress && e.data()) {
        // A cluster is compressed whole, even if a part of it is a hole.
        n = Math.min(left, n + unit - 1 & -(long) unit);
      }
      Piece p =
          new Piece(nextTicket, source, sourceOffset, targetOffset, (int) Math.min(n, 1 << 30), e);
      sourceOffset += skip ? n : p.length;
      targetOffset += skip ? n : p.length;
      if (!skip) {
        nextTicket++;
        return p;
      }
      done += n;
    }
    return null;
  }

  private ChainStatus.Extent extent(BlockNode source, long left) throws IOException {
    try {
      return ChainStatus.joined(source, options.base, sourceOffset, Math.min(left, 1L << 30));
    } catch (IOException e) {
      if (!options.salvage) {
        throw e;
      }
      return new ChainStatus.Extent(
          sourceOffset, Math.min(left, unit), 0, source, true, false, true, -1, false);
    }
  }

  private boolean mustWriteZeros() {
    return !options.targetIsZero || options.sparseBytes == 0 || options.base != null;
  }

  private void awaitTurn(long ticket) throws IOException {
    lock.lock();
    try {
      while (options.inOrder && turn != ticket && failure == null) {
        turnChanged.await();
      }
      if (failure != null) {
        throw failure;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  private void finish(Piece p) {
    lock.lock();
    try {
      turn = Math.max(turn, p.ticket + 1);
      done += p.length;
      progress.report(done, total);
      turnChanged.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void fail(IOException e) {
    lock.lock();
    try {
      if (failure == null) {
        failure = e;
      }
      turnChanged.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Takes pieces until none is left. */
  private final class Worker implements Runnable {
    private final ByteBuffer buffer = Bytes.pageAligned(CHUNK_BYTES + unit);
    private final byte[] cluster = new byte[options.compress ? unit : 0];

    @Override
    public void run() {
      try {
        for (Piece p = next(); p != null; p = next()) {
          copy(p);
          finish(p);
        }
      } catch (IOException e) {
        fail(e);
      } catch (RuntimeException | Error e) {
        fail(new IOException(e));
      }
    }

    private void copy(Piece p) throws IOException {
      if (p.extent.zero()) {
        awaitTurn(p.ticket);
        target.writeZeroes(p.to, p.length, options.sparseBytes != 0);
        return;
      }
      buffer.clear().limit(p.length);
      try {
        p.source.read(p.from, buffer);
      } catch (IOException e) {
        if (!options.salvage) {
          throw e;
        }
        salvage(p);
      }
      if (options.compress) {
        writeCompressed(p);
      } else {
        awaitTurn(p.ticket);
        writeSparse(p);
      }
    }

    private void salvage(Piece p) {
      for (int at = 0; at < p.length; at += 512) {
        buffer.clear().position(at).limit(Math.min(p.length, at + 512));
        try {
          p.source.read(p.from + at, buffer);
        } catch (IOException e) {
          buffer.position(at);
          Bytes.zeroFill(buffer);
        }
      }
    }

    private void writeSparse(Piece p) throws IOException {
      int at = 0;
      while (at < p.length) {
        boolean zero = isZero(p, at);
        int end = unitEnd(p, at);
        while (end < p.length && isZero(p, end) == zero) {
          end = unitEnd(p, end);
        }
        if (!zero) {
          options.pace.take(end - at);
          target.write(p.to + at, buffer.slice(at, end - at));
        } else if (mustWriteZeros()) {
          target.writeZeroes(p.to + at, end - at, true);
        }
        at = end;
      }
    }

    private int unitEnd(Piece p, int at) {
      long next = (p.to + at & -(long) unit) + unit;
      return (int) Math.min(p.length, next - p.to);
    }

    private boolean isZero(Piece p, int at) {
      return options.sparseBytes != 0 && Bytes.isZero(buffer, at, unitEnd(p, at) - at);
    }

    private void writeCompressed(Piece p) throws IOException {
      int clusters = (p.length + unit - 1) / unit;
      byte[][] packed = new byte[clusters][];
      boolean[] zero = new boolean[clusters];
      for (int i = 0; i < clusters; i++) {
        int n = Math.min(unit, p.length - i * unit);
        if (Bytes.isZero(buffer, i * unit, n) && options.sparseBytes != 0) {
          zero[i] = true;
          continue;
        }
        buffer.get(i * unit, cluster, 0, n);
        Arrays.fill(cluster, n, unit, (byte) 0);
        packed[i] = target.compressCluster(cluster);
      }
      awaitTurn(p.ticket);
      for (int i = 0; i < clusters; i++) {
        long to = p.to + (long) i * unit;
        int n = Math.min(unit, p.length - i * unit);
        if (packed[i] != null) {
          options.pace.take(packed[i].length);
          target.writeCompressed(to, packed[i]);
        } else if (!zero[i]) {
          options.pace.take(n);
          target.write(to, buffer.slice(i * unit, n));
        } else if (mustWriteZeros()) {
          target.writeZeroes(to, n, true);
        }
      }
    }
  }
}
