package org.tuber.devices.block.qcow2;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * The header of a qcow2 image with its extensions and the backing file name ({@code
 * docs/interop/qcow2.txt}, sections "Header" and "Header extensions").
 *
 * <p>Everything here comes from an untrusted file: {@link #read} checks each field before anything
 * is sized by it. Extensions that are not known are kept as they are.
 */
final class Qcow2Header {
  static final int MAGIC = 0x514649fb;
  static final long INCOMPAT_DIRTY = 1;
  static final long INCOMPAT_CORRUPT = 1 << 1;
  static final long INCOMPAT_DATA_FILE = 1 << 2;
  static final long INCOMPAT_COMPRESSION = 1 << 3;
  static final long INCOMPAT_EXTL2 = 1 << 4;
  private static final long INCOMPAT_KNOWN = 0x1f;
  static final long COMPAT_LAZY_REFCOUNTS = 1;
  static final long AUTOCLEAR_BITMAPS = 1;
  static final long AUTOCLEAR_DATA_FILE_RAW = 2;
  static final int CRYPT_NONE = 0;
  static final int CRYPT_AES = 1;
  static final int CRYPT_LUKS = 2;
  static final int EXT_BACKING_FORMAT = 0xe2792aca;
  static final int EXT_FEATURE_NAMES = 0x6803f857;
  static final int EXT_BITMAPS = 0x23852875;
  static final int EXT_CRYPTO = 0x0537be77;
  static final int EXT_DATA_FILE = 0x44415441;
  private static final int V2_LENGTH = 72;
  private static final int V3_MIN_LENGTH = 104;
  private static final int V3_LENGTH = 112;
  private static final int MAX_BACKING_NAME = 1023;
  static final long MAX_L1_BYTES = 32L << 20;
  static final long MAX_REFTABLE_BYTES = 8L << 20;
  static final int MAX_SNAPSHOTS = 65536;

  /** One header extension. */
  private static final class Extension {
    final int type;
    final byte[] data;

    Extension(int type, byte[] data) {
      this.type = type;
      this.data = data;
    }
  }

  int version;
  int clusterBits;
  long sizeBytes;
  int cryptMethod;
  int l1Size;
  long l1Offset;
  long refTableOffset;
  int refTableClusters;
  int snapshotCount;
  long snapshotsOffset;
  long incompatible;
  long compatible;
  long autoclear;
  int refcountOrder = 4;
  int compressionType;
  String backingName;
  private final List<Extension> extensions = new ArrayList<>();
  private byte[] unknownTail = new byte[0];

  int clusterBytes() {
    return 1 << clusterBits;
  }

  boolean hasExtendedL2() {
    return (incompatible & INCOMPAT_EXTL2) != 0;
  }

  boolean hasDataFile() {
    return (incompatible & INCOMPAT_DATA_FILE) != 0;
  }

  int l2EntryBytes() {
    return hasExtendedL2() ? 16 : 8;
  }

  /** Entries of one L2 table. */
  int l2Entries() {
    return clusterBytes() / l2EntryBytes();
  }

  /** L1 entries a disk of this size needs. */
  long l1EntriesFor(long diskBytes) {
    long perL2 = (long) l2Entries() << clusterBits;
    return diskBytes / perL2 + (diskBytes % perL2 != 0 ? 1 : 0);
  }

  byte[] extension(int type) {
    for (Extension e : extensions) {
      if (e.type == type) {
        return e.data;
      }
    }
    return null;
  }

  /** Sets or, with null, removes an extension. */
  void setExtension(int type, byte[] data) {
    extensions.removeIf(e -> e.type == type);
    if (data != null) {
      extensions.add(new Extension(type, data));
    }
  }

  String backingFormat() {
    byte[] b = extension(EXT_BACKING_FORMAT);
    return b == null ? null : new String(b, StandardCharsets.UTF_8);
  }

  String dataFileName() {
    byte[] b = extension(EXT_DATA_FILE);
    return b == null ? null : new String(b, StandardCharsets.UTF_8);
  }

  /** Reads and checks the header. */
  static Qcow2Header read(ImageFile file) throws IOException {
    Qcow2Header h = new Qcow2Header();
    String name = file.name();
    byte[] b = Bytes.readArray(file, 0, 128);
    require(name, Bytes.be32(b, 0) == MAGIC, "magic", "Image is not in qcow2 format");
    h.version = Bytes.be32(b, 4);
    require(name, h.version == 2 || h.version == 3, "version", "unsupported: " + h.version);
    h.clusterBits = Bytes.be32(b, 20);
    require(
        name,
        h.clusterBits >= 9 && h.clusterBits <= 21,
        "cluster_bits",
        "Unsupported cluster size: 2^" + h.clusterBits);
    int length = V2_LENGTH;
    if (h.version >= 3) {
      length = Bytes.be32(b, 100);
      require(
          name,
          length >= V3_MIN_LENGTH && length <= h.clusterBytes() && length % 8 == 0,
          "header_length",
          "invalid: " + Integer.toUnsignedString(length));
      h.incompatible = Bytes.be64(b, 72);
      h.compatible = Bytes.be64(b, 80);
      h.autoclear = Bytes.be64(b, 88);
      h.refcountOrder = Bytes.be32(b, 96);
      h.compressionType = length > V3_MIN_LENGTH ? b[104] & 0xff : 0;
      if (length > V3_LENGTH) {
        h.unknownTail = Bytes.readArray(file, V3_LENGTH, length - V3_LENGTH);
      }
    }
    h.sizeBytes = Bytes.be64(b, 24);
    h.cryptMethod = Bytes.be32(b, 32);
    h.l1Size = Bytes.be32(b, 36);
    h.l1Offset = Bytes.be64(b, 40);
    h.refTableOffset = Bytes.be64(b, 48);
    h.refTableClusters = Bytes.be32(b, 56);
    h.snapshotCount = Bytes.be32(b, 60);
    h.snapshotsOffset = Bytes.be64(b, 64);
    byte[] cluster = Bytes.readArray(file, 0, h.clusterBytes());
    long backingOffset = Bytes.be64(b, 8);
    long backingLength = Bytes.beU32(b, 16);
    require(
        name,
        backingOffset >= 0
            && (backingOffset == 0 || backingOffset >= length)
            && backingOffset <= h.clusterBytes(),
        "backing_file_offset",
        "Invalid backing file offset " + backingOffset);
    if (backingOffset != 0) {
      require(
          name,
          backingLength <= Math.min(MAX_BACKING_NAME, h.clusterBytes() - backingOffset),
          "backing_file_size",
          "Backing file name too long: " + backingLength);
      if (backingLength > 0) {
        h.backingName =
            new String(cluster, (int) backingOffset, (int) backingLength, StandardCharsets.UTF_8);
      }
    }
    int end = backingOffset != 0 ? (int) backingOffset : h.clusterBytes();
    h.readExtensions(name, cluster, length, end);
    h.check(file);
    return h;
  }

  private static void require(String image, boolean good, String field, String problem)
      throws ImageException {
    if (!good) {
      throw new ImageException(image, field, problem);
    }
  }

  private void readExtensions(String name, byte[] cluster, int from, int end)
      throws ImageException {
    int at = from;
    while (at + 8 <= end) {
      int type = Bytes.be32(cluster, at);
      long length = Bytes.beU32(cluster, at + 4);
      if (type == 0) {
        return;
      }
      at += 8;
      require(
          name,
          length <= end - at,
          "header extension 0x" + Integer.toHexString(type),
          "Header extension too large: " + length);
      byte[] data = new byte[(int) length];
      System.arraycopy(cluster, at, data, 0, (int) length);
      extensions.add(new Extension(type, data));
      at += (int) ((length + 7) & ~7);
    }
  }

  private void check(ImageFile file) throws IOException {
    String name = file.name();
    long fileSize = file.size();
    long clusterMask = clusterBytes() - 1L;
    long unknown = incompatible & ~INCOMPAT_KNOWN;
    require(
        name,
        unknown == 0,
        "incompatible_features",
        "Unsupported qcow2 feature(s): " + featureNames(unknown));
    require(name, refcountOrder >= 0 && refcountOrder <= 6, "refcount_order", "must be 0 to 6");
    require(name, cryptMethod >= 0 && cryptMethod <= 2, "crypt_method", "unknown: " + cryptMethod);
    require(name, compressionType <= 1, "compression_type", "unknown: " + compressionType);
    require(
        name,
        (compressionType != 0) == ((incompatible & INCOMPAT_COMPRESSION) != 0),
        "compression_type",
        "does not agree with the incompatible feature bit");
    require(
        name,
        !hasExtendedL2() || clusterBits >= 14,
        "cluster_bits",
        "extended L2 entries need clusters of at least 16384 bytes");
    require(name, sizeBytes >= 0, "size", "negative");
    long l1Entries = Integer.toUnsignedLong(l1Size);
    require(name, l1Entries * 8 <= MAX_L1_BYTES, "l1_size", "Active L1 table too large");
    require(
        name,
        (l1Offset & clusterMask) == 0 && l1Offset >= 0,
        "l1_table_offset",
        "not aligned to a cluster");
    require(name, l1Entries >= l1EntriesFor(sizeBytes), "l1_size", "L1 table is too small");
    require(
        name,
        l1Entries == 0 || l1Offset > 0 && l1Offset <= fileSize - l1Entries * 8,
        "l1_table_offset",
        "the table is outside the file");
    long refTableBytes = Integer.toUnsignedLong(refTableClusters) << clusterBits;
    require(
        name,
        refTableClusters != 0 && refTableBytes <= MAX_REFTABLE_BYTES,
        "refcount_table_clusters",
        "Reference count table too large or empty");
    require(
        name,
        (refTableOffset & clusterMask) == 0 && refTableOffset > 0 && refTableOffset <= fileSize - 8,
        "refcount_table_offset",
        "not aligned, or outside the file");
    require(
        name,
        Integer.toUnsignedLong(snapshotCount) <= MAX_SNAPSHOTS,
        "nb_snapshots",
        "more than " + MAX_SNAPSHOTS);
    require(
        name,
        snapshotCount == 0
            || (snapshotsOffset & clusterMask) == 0
                && snapshotsOffset > 0
                && snapshotsOffset < fileSize,
        "snapshots_offset",
        "not aligned, or outside the file");
    require(
        name,
        !hasDataFile() || snapshotCount == 0,
        "nb_snapshots",
        "internal snapshots cannot exist with an external data file");
  }

  private String featureNames(long bits) {
    StringBuilder s = new StringBuilder();
    byte[] names = extension(EXT_FEATURE_NAMES);
    for (int bit = 0; bit < 64; bit++) {
      if ((bits >>> bit & 1) == 0) {
        continue;
      }
      String known = "Unknown incompatible feature: " + Long.toHexString(1L << bit);
      for (int at = 0; names != null && at + 48 <= names.length; at += 48) {
        if (names[at] == 0 && names[at + 1] == bit) {
          known = Bytes.string(names, at + 2, 46);
        }
      }
      s.append(s.isEmpty() ? "" : ", ").append(known);
    }
    return s.toString();
  }

  /** Names of all features, so that older programs can tell users what they miss. */
  private static byte[] featureTable() {
    ByteBuffer t = ByteBuffer.allocate(48 * 8);
    String[] names = {
      "00dirty bit",
      "01corrupt bit",
      "02external data file",
      "03compression type",
      "04extended L2 entries",
      "10lazy refcounts",
      "20bitmaps",
      "21raw external data"
    };
    for (int i = 0; i < names.length; i++) {
      t.put(48 * i, (byte) (names[i].charAt(0) - '0'));
      t.put(48 * i + 1, (byte) (names[i].charAt(1) - '0'));
      t.put(48 * i + 2, names[i].substring(2).getBytes(StandardCharsets.US_ASCII));
    }
    return t.array();
  }

  /** The header as it stands in the file: one cluster at most. */
  byte[] encode(String image) throws ImageException {
    extensions.removeIf(e -> e.type == EXT_FEATURE_NAMES);
    byte[] result = encode(image, version >= 3);
    if (result.length > clusterBytes()) {
      // 512-byte clusters may lack room for the feature names, which are optional.
      result = encode(image, false);
    }
    if (result.length > clusterBytes()) {
      throw new ImageException(image, "header", "does not fit into one cluster");
    }
    return result;
  }

  private byte[] encode(String image, boolean withNames) throws ImageException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] fixed = new byte[version >= 3 ? V3_LENGTH : V2_LENGTH];
    Bytes.putBe32(fixed, 0, MAGIC);
    Bytes.putBe32(fixed, 4, version);
    Bytes.putBe32(fixed, 20, clusterBits);
    Bytes.putBe64(fixed, 24, sizeBytes);
    Bytes.putBe32(fixed, 32, cryptMethod);
    Bytes.putBe32(fixed, 36, l1Size);
    Bytes.putBe64(fixed, 40, l1Offset);
    Bytes.putBe64(fixed, 48, refTableOffset);
    Bytes.putBe32(fixed, 56, refTableClusters);
    Bytes.putBe32(fixed, 60, snapshotCount);
    Bytes.putBe64(fixed, 64, snapshotsOffset);
    if (version >= 3) {
      Bytes.putBe64(fixed, 72, incompatible);
      Bytes.putBe64(fixed, 80, compatible);
      Bytes.putBe64(fixed, 88, autoclear);
      Bytes.putBe32(fixed, 96, refcountOrder);
      Bytes.putBe32(fixed, 100, V3_LENGTH + unknownTail.length);
      fixed[104] = (byte) compressionType;
    }
    out.writeBytes(fixed);
    if (version >= 3) {
      out.writeBytes(unknownTail);
    }
    if (withNames) {
      appendExtension(out, EXT_FEATURE_NAMES, featureTable());
    }
    for (Extension e : extensions) {
      appendExtension(out, e.type, e.data);
    }
    appendExtension(out, 0, new byte[0]);
    if (backingName != null) {
      byte[] backing = backingName.getBytes(StandardCharsets.UTF_8);
      if (backing.length > MAX_BACKING_NAME) {
        throw new ImageException(image, "backing_file", "the name is longer than 1023 bytes");
      }
      Bytes.putBe64(fixed, 8, out.size());
      Bytes.putBe32(fixed, 16, backing.length);
      out.writeBytes(backing);
    }
    byte[] result = out.toByteArray();
    System.arraycopy(fixed, 0, result, 0, fixed.length);
    return result;
  }

  private static void appendExtension(ByteArrayOutputStream out, int type, byte[] data) {
    byte[] head = new byte[8];
    Bytes.putBe32(head, 0, type);
    Bytes.putBe32(head, 4, data.length);
    out.writeBytes(head);
    out.writeBytes(data);
    out.writeBytes(new byte[-data.length & 7]);
  }
}
