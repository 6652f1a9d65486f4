package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.crypt.DiskCipher;

/** The qcow2 format: recognising, opening, creating. */
public final class Qcow2Format implements ImageFormat {
  private static final String ENCRYPT = "encrypt.";
  private static final Set<String> OPTION_NAMES = optionNames();

  private static Set<String> optionNames() {
    Set<String> all =
        new TreeSet<>(
            Set.of(
                "compat",
                "backing_file",
                "backing_fmt",
                "cluster_size",
                "preallocation",
                "lazy_refcounts",
                "refcount_bits",
                "extended_l2",
                "compression_type",
                "data_file",
                "data_file_raw",
                "encryption",
                "encrypt.format"));
    all.addAll(DiskCipher.luksOptionNames(ENCRYPT));
    return Set.copyOf(all);
  }

  @Override
  public String name() {
    return "qcow2";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return Bytes.be32(head, 0) == Qcow2Header.MAGIC && Bytes.be32(head, 4) >= 2 ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    Qcow2Image image = new Qcow2Image(file, Qcow2Header.read(file), options);
    image.finishOpening();
    return image;
  }

  @Override
  public Set<String> createOptionNames() {
    return OPTION_NAMES;
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    Qcow2Header h = header(o);
    Preallocation preallocation = Preallocation.parse(o.filename(), o.get("preallocation", "off"));
    String dataFile = o.options().get("data_file");
    boolean raw = o.flag("data_file_raw", false);
    if (dataFile != null) {
      h.incompatible |= Qcow2Header.INCOMPAT_DATA_FILE;
      h.setExtension(Qcow2Header.EXT_DATA_FILE, dataFile.getBytes(StandardCharsets.UTF_8));
      h.autoclear = raw ? Qcow2Header.AUTOCLEAR_DATA_FILE_RAW : 0;
      // A raw data file must read the same without the tables: everything is mapped from the start.
      preallocation =
          raw && preallocation == Preallocation.OFF ? Preallocation.METADATA : preallocation;
    } else if (raw) {
      throw new ImageException(o.filename(), "data_file_raw", "requires data_file");
    }
    if (h.l1EntriesFor(o.sizeBytes()) * 8 > Qcow2Header.MAX_L1_BYTES) {
      throw new ImageException(
          o.filename(), "size", "Image size too large for cluster size " + h.clusterBytes());
    }
    byte[] secret = secret(o);
    h.cryptMethod = secret == null ? Qcow2Header.CRYPT_NONE : Qcow2Header.CRYPT_LUKS;
    try (ImageFile file = Images.createFile(o.filename())) {
      writeSkeleton(file, h);
      if (secret != null) {
        addLuks(file, secret, o);
      }
    }
    if (dataFile != null) {
      Images.createFile(Images.resolve(o.filename(), dataFile)).close();
    }
    OpenOptions open =
        OpenOptions.readWrite().withFormat("qcow2").withOpenBacking(false).withWithoutKeys(true);
    try (BlockNode image = Images.open(o.filename(), open)) {
      image.resize(o.sizeBytes() + 511 & -512L, preallocation);
    }
  }

  private static byte[] secret(CreateOptions o) throws ImageException {
    String format = o.get("encrypt.format", o.flag("encryption", false) ? "aes" : null);
    if (format == null) {
      return null;
    }
    if (!format.equals("luks")) {
      throw new ImageException(o.filename(), "encrypt.format", "new images can be luks only");
    }
    String id = o.options().get("encrypt.key-secret");
    return DiskCipher.passphrase(o.filename(), "encrypt.key-secret", o.secrets(), id);
  }

