package org.tuber.machine.firmware.acpi;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * A set of tables, one behind the other, whose pointers to each other are offsets until somebody
 * places the set: a board at fixed addresses, or firmware where it likes ({@link TableLoader}).
 */
final class AcpiTables {
  /** Alignment of every table: that of the FACS. */
  static final int ALIGN = 64;

  private static final int CHECKSUM_OFFSET = 9;

  /**
   * A pointer inside the set.
   *
   * @param offset where it stands
   * @param bytes its width, 4 or 8
   * @param toFacs it points to the FACS, which may lie elsewhere
   */
  record Pointer(int offset, int bytes, boolean toFacs) {}

  /**
   * A table with a checksum over all of it.
   *
   * @param start its first byte
   * @param length its length
   */
  record Table(int start, int length) {
    int checksumOffset() {
      return start + CHECKSUM_OFFSET;
    }
  }

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final List<Pointer> pointers = new ArrayList<>();
  private final List<Table> tables = new ArrayList<>();

  /** Adds something without header. */
  int addRaw(byte[] raw) {
    while (bytes.size() % ALIGN != 0) {
      bytes.write(0);
    }
    int at = bytes.size();
    bytes.writeBytes(raw);
    return at;
  }

  /** Adds a table; gives its offset. */
  int add(byte[] table) {
    int at = addRaw(table);
    tables.add(new Table(at, table.length));
    return at;
  }

  /** Adds an RSDT or XSDT that points to {@code roots}; gives its offset. */
  int addRoot(String signature, List<Integer> roots, int width) {
    AcpiTable root = new AcpiTable();
    roots.forEach(at -> root.put(at, width));
    int at = add(root.finish(signature, 1));
    for (int i = 0; i < roots.size(); i++) {
      pointer(at + AcpiTable.HEADER_BYTES + i * width, width);
    }
    return at;
  }

  /** Says that a table has a pointer, already written as an offset. */
  void pointer(int offset, int width) {
    pointers.add(new Pointer(offset, width, false));
  }

  /** Says that a table has a pointer to the FACS. */
  void facsPointer(int offset, int width) {
    pointers.add(new Pointer(offset, width, true));
  }

  List<Pointer> pointers() {
    return pointers;
  }

  List<Table> tables() {
    return tables;
  }

  /**
   * All tables with pointers as offsets and checksums 0: some firmware adds what it finds there to
   * the sum, some does not.
   */
  byte[] relative() {
    byte[] all = bytes.toByteArray();
    for (Table t : tables) {
      all[t.checksumOffset()] = 0;
    }
    return all;
  }

  /** All tables as they are with the set at {@code base} and the FACS at {@code facs}. */
  byte[] placedAt(long base, long facs) {
    byte[] placed = relative();
    for (Pointer p : pointers) {
      long value = p.toFacs ? facs : base + number(placed, p.offset, p.bytes);
      System.arraycopy(Aml.little(value, p.bytes), 0, placed, p.offset, p.bytes);
    }
    for (Table t : tables) {
      placed[t.checksumOffset()] = AcpiTable.checksum(placed, t.start, t.start + t.length);
    }
    return placed;
  }

  private static long number(byte[] from, int offset, int width) {
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = value << 8 | from[offset + i] & 0xff;
    }
    return value;
  }
}
