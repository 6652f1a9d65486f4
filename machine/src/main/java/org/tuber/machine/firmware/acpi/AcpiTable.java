package org.tuber.machine.firmware.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** A table under construction: fields in order, a common header and checksum at the end. */
public final class AcpiTable {
  /** Length of the common header. */
  static final int HEADER_BYTES = 36;

  private static final int CHECKSUM_OFFSET = 9;
  private static final int OEM_REVISION = 1;
  private static final String OEM_ID = "TUBER ";
  private static final String OEM_TABLE_ID = "TUBERPC ";
  private static final String CREATOR_ID = "TUBR";

  /** Length of the root pointer. */
  static final int ROOT_BYTES = 36;

  /** Length of its first version, over which the first checksum goes. */
  static final int ROOT_V1_BYTES = 20;

  /** Offset of its checksum. */
  static final int ROOT_CHECKSUM = 8;

  /** Offset of the pointer to the RSDT. */
  static final int ROOT_RSDT = 16;

  /** Offset of the pointer to the XSDT. */
  static final int ROOT_XSDT = 24;

  /** Offset of the checksum over all of it. */
  static final int ROOT_EXTENDED_CHECKSUM = 32;

  private final ByteArrayOutputStream body = new ByteArrayOutputStream();

  /** Appends {@code bytes} bytes of {@code value}. */
  public AcpiTable put(long value, int bytes) {
    body.writeBytes(Aml.little(value, bytes));
    return this;
  }

  /** Appends bytes. */
  public AcpiTable put(byte[] bytes) {
    body.writeBytes(bytes);
    return this;
  }

  /** Appends a generic address structure (ACPI 6.5, 5.2.3.2); all zero when {@code address} is. */
  public AcpiTable putAddress(int spaceId, int bits, int accessSize, long address) {
    if (address == 0) {
      return put(0, 4).put(0, 8);
    }
    return put(spaceId, 1).put(bits, 1).put(0, 1).put(accessSize, 1).put(address, 8);
  }

  /** Length so far, the header included. */
  public int length() {
    return HEADER_BYTES + body.size();
  }

  /** The finished table. */
  public byte[] finish(String signature, int revision) {
    byte[] table =
        Aml.terms(
            ascii(signature),
            Aml.little(length(), 4),
            new byte[] {(byte) revision, 0},
            ascii(OEM_ID),
            ascii(OEM_TABLE_ID),
            Aml.little(OEM_REVISION, 4),
            ascii(CREATOR_ID),
            Aml.little(1, 4),
            body.toByteArray());
    table[CHECKSUM_OFFSET] = checksum(table, 0, table.length);
    return table;
  }

  /** The root pointer of revision 2 (5.2.5.3). */
  static byte[] rootPointer(long rsdt, long xsdt) {
    byte[] rsdp =
        Aml.terms(
            ascii("RSD PTR "),
            new byte[] {0},
            ascii(OEM_ID),
            new byte[] {2},
            Aml.little(rsdt, 4),
            Aml.little(ROOT_BYTES, 4),
            Aml.little(xsdt, 8),
            Aml.little(0, 4));
    rsdp[ROOT_CHECKSUM] = checksum(rsdp, 0, ROOT_V1_BYTES);
    rsdp[ROOT_EXTENDED_CHECKSUM] = checksum(rsdp, 0, ROOT_BYTES);
    return rsdp;
  }

  /** The same with offsets for addresses and checksums 0, for firmware to place. */
  static byte[] relativeRootPointer(int rsdt, int xsdt) {
    byte[] rsdp = rootPointer(rsdt, xsdt);
    rsdp[ROOT_CHECKSUM] = 0;
    rsdp[ROOT_EXTENDED_CHECKSUM] = 0;
    return rsdp;
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** The byte that makes the sum 0. */
  static byte checksum(byte[] bytes, int from, int to) {
    int sum = 0;
    for (int i = from; i < to; i++) {
      sum += bytes[i];
    }
    return (byte) -sum;
  }
}
