package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.AmendableNode;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.ops.Progress;

/**
 * A LUKS volume that fills its file: a raw image, encrypted. Version 1 is read, written and made;
 * version 2 is read and written.
 */
public final class LuksFormat implements ImageFormat {
  private static final Set<String> AMEND_OPTIONS =
      Set.of("state", "new-secret", "old-secret", "keyslot", "iter-time");

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
    return new Volume(file, options, cipher, payload);
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    byte[] secret =
        DiskCipher.passphrase(
            o.filename(), "key-secret", o.secrets(), o.options().get("key-secret"));
    long header = DiskCipher.luksHeaderBytes(o, "");
    long data = o.sizeBytes() + 511 & -512L;
    if (data > CreateOptions.MAX_BYTES - header) {
      throw new ImageException(o.filename(), "size", "The requested file size is too large");
    }
    Preallocation preallocation = Preallocation.parse(o.filename(), o.get("preallocation", "off"));
    try (ImageFile file = Images.createFile(o.filename())) {
      DiskCipher.createLuks(file, 0, secret, o, "");
      file.setSize(header + data);
      reserve(file, header, data, preallocation);
    }
  }

  private static void reserve(ImageFile file, long from, long bytes, Preallocation how)
      throws IOException {
    switch (how) {
      case FALLOC -> file.allocate(from, bytes);
      case FULL -> {
        for (long at = 0; at < bytes; at += 1 << 20) {
          file.write(from + at, ByteBuffer.allocate((int) Math.min(1 << 20, bytes - at)));
        }
      }
      default -> {}
    }
  }

  @Override
  public Set<String> createOptionNames() {
    Set<String> all = new TreeSet<>(DiskCipher.luksOptionNames(""));
    all.add("preallocation");
    return all;
  }

  /** An open volume; the cipher is null when only its facts are wanted. */
  private static final class Volume implements AmendableNode {
    private final ImageFile file;
    private final OpenOptions options;
    private final DiskCipher cipher;
    private final long payload;
    private volatile long length;

    Volume(ImageFile file, OpenOptions options, DiskCipher cipher, long payload)
        throws IOException {
      this.file = file;
      this.options = options;
      this.cipher = cipher;
      this.payload = payload;
      this.length = DiskCipher.luksPayloadBytes(file);
    }

    @Override
    public void amend(AmendOptions o, Progress progress) throws IOException {
      if (file.isReadOnly()) {
        throw new ImageException(filename(), "file", "the image is read-only");
      }
      o.requireOnly(filename(), AMEND_OPTIONS);
      byte[] present = options.secrets().apply(options.secretId());
      DiskCipher.amendLuks(file, 0, o, "", present);
      progress.report(1, 1);
    }

    @Override
    public synchronized void resize(long newLength, Preallocation preallocation)
        throws IOException {
      if (file.isReadOnly()) {
        throw new ImageException(filename(), "file", "the image is read-only");
      }
      long old = length;
      file.setSize(payload + (newLength + 511 & -512L));
      reserve(file, payload + old, Math.max(0, newLength - old), preallocation);
      length = DiskCipher.luksPayloadBytes(file);
    }

    @Override
    public ImageInfo.Specific specificInfo() {
      ImageInfo.Specific s = ImageInfo.Specific.ofType("luks");
      try {
        DiskCipher.describeLuks(file, 0, s.data(), null);
        return s;
      } catch (IOException e) {
        // Version 2 is told of by cryptsetup.
        return null;
      }
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

    private void requireKey() throws ImageException {
      if (cipher == null) {
        throw new ImageException(filename(), "key-secret", "the image was opened without key");
      }
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
      requireInside(offset, target.remaining());
      requireKey();
      cipher.read(file, offset, payload + offset, target);
    }

    @Override
    public synchronized void write(long offset, ByteBuffer source) throws IOException {
      requireInside(offset, source.remaining());
      requireKey();
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
