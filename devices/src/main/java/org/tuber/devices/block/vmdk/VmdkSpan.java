package org.tuber.devices.block.vmdk;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageInfo;

/** A VMDK disk made of several extents, one after the other. */
final class VmdkSpan implements BlockNode {
  /** One extent: a piece of a file, a sparse extent, or zeros if both are null. */
  static final class Part implements Closeable {
    private final long bytes;
    private final ImageFile flat;
    private final long flatOffset;
    private final BlockNode sparse;
    private long start;

    Part(long bytes, ImageFile flat, long flatOffset, BlockNode sparse) {
      this.bytes = bytes;
      this.flat = flat;
      this.flatOffset = flatOffset;
      this.sparse = sparse;
    }

    @Override
    public void close() throws IOException {
      if (flat != null) {
        flat.close();
      }
      if (sparse != null) {
        sparse.close();
      }
    }
  }

  /** What to do with one part's share of a request. */
  private interface Action {
    void run(Part part, long inPart, int bytes) throws IOException;
  }

  private final ImageFile descriptor;
  private final List<Part> parts;
  private final String createType;
  private final long length;

  VmdkSpan(ImageFile descriptor, List<Part> parts, String createType) {
    this.descriptor = descriptor;
    this.parts = List.copyOf(parts);
    this.createType = createType;
    long at = 0;
    for (Part p : parts) {
      p.start = at;
      at += p.bytes;
    }
    this.length = at;
  }

  private Part at(long offset) {
    for (Part p : parts) {
      if (offset < p.start + p.bytes) {
        return p;
      }
    }
    return parts.getLast();
  }

  private void split(long offset, long bytes, Action action) throws IOException {
    requireInside(offset, bytes);
    long done = 0;
    while (done < bytes) {
      Part p = at(offset + done);
      long inPart = offset + done - p.start;
      int n = (int) Math.min(Math.min(bytes - done, p.bytes - inPart), 1 << 30);
      action.run(p, inPart, n);
      done += n;
    }
  }

  @Override
  public String formatName() {
    return "vmdk";
  }

  @Override
  public String filename() {
    return descriptor.name();
  }

  @Override
  public long lengthBytes() {
    return length;
  }

  @Override
  public boolean isReadOnly() {
    return descriptor.isReadOnly()
        || parts.stream().anyMatch(p -> p.sparse != null && p.sparse.isReadOnly());
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    split(
        offset,
        target.remaining(),
        (p, inPart, n) -> {
          ByteBuffer piece = target.slice(target.position(), n);
          if (p.flat != null) {
            p.flat.read(p.flatOffset + inPart, piece);
          } else if (p.sparse != null) {
            p.sparse.read(inPart, piece);
          } else {
            Bytes.zeroFill(piece);
          }
          target.position(target.position() + n);
        });
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    split(
        offset,
        source.remaining(),
        (p, inPart, n) -> {
          ByteBuffer piece = source.slice(source.position(), n);
          if (p.flat != null) {
            p.flat.write(p.flatOffset + inPart, piece);
          } else if (p.sparse != null) {
            p.sparse.write(inPart, piece);
          } else {
            throw new org.tuber.devices.block.ImageException(
                filename(), "extent", "a ZERO extent cannot be written");
          }
          source.position(source.position() + n);
        });
  }

  @Override
  public void writeZeroes(long offset, long bytes, boolean unmap) throws IOException {
    split(
        offset,
        bytes,
        (p, inPart, n) -> {
          if (p.flat != null) {
            p.flat.writeZeroes(p.flatOffset + inPart, n, unmap);
          } else if (p.sparse != null) {
            p.sparse.writeZeroes(inPart, n, unmap);
          }
        });
  }

  @Override
  public void discard(long offset, long bytes) throws IOException {
    split(
        offset,
        bytes,
        (p, inPart, n) -> {
          if (p.flat != null) {
            p.flat.discard(p.flatOffset + inPart, n);
          } else if (p.sparse != null) {
            p.sparse.discard(inPart, n);
          }
        });
  }

  @Override
  public void flush() throws IOException {
    for (Part p : parts) {
      if (p.flat != null) {
        p.flat.flush();
      } else if (p.sparse != null) {
        p.sparse.flush();
      }
    }
  }

  @Override
  public BlockStatus status(long offset, long bytes) throws IOException {
    requireInside(offset, bytes);
    Part p = at(offset);
    long inPart = offset - p.start;
    long n = Math.min(bytes, p.bytes - inPart);
    if (p.flat == null && p.sparse == null) {
      return BlockStatus.of(offset, n, BlockStatus.Kind.ZERO);
    }
    BlockStatus s =
        p.flat != null ? p.flat.status(p.flatOffset + inPart, n) : p.sparse.status(inPart, n);
    return new BlockStatus(offset, s.length(), s.kind(), s.hostOffset(), s.compressed());
  }

  @Override
  public List<ImageFile> files() {
    List<ImageFile> all = new ArrayList<>();
    all.add(descriptor);
    for (Part p : parts) {
      if (p.flat != null) {
        all.add(p.flat);
      } else if (p.sparse != null) {
        all.addAll(p.sparse.files());
      }
    }
    return all;
  }

  @Override
  public ImageInfo.Specific specificInfo() {
    return ImageInfo.Specific.ofType("vmdk").with("create-type", createType);
  }

  @Override
  public void close() throws IOException {
    for (Part p : parts) {
      p.close();
    }
    descriptor.close();
  }
}
