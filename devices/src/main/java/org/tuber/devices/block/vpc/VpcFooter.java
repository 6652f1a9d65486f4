package org.tuber.devices.block.vpc;

import java.util.UUID;
import org.tuber.devices.block.Bytes;

/** The 512-byte footer of a VHD image (Virtual Hard Disk Image Format Specification, 1.0). */
final class VpcFooter {
  static final int BYTES = 512;
  static final int FIXED = 2;
  static final int DYNAMIC = 3;
  static final int DIFFERENCING = 4;
  private static final String COOKIE = "conectix";
  private static final int CHECKSUM_AT = 64;

  /** Seconds from 1970 to 2000, where the format's time begins. */
  private static final long EPOCH_SECONDS = 946_684_800L;

  private static final long MAX_CHS_SECTORS = 65535L * 16 * 255;

  private VpcFooter() {}

  static boolean isValid(byte[] f) {
    return Bytes.startsWith(f, 0, COOKIE)
        && Bytes.be32(f, CHECKSUM_AT) == checksum(f, BYTES, CHECKSUM_AT);
  }

  /** Ones' complement of the sum of all bytes but the checksum's own. */
  static int checksum(byte[] b, int length, int checksumAt) {
    int sum = 0;
    for (int i = 0; i < length; i++) {
      if (i < checksumAt || i >= checksumAt + 4) {
        sum += b[i] & 0xff;
      }
    }
    return ~sum;
  }

  /** Disk size: for some programs it follows from the geometry, which rounds it. */
  static long diskBytes(byte[] f) {
    String creator = Bytes.string(f, 28, 4);
    long geometry = (long) Bytes.be16(f, 56) * (f[58] & 0xff) * (f[59] & 0xff);
    boolean exact =
        switch (creator) {
          case "win ", "qem2", "d2v ", "tap", "CTXS" -> true;
          default -> geometry >= MAX_CHS_SECTORS;
        };
    return exact ? Bytes.be64(f, 48) & -512L : geometry * 512;
  }

  static byte[] create(long diskBytes, int type) {
    byte[] f = new byte[BYTES];
    System.arraycopy(COOKIE.getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, f, 0, 8);
    Bytes.putBe32(f, 8, 2);
    Bytes.putBe32(f, 12, 0x00010000);
    Bytes.putBe64(f, 16, type == FIXED ? -1 : BYTES);
    Bytes.putBe32(f, 24, (int) (System.currentTimeMillis() / 1000 - EPOCH_SECONDS));
    // The creator mark by which other programs take the exact size instead of the geometry.
    f[28] = 'q';
    f[29] = 'e';
    f[30] = 'm';
    f[31] = '2';
    Bytes.putBe32(f, 32, 0x00010000);
    System.arraycopy(new byte[] {'W', 'i', '2', 'k'}, 0, f, 36, 4);
    Bytes.putBe64(f, 40, diskBytes);
    Bytes.putBe64(f, 48, diskBytes);
    putGeometry(f, diskBytes / 512);
    Bytes.putBe32(f, 60, type);
    UUID u = UUID.randomUUID();
    Bytes.putBe64(f, 68, u.getMostSignificantBits());
    Bytes.putBe64(f, 76, u.getLeastSignificantBits());
    Bytes.putBe32(f, CHECKSUM_AT, checksum(f, BYTES, CHECKSUM_AT));
    return f;
  }

  /** The specification's appendix "CHS calculation". */
  private static void putGeometry(byte[] f, long diskSectors) {
    long total = Math.min(diskSectors, MAX_CHS_SECTORS);
    long perTrack;
    long heads;
    long cylindersTimesHeads;
    if (total >= 65535L * 16 * 63) {
      perTrack = 255;
      heads = 16;
      cylindersTimesHeads = total / perTrack;
    } else {
      perTrack = 17;
      cylindersTimesHeads = total / perTrack;
      heads = Math.max(4, (cylindersTimesHeads + 1023) / 1024);
      if (cylindersTimesHeads >= heads * 1024 || heads > 16) {
        perTrack = 31;
        heads = 16;
        cylindersTimesHeads = total / perTrack;
      }
      if (cylindersTimesHeads >= heads * 1024) {
        perTrack = 63;
        heads = 16;
        cylindersTimesHeads = total / perTrack;
      }
    }
    Bytes.putBe16(f, 56, (int) (cylindersTimesHeads / heads));
    f[58] = (byte) heads;
    f[59] = (byte) perTrack;
  }
}
