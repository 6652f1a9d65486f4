package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.crypt.DiskCipher;

/** What {@code info} tells of a qcow2 image, and its key slots. */
final class Qcow2Facts {
  private static final Logger LOG = LoggerFactory.getLogger(Qcow2Facts.class);

  private final Qcow2Image image;
  private final Qcow2Header header;

  Qcow2Facts(Qcow2Image image) {
    this.image = image;
    this.header = image.header();
  }

  /** The place and length of the LUKS header; null for other images. */
  byte[] cryptoHeader() throws ImageException {
    byte[] ext = header.extension(Qcow2Header.EXT_CRYPTO);
    if (ext != null && ext.length != 16) {
      throw new ImageException(image.filename(), "encryption extension", "has not 16 bytes");
    }
    return ext;
  }

  private Map<String, Object> encryptionFacts() {
    Map<String, Object> facts = new LinkedHashMap<>();
    try {
      byte[] place = cryptoHeader();
      if (place == null) {
        facts.put("format", "aes");
      } else {
        DiskCipher.describeLuks(image.file(), Bytes.be64(place, 0), facts, "luks");
      }
    } catch (IOException e) {
      LOG.warn("{}: {}", image.filename(), e.getMessage());
    }
    return facts;
  }

  /** Adds or erases a key slot. */
  void amendKeys(AmendOptions amend) throws IOException {
    byte[] place = cryptoHeader();
    if (place == null) {
      throw new ImageException(
          image.filename(),
          "encrypt.state",
          "Only LUKS encryption options can be amended for qcow2");
    }
    byte[] present = image.options().secrets().apply(image.options().secretId());
    DiskCipher.amendLuks(image.file(), Bytes.be64(place, 0), amend, "encrypt.", present);
  }

  ImageInfo.Specific specific() {
    ImageInfo.Specific s = ImageInfo.Specific.ofType("qcow2");
    s.with("compat", header.version >= 3 ? "1.1" : "0.10");
    s.with("compression-type", header.compressionType == ClusterCodec.ZSTD ? "zstd" : "zlib");
    if (header.version >= 3) {
      s.with("lazy-refcounts", image.commits().isLazy());
    }
    if (!image.bitmapStore().isEmpty()) {
      s.with("bitmaps", image.bitmapStore().describe());
    }
    s.with("refcount-bits", 1 << header.refcountOrder);
    if (image.isEncrypted()) {
      s.with("encrypt", encryptionFacts());
    }
    if (header.version >= 3) {
      s.with("corrupt", (header.incompatible & Qcow2Header.INCOMPAT_CORRUPT) != 0);
    }
    if (header.hasDataFile()) {
      s.with("data-file", header.dataFileName());
      s.with("data-file-raw", (header.autoclear & Qcow2Header.AUTOCLEAR_DATA_FILE_RAW) != 0);
    }
    if (header.version >= 3) {
      s.with("extended-l2", header.hasExtendedL2());
    }
    return s;
  }
}
