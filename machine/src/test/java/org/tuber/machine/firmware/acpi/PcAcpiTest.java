package org.tuber.machine.firmware.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.machine.MachineException;
import org.tuber.machine.firmware.TestMachineMemory;

final class PcAcpiTest {
  private static final int MEBIBYTES = 64;
  private static final long TOP = (long) MEBIBYTES << 20;
  private static final long TABLES = TOP - 0x2_0000;
  private static final long FACS = TOP - 0x1000;

  private static Map<String, byte[]> tables(int cpus, boolean hpet) throws MachineException {
    try (TestMachineMemory m = new TestMachineMemory(MEBIBYTES)) {
      List<PcAcpi.Legacy> serials =
          List.of(new PcAcpi.Legacy(0x3f8, 4), new PcAcpi.Legacy(0x2f8, 3));
      long rsdp =
          PcAcpi.install(
              m.boot, new PcAcpi.Platform(cpus, hpet, false, 0x2000_0000L, serials), TABLES, FACS);
      Map<String, byte[]> found = new LinkedHashMap<>();
      assertThat(rsdp & 15).isZero();
      byte[] root = m.bytes(rsdp, 36);
      assertThat(new String(root, 0, 8, StandardCharsets.US_ASCII)).isEqualTo("RSD PTR ");
      assertThat(root[15]).isEqualTo((byte) 2);
      assertThat(sum(Arrays.copyOf(root, 20))).isZero();
      assertThat(sum(root)).isZero();
      byte[] xsdt = table(m, m.ram.load64(rsdp + 24));
      found.put("XSDT", xsdt);
      ByteBuffer pointers = little(xsdt).position(36);
      while (pointers.hasRemaining()) {
        byte[] t = table(m, pointers.getLong());
        found.put(signature(t), t);
      }
      found.put("DSDT", table(m, little(found.get("FACP")).getInt(40)));
      assertThat(m.string(little(found.get("FACP")).getInt(36))).startsWith("FACS");
      return found;
    }
  }

  private static byte[] table(TestMachineMemory m, long at) {
    byte[] t = m.bytes(at, m.ram.load32(at + 4));
    assertThat(sum(t)).as(signature(t)).isZero();
    return t;
  }

