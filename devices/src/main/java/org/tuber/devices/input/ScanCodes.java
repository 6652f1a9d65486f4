package org.tuber.devices.input;

import org.tuber.core.backend.KeyCode;

/**
 * Scan codes of set 2 and the translation to set 1 that the keyboard controller does.
 *
 * <p>IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
 */
final class ScanCodes {
  /** Set 1 code of each set 2 code below 80H, two hexadecimal digits each. */
  private static final String TRANSLATION =
      "ff43413f3d3b3c58644442403e0f295965382a701d10025a66712c1f1e11035b"
          + "672e2d201205045c68392f211413065d693130232215075e6a7232241608095f"
          + "6b332517180b0a606c34352627190c616d7328741a0d626e3a361c1b752b6376"
          + "55567778797a0e7b7c4f7d4b477e7f6f5253504c4d480145574e514a37494654";

  private static final int[] TO_SET1 = new int[256];
  private static final int[] TO_SET2 = new int[128];

  static {
    for (int i = 0; i < 256; i++) {
      TO_SET1[i] = i < 128 ? Integer.parseInt(TRANSLATION, 2 * i, 2 * i + 2, 16) : i;
    }
    TO_SET1[0x83] = 0x41;
    TO_SET1[0x84] = 0x54;
    for (int i = 1; i < 128; i++) {
      TO_SET2[TO_SET1[i]] = i;
    }
    // F7, the one key whose code in set 2 has bit 7.
    TO_SET2[0x41] = 0x83;
  }

  private ScanCodes() {}

  /** Translates one byte from set 2, prefixes excluded. */
  static int toSet1(int set2) {
    return TO_SET1[set2 & 0xff];
  }

  /** Appends the bytes of a key event in set 2. */
  static void appendSet2(ByteQueue queue, KeyCode key, boolean down) {
    switch (key) {
      case PAUSE -> {
        if (down) {
          append(queue, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
        }
      }
      case PRINT -> {
        if (down) {
          append(queue, 0xe0, 0x12, 0xe0, 0x7c);
        } else {
          append(queue, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
        }
      }
      default -> {
        int prefix = key.set1() >>> 8;
        if (prefix != 0) {
          queue.add(prefix);
        }
        if (!down) {
          queue.add(0xf0);
        }
        queue.add(TO_SET2[key.set1() & 0x7f]);
      }
    }
  }

  /** Appends the bytes of a key event in set 1. */
  static void appendSet1(ByteQueue queue, KeyCode key, boolean down) {
    switch (key) {
      case PAUSE -> {
        if (down) {
          append(queue, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
        }
      }
      case PRINT -> {
        if (down) {
          append(queue, 0xe0, 0x2a, 0xe0, 0x37);
        } else {
          append(queue, 0xe0, 0xb7, 0xe0, 0xaa);
        }
      }
      default -> {
        int prefix = key.set1() >>> 8;
        if (prefix != 0) {
          queue.add(prefix);
        }
        queue.add(key.set1() & 0x7f | (down ? 0 : 0x80));
      }
    }
  }

  private static void append(ByteQueue queue, int... bytes) {
    for (int b : bytes) {
      queue.add(b);
    }
  }
}
