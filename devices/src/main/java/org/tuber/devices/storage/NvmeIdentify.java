package org.tuber.devices.storage;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Data structures that an NVMe controller describes itself with (NVM Express 1.4, 5.14 and 5.15).
 */
final class NvmeIdentify {
  /** Size of each of them. */
  static final int BYTES = 4096;

  /** log2 of the most pages of 4 KiB that one command moves. */
  static final int MAX_TRANSFER_SHIFT = 7;

  private static final int VENDOR = 0x1b36;
  private static final int SUBSYSTEM_VENDOR = 0x1af4;
  private static final int SECTOR_SHIFT = 9;
  private static final String MODEL = "QEMU NVMe Ctrl";
  private static final String FIRMWARE = "1.0";

  private NvmeIdentify() {}

  private static ByteBuffer page() {
    return ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] content(ByteBuffer b) {
    byte[] content = new byte[BYTES];
    b.get(0, content);
    return content;
  }

  private static void text(ByteBuffer b, int at, int bytes, String text) {
    for (int i = 0; i < bytes; i++) {
      b.put(at + i, (byte) (i < text.length() ? text.charAt(i) : ' '));
    }
  }

  static byte[] controller(String serial) {
    ByteBuffer b = page();
    b.putShort(0, (short) VENDOR).putShort(2, (short) SUBSYSTEM_VENDOR);
    text(b, 4, 20, serial);
    text(b, 24, 40, MODEL);
    text(b, 64, 8, FIRMWARE);
    b.put(72, (byte) 6); // arbitration burst
    b.put(77, (byte) MAX_TRANSFER_SHIFT);
    b.putInt(80, NvmeController.VERSION);
    b.putInt(92, 1 << 8); // optional events: a namespace has changed
    b.put(111, (byte) 1); // an I/O controller
    b.put(258, (byte) 3).put(259, (byte) 3); // aborts, asynchronous events
    b.put(260, (byte) 3); // one firmware slot, read-only
    b.put(261, (byte) 1).put(262, (byte) 0); // log pages by namespace, error log of one entry
    b.putShort(266, (short) 343).putShort(268, (short) 353); // warning and critical kelvin
    b.put(512, (byte) 0x66).put(513, (byte) 0x44); // entries of 64 and 16 bytes
    b.putInt(516, 1); // namespaces
    b.putShort(520, (short) 0x000c); // dataset management, write zeroes
    b.put(525, (byte) 1); // volatile write cache
    byte[] name = ("nqn.2019-08.org.qemu:" + serial).getBytes(StandardCharsets.US_ASCII);
    b.put(768, name, 0, Math.min(name.length, 255));
    b.putShort(2048, (short) 2500); // power state 0: 25 W
    return content(b);
  }

  static byte[] namespace(long sectors, boolean readOnly) {
    ByteBuffer b = page();
    b.putLong(0, sectors).putLong(8, sectors).putLong(16, sectors);
    b.put(24, (byte) 4);
    b.put(25, (byte) 0).put(26, (byte) 0);
    b.put(33, (byte) 1); // deallocated blocks read as zero where the image lets them
    b.put(99, (byte) (readOnly ? 1 : 0));
    b.put(128 + 2, (byte) SECTOR_SHIFT);
    return content(b);
  }

  /** Active namespaces above {@code after}. */
  static byte[] namespaceList(int after) {
    ByteBuffer b = page();
    if (Integer.compareUnsigned(after, 1) < 0) {
      b.putInt(0, 1);
    }
    return content(b);
  }

  /** Descriptors of the namespace: an EUI-64. */
  static byte[] descriptors() {
    ByteBuffer b = page();
    b.put((byte) 1).put((byte) 8).putShort((short) 0);
    b.order(ByteOrder.BIG_ENDIAN).putLong(0x5254_0000_0000_0001L);
    return content(b);
  }

  /** SMART / health information. */
  static byte[] health() {
    ByteBuffer b = page();
    b.putShort(1, (short) 323).put(3, (byte) 100).put(4, (byte) 10); // 50 °C, spare
    return content(b);
  }
}
