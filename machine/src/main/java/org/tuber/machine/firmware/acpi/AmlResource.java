package org.tuber.machine.firmware.acpi;

/** Resource descriptors (ACPI 6.5, section 6.4) for {@link Aml#resources}. */
public final class AmlResource {
  /** The end tag; checksum 0 means "not checked". */
  static final byte[] END = {0x79, 0};

  private static final int IRQ_NO_FLAGS = 0x22;
  private static final int IO_PORT = 0x47;
  private static final int DWORD_SPACE = 0x87;
  private static final int WORD_SPACE = 0x88;
  private static final int EXTENDED_IRQ = 0x89;
  private static final int QWORD_SPACE = 0x8a;
  private static final int MEMORY32_FIXED = 0x86;

  private static final int SPACE_MEMORY = 0;
  private static final int SPACE_IO = 1;
  private static final int SPACE_BUS = 2;
  private static final int RANGE_FIXED = 0x0c;
  private static final int MEMORY_UNCACHED_WRITABLE = 0x01;
  private static final int MEMORY_CACHED_WRITABLE = 0x03;
  private static final int IO_ENTIRE_RANGE = 0x03;

  /** Consumer, level-triggered, active high, shared. */
  private static final int IRQ_LEVEL_HIGH_SHARED = 0x09;

  /** Consumer, edge-triggered, active high, exclusive. */
  private static final int IRQ_EDGE_HIGH_EXCLUSIVE = 0x03;

  private AmlResource() {}

  /** Fixed I/O ports, decoded with 16 bits. */
  public static byte[] io(int port, int length) {
    return Aml.terms(
        new byte[] {IO_PORT, 1},
        Aml.little(port, 2),
        Aml.little(port, 2),
        new byte[] {1, (byte) length});
  }

  /** An ISA interrupt: edge, active high, exclusive. */
  public static byte[] irq(int number) {
    return Aml.terms(new byte[] {IRQ_NO_FLAGS}, Aml.little(1L << number, 2));
  }

  /** Level-triggered, active-high, shared interrupts, one of which is (to be) used. */
  public static byte[] sharedIrq(int... numbers) {
    byte[] list = new byte[4 * numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      System.arraycopy(Aml.little(numbers[i], 4), 0, list, 4 * i, 4);
    }
    return Aml.terms(
        new byte[] {(byte) EXTENDED_IRQ},
        Aml.little(2 + list.length, 2),
        new byte[] {IRQ_LEVEL_HIGH_SHARED, (byte) numbers.length},
        list);
  }

  /** A fixed window of memory. */
  public static byte[] memory32(long base, long length) {
    return Aml.terms(
        new byte[] {(byte) MEMORY32_FIXED},
        Aml.little(9, 2),
        new byte[] {1},
        Aml.little(base, 4),
        Aml.little(length, 4));
  }

  /** Bus numbers that a host bridge produces. */
  public static byte[] busNumbers(int first, int last) {
    return space(WORD_SPACE, 2, SPACE_BUS, 0, first, last);
  }

  /** I/O ports that a host bridge passes on. */
  public static byte[] ioWindow(int first, int last) {
    return space(WORD_SPACE, 2, SPACE_IO, IO_ENTIRE_RANGE, first, last);
  }

  /** I/O ports that a host bridge shows in memory at {@code base}. */
  public static byte[] ioWindowInMemory(int first, int last, long base) {
    return space(DWORD_SPACE, 4, SPACE_IO, IO_ENTIRE_RANGE, first, last, base);
  }

  /** A fixed range of addresses that somebody occupies. */
  public static byte[] occupied64(long first, long last) {
    return space(QWORD_SPACE, 8, SPACE_MEMORY, MEMORY_UNCACHED_WRITABLE, first, last);
  }

  /** An interrupt of any number: edge-triggered, active high, exclusive. */
  public static byte[] edgeIrq(int number) {
    return Aml.terms(
        new byte[] {(byte) EXTENDED_IRQ},
        Aml.little(6, 2),
        new byte[] {IRQ_EDGE_HIGH_EXCLUSIVE, 1},
        Aml.little(number, 4));
  }

  /** Memory below 4 GiB that a host bridge passes on. */
  public static byte[] memoryWindow(long first, long last, boolean cacheable) {
    int flags = cacheable ? MEMORY_CACHED_WRITABLE : MEMORY_UNCACHED_WRITABLE;
    return space(DWORD_SPACE, 4, SPACE_MEMORY, flags, first, last);
  }

  /** Memory above 4 GiB that a host bridge passes on. */
  public static byte[] memoryWindow64(long first, long last) {
    return space(QWORD_SPACE, 8, SPACE_MEMORY, MEMORY_CACHED_WRITABLE, first, last);
  }

  private static byte[] space(int tag, int width, int kind, int typeFlags, long first, long last) {
    return space(tag, width, kind, typeFlags, first, last, 0);
  }

  private static byte[] space(
      int tag, int width, int kind, int typeFlags, long first, long last, long translation) {
    return Aml.terms(
        new byte[] {(byte) tag},
        Aml.little(3 + 5L * width, 2),
        new byte[] {(byte) kind, RANGE_FIXED, (byte) typeFlags},
        Aml.little(0, width),
        Aml.little(first, width),
        Aml.little(last, width),
        Aml.little(translation, width),
        Aml.little(last - first + 1, width));
  }
}
