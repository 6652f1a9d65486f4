package org.tuber.devices.block;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/**
 * An image file in memory that shares its content with others and keeps only the pages that differ:
 * making one costs nothing, however large the image is.
 */
final class PatchedFile extends FileInMemory {
  private static final int PAGE = 4096;

  private final byte[] shared;
  private final Map<Integer, byte[]> pages = new HashMap<>();
  private long size;

  PatchedFile(byte[] shared) {
    this.shared = shared;
    this.size = shared.length;
  }

  private byte[] page(long offset) {
    return pages.computeIfAbsent(
        (int) (offset / PAGE),
        n -> {
          byte[] page = new byte[PAGE];
          int from = n * PAGE;
          if (from < shared.length) {
            System.arraycopy(shared, from, page, 0, Math.min(PAGE, shared.length - from));
          }
          return page;
        });
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    long at = offset;
    while (target.hasRemaining() && at < size) {
      int inPage = (int) (at % PAGE);
      int n = (int) Math.min(Math.min(target.remaining(), PAGE - inPage), size - at);
      byte[] page = pages.get((int) (at / PAGE));
      if (page != null) {
        target.put(page, inPage, n);
      } else {
        int there = Math.clamp(shared.length - at, 0, n);
        target.put(shared, there == 0 ? 0 : (int) at, there);
        target.put(new byte[n - there]);
      }
      at += n;
    }
    Bytes.zeroFill(target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    grow(offset + source.remaining());
    long at = offset;
    while (source.hasRemaining()) {
      int inPage = (int) (at % PAGE);
      int n = Math.min(source.remaining(), PAGE - inPage);
      source.get(page(at), inPage, n);
      at += n;
    }
  }

  @Override
  void extendTo(long end) {
    size = Math.max(size, end);
  }

  @Override
  public void setSize(long bytes) throws IOException {
    grow(bytes);
    if (bytes < size) {
      zero(bytes, size - bytes);
      size = bytes;
    }
  }

  private void zero(long offset, long length) {
    byte[] zeros = new byte[PAGE];
    for (long at = offset; at < offset + length; ) {
      int inPage = (int) (at % PAGE);
      int n = (int) Math.min(PAGE - inPage, offset + length - at);
      if (at < shared.length || pages.containsKey((int) (at / PAGE))) {
        System.arraycopy(zeros, 0, page(at), inPage, n);
      }
      at += n;
    }
  }

  @Override
  public void discard(long offset, long length) {
    long from = Math.min(size, offset);
    zero(from, Math.min(size, offset + length) - from);
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    grow(offset + length);
    zero(offset, length);
  }
}