  /** Allocates room for the LUKS header and writes it. */
  private static void addLuks(ImageFile file, byte[] secret, CreateOptions o) throws IOException {
    OpenOptions options = OpenOptions.readWrite().withFormat("qcow2").withWithoutKeys(true);
    // The image shares the file and is left to the collector: closing it would close the file.
    Qcow2Image image = new Qcow2Image(file, Qcow2Header.read(file), options);
    long bytes = DiskCipher.luksHeaderBytes(o, ENCRYPT);
    long place = image.refcounts().allocate(bytes);
    file.writeZeroes(place, bytes, false);
    DiskCipher.createLuks(file, place, secret, o, ENCRYPT);
    byte[] extension = new byte[16];
    Bytes.putBe64(extension, 0, place);
    Bytes.putBe64(extension, 8, bytes);
    image.header().setExtension(Qcow2Header.EXT_CRYPTO, extension);
    image.commits().commit();
    image.writeHeader();
  }

  private static Qcow2Header header(CreateOptions o) throws ImageException {
    String name = o.filename();
    Qcow2Header h = new Qcow2Header();
    h.version =
        switch (o.get("compat", "1.1")) {
          case "0.10", "v2" -> 2;
          case "1.1", "v3" -> 3;
          default -> throw new ImageException(name, "compat", "must be 0.10 or 1.1");
        };
    boolean extended = o.flag("extended_l2", false);
    long cluster = o.bytes("cluster_size", 65536);
    if (Long.bitCount(cluster) != 1 || cluster < 512 || cluster > 2 << 20) {
      throw new ImageException(
          name, "cluster_size", "must be a power of two between 512 and 2048k");
    }
    h.clusterBits = Long.numberOfTrailingZeros(cluster);
    long bits = o.bytes("refcount_bits", 16);
    if (Long.bitCount(bits) != 1 || bits > 64) {
      throw new ImageException(name, "refcount_bits", "must be a power of two up to 64");
    }
    h.refcountOrder = Long.numberOfTrailingZeros(bits);
    boolean lazy = o.flag("lazy_refcounts", false);
    String compression = o.get("compression_type", "zlib");
    if (!compression.equals("zlib") && !compression.equals("zstd")) {
      throw new ImageException(name, "compression_type", "must be zlib or zstd");
    }
    h.compressionType = compression.equals("zstd") ? ClusterCodec.ZSTD : ClusterCodec.DEFLATE;
    boolean needs3 =
        extended
            || lazy
            || o.options().containsKey("encrypt.format")
            || bits != 16
            || h.compressionType != 0
            || o.options().containsKey("data_file");
    if (h.version < 3 && needs3) {
      throw new ImageException(
          name,
          "compat",
          "these options are only supported with compatibility level 1.1 and above");
    }
    if (extended && h.clusterBits < 14) {
      throw new ImageException(name, "extended_l2", "needs clusters of at least 16384 bytes");
    }
    h.incompatible =
        (extended ? Qcow2Header.INCOMPAT_EXTL2 : 0)
            | (h.compressionType != 0 ? Qcow2Header.INCOMPAT_COMPRESSION : 0);
    h.compatible = lazy ? Qcow2Header.COMPAT_LAZY_REFCOUNTS : 0;
    h.backingName = o.options().get("backing_file");
    String format = o.options().get("backing_fmt");
    if (format != null) {
      h.setExtension(Qcow2Header.EXT_BACKING_FORMAT, format.getBytes(StandardCharsets.UTF_8));
    }
    return h;
  }

  /** Header, refcount table and first refcount block; no disk yet. */
  private static void writeSkeleton(ImageFile file, Qcow2Header h) throws IOException {
    int cluster = h.clusterBytes();
    h.refTableOffset = cluster;
    h.refTableClusters = 1;
    byte[] table = new byte[cluster];
    Bytes.putBe64(table, 0, 2L * cluster);
    byte[] block = new byte[cluster];
    for (int i = 0; i < 3; i++) {
      RefcountWidth.set(block, i, h.refcountOrder, 1);
    }
    file.write(cluster, ByteBuffer.wrap(table));
    file.write(2L * cluster, ByteBuffer.wrap(block));
    file.write(0, ByteBuffer.wrap(h.encode(file.name())));
  }
}
