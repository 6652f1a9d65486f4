package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.host.HostFile;

/**
 * A LUKS volume that fills its file: a raw image, encrypted. Version 1 is read, written and made;
 * version 2 is read and written.
 */
public final class LuksFormat implements ImageFormat {
  @Override
  public String name() {
    return "luks";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return DiskCipher.isLuks(head) ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    DiskCipher cipher = options.withoutKeys() ? null : DiskCipher.forLuks(file, options);
    long payload = DiskCipher.luksPayload(file);
    if (payload > file.size()) {
      throw new ImageException(file.name(), "LUKS payload offset", "outside the file");
    }
    return new Volume(file, cipher, payload, DiskCipher.luksPayloadBytes(file));
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    byte[] secret = o.secrets().apply(o.options().get("key-secret"));
    if (secret == null) {
      throw new ImageException(o.filename(), "key-secret", "is required, and must exist");
    }
    try (HostFile file = HostFile.create(o.filename())) {
      DiskCipher.createLuks(file, 0, secret, o.bytes("iter-time", 2000));
      file.setSize(DiskCipher.luksHeaderBytes() + (o.sizeBytes() + 511 & -512L));
    }
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("key-secret", "iter-time");
  }

  /** An open volume; the cipher is null when only its facts are wanted. */
  private static final class Volume implements BlockNode {
    private final ImageFile file;
    private final DiskCipher cipher;
    private final long payload;
    private final long length;

    Volume(ImageFile file, DiskCipher cipher, long payload, long length) {
      this.file = file;
      this.cipher = cipher;
      this.payload = payload;
      this.length = length;
    }

    @Override
    public String formatName() {
      return "luks";
    }

    @Override
    public String filename() {
      return file.name();
    }

    @Override
    public long lengthBytes() {
      return length;
    }

    @Override
    public boolean isReadOnly() {
      return file.isReadOnly();
    }

    @Override
    public boolean isEncrypted() {
      return true;
    }

    @Override
    public boolean startsZeroed() {
      return false;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
      requireInside(offset, target.remaining());
      cipher.read(file, offset, payload + offset, target);
    }

    @Override
    public synchronized void write(long offset, ByteBuffer source) throws IOException {
      requireInside(offset, source.remaining());
      int unit = cipher.sectorBytes();
      if (((offset | source.remaining()) & unit - 1) != 0) {
        long start = offset & -(long) unit;
        long end = offset + source.remaining() + unit - 1 & -(long) unit;
        ByteBuffer whole = ByteBuffer.allocate((int) (end - start));
        cipher.read(file, start, payload + start, whole);
        whole.position((int) (offset - start));
        whole.put(source).clear();
        cipher.write(file, start, payload + start, whole);
        return;
      }
      cipher.write(file, offset, payload + offset, source);
    }

    @Override
    public void writeZeroes(long offset, long bytes, boolean unmap) throws IOException {
      requireInside(offset, bytes);
      for (long done = 0; done < bytes; done += 1 << 20) {
        write(offset + done, ByteBuffer.allocate((int) Math.min(1 << 20, bytes - done)));
      }
    }

    @Override
    public void discard(long offset, long bytes) throws IOException {
      // Which sectors are in use is nobody's business.
      requireInside(offset, bytes);
    }

    @Override
    public void flush() throws IOException {
      file.flush();
    }

    @Override
    public BlockStatus status(long offset, long bytes) throws IOException {
      requireInside(offset, bytes);
      return BlockStatus.of(offset, bytes, BlockStatus.Kind.DATA);
    }

    @Override
    public List<ImageFile> files() {
      return List.of(file);
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
