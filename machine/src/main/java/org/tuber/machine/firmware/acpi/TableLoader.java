package org.tuber.machine.firmware.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The script by which firmware places ACPI tables: commands of 128 bytes in the file {@value
 * #SCRIPT_FILE} of the firmware configuration device.
 *
 * <p>QEMU documentation, "BIOS linker/loader" in {@code hw/acpi}'s description: ALLOCATE,
 * ADD_POINTER and ADD_CHECKSUM.
 */
final class TableLoader {
  /** File with the commands. */
  static final String SCRIPT_FILE = "etc/table-loader";

  /** File with the tables. */
  static final String TABLES_FILE = "etc/acpi/tables";

  /** File with the root pointer. */
  static final String ROOT_FILE = "etc/acpi/rsdp";

  private static final int COMMAND_BYTES = 128;
  private static final int NAME_BYTES = 56;
  private static final int ALLOCATE = 1;
  private static final int ADD_POINTER = 2;
  private static final int ADD_CHECKSUM = 3;
  private static final int ZONE_HIGH = 1;
  private static final int ZONE_F_SEGMENT = 2;
  private static final int ROOT_ALIGN = 16;

  private final ByteArrayOutputStream commands = new ByteArrayOutputStream();

  /** The script for a set of tables and its root pointer. */
  static byte[] script(AcpiTables tables) {
    TableLoader script = new TableLoader();
    script.allocate(ROOT_FILE, ROOT_ALIGN, ZONE_F_SEGMENT);
    script.allocate(TABLES_FILE, AcpiTables.ALIGN, ZONE_HIGH);
    for (AcpiTables.Pointer p : tables.pointers()) {
      script.pointer(TABLES_FILE, p.offset(), p.bytes());
    }
    for (AcpiTables.Table t : tables.tables()) {
      script.checksum(TABLES_FILE, t.checksumOffset(), t.start(), t.length());
    }
    script.pointer(ROOT_FILE, AcpiTable.ROOT_RSDT, 4);
    script.pointer(ROOT_FILE, AcpiTable.ROOT_XSDT, 8);
    script.checksum(ROOT_FILE, AcpiTable.ROOT_CHECKSUM, 0, AcpiTable.ROOT_V1_BYTES);
    script.checksum(ROOT_FILE, AcpiTable.ROOT_EXTENDED_CHECKSUM, 0, AcpiTable.ROOT_BYTES);
    return script.commands.toByteArray();
  }

  private void allocate(String file, int align, int zone) {
    command(ALLOCATE, name(file), Aml.little(align, 4), Aml.little(zone, 1));
  }

  private void pointer(String file, int offset, int bytes) {
    command(
        ADD_POINTER, name(file), name(TABLES_FILE), Aml.little(offset, 4), Aml.little(bytes, 1));
  }

  private void checksum(String file, int offset, int start, int length) {
    command(
        ADD_CHECKSUM,
        name(file),
        Aml.little(offset, 4),
        Aml.little(start, 4),
        Aml.little(length, 4));
  }

  private static byte[] name(String file) {
    return Arrays.copyOf(file.getBytes(StandardCharsets.US_ASCII), NAME_BYTES);
  }

  private void command(int code, byte[]... fields) {
    byte[] all = Aml.terms(Aml.little(code, 4), Aml.terms(fields));
    commands.writeBytes(Arrays.copyOf(all, COMMAND_BYTES));
  }
}
