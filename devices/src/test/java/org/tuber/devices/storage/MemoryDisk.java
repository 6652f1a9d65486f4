package org.tuber.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamPieces;

/** A disk in memory whose requests are done at once, or fail on demand. */
public final class MemoryDisk implements BlockBackend {
  public byte[] bytes;
  private final List<Runnable> sizeListeners = new ArrayList<>();
  public boolean readOnly;
  public boolean failing;

  /** The host has all of it in its memory. */
  public boolean immediate = true;

  /** Reads that took no waiting. */
  public int readsAtOnce;

  public int flushes;
  public int discards;

  public MemoryDisk(int sectors) {
    bytes = new byte[sectors * SECTOR_BYTES];
    for (int s = 0; s < sectors; s++) {
      Arrays.fill(bytes, s * SECTOR_BYTES, (s + 1) * SECTOR_BYTES, (byte) (s * 7 + 1));
    }
  }

  private CompletableFuture<Void> answer(long offset, long length, Runnable work) {
    if (failing || offset < 0 || offset > bytes.length - length) {
      return CompletableFuture.failedFuture(new IOException("sector not found"));
    }
    work.run();
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void onResize(Runnable listener) {
    sizeListeners.add(listener);
  }

  /** Grows or shrinks. */
  public void resize(int sectors) {
    bytes = Arrays.copyOf(bytes, sectors * SECTOR_BYTES);
    sizeListeners.forEach(Runnable::run);
  }

  @Override
  public long lengthBytes() {
    return bytes.length;
  }

  @Override
  public boolean isReadOnly() {
    return readOnly;
  }

  @Override
  public CompletableFuture<Void> read(long offset, MemorySegment target) {
    MemorySegment all = MemorySegment.ofArray(bytes);
    long n = target.byteSize();
    return answer(offset, n, () -> MemorySegment.copy(all, offset, target, 0, n));
  }

  @Override
  public boolean readAtOnce(long offset, RamPieces target) {
    if (!immediate || failing || offset < 0 || offset > bytes.length - target.bytes()) {
      return false;
    }
    int at = (int) offset;
    for (int i = 0; i < target.count(); i++) {
      for (long k = 0; k < target.lengthBytes(i); k++) {
        GuestRam.hostStore8(target.hostAddress(i) + k, bytes[at++]);
      }
    }
    readsAtOnce++;
    return true;
  }

  @Override
  public CompletableFuture<Void> write(long offset, MemorySegment source) {
    MemorySegment all = MemorySegment.ofArray(bytes);
    long n = source.byteSize();
    return answer(offset, n, () -> MemorySegment.copy(source, 0, all, offset, n));
  }

  @Override
  public CompletableFuture<Void> flush() {
    flushes++;
    return answer(0, 0, () -> {});
  }

  @Override
  public CompletableFuture<Void> discard(long offset, long length) {
    discards++;
    return answer(
        offset, length, () -> Arrays.fill(bytes, (int) offset, (int) (offset + length), (byte) 0));
  }

  @Override
  public CompletableFuture<Void> writeZeroes(long offset, long length) {
    return discard(offset, length);
  }

  @Override
  public void close() {}
}
