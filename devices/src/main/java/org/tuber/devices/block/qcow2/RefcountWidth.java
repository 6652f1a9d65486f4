package org.tuber.devices.block.qcow2;

import org.tuber.devices.block.Bytes;

/** Reads and writes counts of 2^order bits in a piece of a refcount block. */
final class RefcountWidth {
  private RefcountWidth() {}

  static long get(byte[] b, long index, int order) {
    return switch (order) {
      case 0, 1, 2 -> {
        int per = 3 - order;
        int v = b[(int) (index >>> per)] & 0xff;
        yield v >>> ((index & (1 << per) - 1) << order) & (1 << (1 << order)) - 1;
      }
      case 3 -> b[(int) index] & 0xff;
      case 4 -> Bytes.be16(b, (int) (index << 1));
      case 5 -> Bytes.beU32(b, (int) (index << 2));
      default -> Bytes.be64(b, (int) (index << 3));
    };
  }

  static void set(byte[] b, long index, int order, long value) {
    switch (order) {
      case 0, 1, 2 -> {
        int per = 3 - order;
        int at = (int) (index >>> per);
        int shift = (int) (index & (1 << per) - 1) << order;
        int field = (1 << (1 << order)) - 1 << shift;
        b[at] = (byte) (b[at] & ~field | (int) value << shift & field);
      }
      case 3 -> b[(int) index] = (byte) value;
      case 4 -> Bytes.putBe16(b, (int) (index << 1), (int) value);
      case 5 -> Bytes.putBe32(b, (int) (index << 2), (int) value);
      default -> Bytes.putBe64(b, (int) (index << 3), value);
    }
  }
}