  private static String signature(byte[] table) {
    return new String(table, 0, 4, StandardCharsets.US_ASCII);
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static int sum(byte[] bytes) {
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    return sum & 0xff;
  }

  @Test
  void rootTableNamesWhatThePlatformHas() throws MachineException {
    assertThat(tables(1, true)).containsOnlyKeys("XSDT", "FACP", "APIC", "HPET", "DSDT");
    assertThat(tables(1, false)).containsOnlyKeys("XSDT", "FACP", "APIC", "DSDT");
  }

  @Test
  void fixedDescriptionTellsThePortsOfThePowerManagement() throws MachineException {
    ByteBuffer fadt = little(tables(1, true).get("FACP"));
    assertThat(fadt.capacity()).isEqualTo(268);
    assertThat(fadt.get(8)).isEqualTo((byte) 5);
    assertThat(fadt.getShort(46)).isEqualTo((short) 9);
    assertThat(fadt.getInt(48)).isEqualTo(0xb2);
    assertThat(fadt.getInt(56)).isEqualTo(0x600);
    assertThat(fadt.getInt(64)).isEqualTo(0x604);
    assertThat(fadt.getInt(76)).isEqualTo(0x608);
    assertThat(fadt.getInt(80)).isEqualTo(0xafe0);
    assertThat(fadt.get(88)).isEqualTo((byte) 4);
    assertThat(fadt.get(89)).isEqualTo((byte) 2);
    assertThat(fadt.get(108)).isEqualTo((byte) 0x32);
    assertThat(fadt.getShort(109)).isEqualTo((short) 7);
    assertThat(fadt.getInt(112)).isEqualTo(0x84a5);
    assertThat(fadt.getLong(116 + 4)).isEqualTo(0xcf9);
    assertThat(fadt.get(128)).isEqualTo((byte) 6);
    assertThat(fadt.getLong(140)).isEqualTo(fadt.getInt(40));
    assertThat(fadt.getLong(148 + 4)).isEqualTo(0x600);
    assertThat(fadt.getLong(172 + 4)).isEqualTo(0x604);
    assertThat(fadt.getLong(208 + 4)).isEqualTo(0x608);
    assertThat(fadt.getLong(220 + 4)).isEqualTo(0xafe0);
  }

  @Test
  void interruptModelListsEveryProcessorAndTheOverrides() throws MachineException {
    ByteBuffer madt = little(tables(3, true).get("APIC")).position(36);
    assertThat(madt.getInt()).isEqualTo(0xfee0_0000);
    assertThat(madt.getInt()).isEqualTo(1);
    List<String> rows = new ArrayList<>();
    while (madt.hasRemaining()) {
      int start = madt.position();
      int type = madt.get();
      int length = madt.get();
      switch (type) {
        case 0 -> rows.add("cpu " + madt.get() + " apic " + madt.get());
        case 1 -> rows.add("ioapic %x".formatted(madt.getInt(start + 4)));
        case 2 ->
            rows.add(
                "irq %d gsi %d flags %x"
                    .formatted(
                        madt.get(start + 3), madt.getInt(start + 4), madt.getShort(start + 8)));
        case 4 -> rows.add("nmi lint" + madt.get(start + 5));
        default -> rows.add("?" + type);
      }
      madt.position(start + length);
    }
    assertThat(rows)
        .containsExactly(
            "cpu 0 apic 0",
            "cpu 1 apic 1",
            "cpu 2 apic 2",
            "ioapic fec00000",
            "irq 0 gsi 2 flags 0",
            "irq 5 gsi 5 flags d",
            "irq 9 gsi 9 flags d",
            "irq 10 gsi 10 flags d",
            "irq 11 gsi 11 flags d",
            "nmi lint1");
  }

  @Test
  void integersAndPathsHaveTheirShortestEncoding() {
    assertThat(Aml.integer(0)).containsExactly(0);
    assertThat(Aml.integer(1)).containsExactly(1);
    assertThat(Aml.integer(0xff)).containsExactly(0x0a, 0xff);
    assertThat(Aml.integer(0x1234)).containsExactly(0x0b, 0x34, 0x12);
    assertThat(Aml.integer(0x8000_0000L)).containsExactly(0x0c, 0, 0, 0, 0x80);
    assertThat(Aml.eisaId("PNP0A03")).containsExactly(0x0c, 0x41, 0xd0, 0x0a, 0x03);
    assertThat(Aml.path("\\_SB.PCI0")).isEqualTo("\\._SB_PCI0".getBytes(StandardCharsets.US_ASCII));
    assertThat(Aml.path("^A")).isEqualTo("^A___".getBytes(StandardCharsets.US_ASCII));
  }

  /** The reference compiler reads every table, and compiles its own reading without an error. */
  @Test
  void referenceDisassemblerAcceptsAllTables(@TempDir Path dir)
      throws IOException, InterruptedException, MachineException {
    boolean required = System.getenv("CI") != null;
    Path iasl = onPath("iasl");
    if (!required) {
      assumeTrue(iasl != null, "iasl (acpica-tools) is not installed");
    }
    assertThat(iasl).as("iasl (acpica-tools) must be installed in CI").isNotNull();
    for (Map.Entry<String, byte[]> t : tables(2, true).entrySet()) {
      Path binary = dir.resolve(t.getKey() + ".aml");
      Files.write(binary, t.getValue());
      String reading = run(dir, iasl.toString(), "-d", binary.toString());
      Path source = dir.resolve(t.getKey() + ".dsl");
      assertThat(source).as(reading).exists();
      assertThat(Files.readString(source))
          .as(t.getKey())
          .doesNotContain("Invalid", "ERROR", "Unknown");
      if (t.getKey().equals("DSDT")) {
        String compiled = run(dir, iasl.toString(), "-p", "again", source.toString());
        assertThat(compiled).contains(" 0 Errors, 0 Warnings");
      }
    }
  }

  private static Path onPath(String command) {
    for (String part : System.getenv("PATH").split(File.pathSeparator)) {
      Path candidate = Path.of(part, command);
      if (Files.isExecutable(candidate)) {
        return candidate;
      }
    }
    return null;
  }

  private static String run(Path dir, String... command) throws IOException, InterruptedException {
    Path log = dir.resolve("log");
    Process process =
        new ProcessBuilder(command)
            .directory(dir.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return Files.readString(log);
  }
}
