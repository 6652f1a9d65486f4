package org.tuber.perf.profile;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.BiConsumer;

/**
 * The names that a Linux kernel carries for its own {@code /proc/kallsyms}, found in the image of a
 * kernel without a symbol table. The layout is that of Linux 4.20 to 6.3 with relative addresses
 * (the kernel's {@code scripts/kallsyms.c}): offsets, base, count, names of compressed text, marks
 * at every 256th name, since 6.2 an order of names, the 256 parts of text, where each begins.
 *
 * <p>Nothing points to these tables, so they are looked for: the parts for the digits stand
 * together, and everything else has to fit.
 */
final class EmbeddedNames {
  private static final int PARTS = 256;
  private static final int NAMES_PER_MARK = 256;

  /** Most bytes of a name, compressed, on average; and bytes a table may lie before the next. */
  private static final int MOST_NAME_BYTES = 120;

  private static final int MOST_ORDER_BYTES = 4 << 20;
  private static final int X86_64 = 62;

  private final ByteBuffer image;
  private final boolean isX86;

  /** Where the text of each part begins. */
  private final int[] parts = new int[PARTS];

  private EmbeddedNames(ByteBuffer image) {
    this.image = image;
    isX86 = image.getShort(18) == X86_64;
  }

  /**
   * Tells {@code symbols} the address and name of each function; nothing where there are none.
   *
   * @param image an ELF file, little-endian
   */
  static void find(ByteBuffer image, BiConsumer<Long, String> symbols) {
    EmbeddedNames names = new EmbeddedNames(image);
    for (int at = 64; at < image.limit() - 20; at++) {
      if (names.isDigits(at) && names.findParts(at) && names.findTables(symbols)) {
        return;
      }
    }
  }

  private boolean isDigits(int at) {
    for (int i = 0; i < 10; i++) {
      if (image.get(at + 2 * i) != '0' + i || image.get(at + 2 * i + 1) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Goes back from the part "0" to the first; true when the index after them agrees. */
  private boolean findParts(int zero) {
    int at = zero;
    for (int i = 0; i < '0'; i++) {
      int end = at - 1;
      at = end;
      while (at > 0 && image.get(at - 1) != 0) {
        at--;
      }
      if (end - at > MOST_NAME_BYTES) {
        return false;
      }
    }
    int end = at;
    for (int i = 0; i < PARTS; i++) {
      parts[i] = end;
      while (end < image.limit() && image.get(end) != 0) {
        end++;
      }
      end++;
    }
    int index = align(end);
    if (index + 2 * PARTS > image.limit()) {
      return false;
    }
    for (int i = 0; i < PARTS; i++) {
      if ((image.getShort(index + 2 * i) & 0xffff) != parts[i] - at) {
        return false;
      }
    }
    return true;
  }

  private static int align(int at) {
    return (at + 7) & -8;
  }

  /** Looks for the marks before the parts, and for the names before the marks. */
  private boolean findTables(BiConsumer<Long, String> symbols) {
    int first = Math.max(64, parts[0] - MOST_ORDER_BYTES);
    for (int marks = (parts[0] & -8) - 8; marks > first; marks -= 8) {
      if (image.getInt(marks) != 0) {
        continue;
      }
      int count = 1;
      while (isNext(marks + 4 * count)) {
        count++;
      }
      if (count > 1 && findNames(marks, count, symbols)) {
        return true;
      }
    }
    return false;
  }

  private boolean isNext(int at) {
    int more = image.getInt(at) - image.getInt(at - 4);
    return more >= NAMES_PER_MARK && more < NAMES_PER_MARK * MOST_NAME_BYTES;
  }

  private boolean findNames(int marks, int count, BiConsumer<Long, String> symbols) {
    int last = image.getInt(marks + 4 * (count - 1));
    int lowest = marks - last - NAMES_PER_MARK * MOST_NAME_BYTES;
    for (int at = (marks - last - 8) & -8; at > Math.max(64, lowest); at -= 8) {
      int n = image.getInt(at);
      if ((n + NAMES_PER_MARK - 1) / NAMES_PER_MARK == count
          && skip(at + 8, NAMES_PER_MARK) - (at + 8) == image.getInt(marks + 4)) {
        read(at, n, symbols);
        return true;
      }
    }
    return false;
  }

  private int length(int at) {
    int length = image.get(at) & 0xff;
    // Names of more than 127 parts have a second byte, since 6.1.
    return (length & 0x80) == 0 ? length : (length & 0x7f) | (image.get(at + 1) & 0xff) << 7;
  }

  private int skip(int from, int names) {
    int at = from;
    for (int i = 0; i < names && at < image.limit() - 2; i++) {
      int length = length(at);
      at += length + (length > 0x7f ? 2 : 1);
    }
    return at;
  }

  private void read(int countAt, int n, BiConsumer<Long, String> symbols) {
    long base = image.getLong(countAt - 8);
    int offsets = (countAt - 8 - 4 * n) & -8;
    int at = countAt + 8;
    for (int i = 0; i < n; i++) {
      int length = length(at);
      at += length > 0x7f ? 2 : 1;
      String name = text(at, length);
      at += length;
      int offset = image.getInt(offsets + 4 * i);
      // On x86 what is not negative is absolute: places in each CPU's own data.
      long address = !isX86 ? base + (offset & 0xffff_ffffL) : offset < 0 ? base - 1 - offset : 0;
      if (address != 0 && !name.isEmpty() && "tTwW".indexOf(name.charAt(0)) >= 0) {
        symbols.accept(address, name.substring(1));
      }
    }
  }

  private String text(int at, int length) {
    byte[] bytes = new byte[length * MOST_NAME_BYTES];
    int n = 0;
    for (int i = 0; i < length; i++) {
      int part = parts[image.get(at + i) & 0xff];
      while (image.get(part) != 0) {
        bytes[n++] = image.get(part++);
      }
    }
    return new String(Arrays.copyOf(bytes, n), StandardCharsets.US_ASCII);
  }
}
