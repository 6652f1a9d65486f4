package org.tuber.machine.board.pc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.tuber.devices.firmware.FwCfg;
import org.tuber.devices.timer.Mc146818Rtc;
import org.tuber.machine.BootOrder;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.firmware.ImageFile;
import org.tuber.machine.firmware.SmbiosTables;
import org.tuber.machine.firmware.acpi.PcAcpi;

/**
 * What the {@code pc} board tells its firmware through the configuration device: numbers, memory
 * map, ACPI and SMBIOS tables, boot order. Keys and names are those that SeaBIOS and OVMF read.
 */
final class PcFwCfg {
  private static final int KEY_UUID = 0x02;
  private static final int KEY_RAM_BYTES = 0x03;
  private static final int KEY_NO_GRAPHIC = 0x04;
  private static final int KEY_CPUS = 0x05;
  private static final int KEY_NUMA = 0x0d;
  private static final int KEY_BOOT_MENU = 0x0e;
  private static final int KEY_MAX_CPUS = 0x0f;
  private static final int KEY_KERNEL_ADDRESS = 0x07;
  private static final int KEY_KERNEL_BYTES = 0x08;
  private static final int KEY_INITRD_BYTES = 0x0b;
  private static final int KEY_KERNEL = 0x11;
  private static final int KEY_INITRD = 0x12;
  private static final int KEY_COMMAND_LINE_BYTES = 0x14;
  private static final int KEY_COMMAND_LINE = 0x15;
  private static final int KEY_SETUP_BYTES = 0x17;
  private static final int KEY_SETUP = 0x18;
  private static final int SETUP_SECTORS = 0x1f1;
  private static final int DEFAULT_SETUP_SECTORS = 4;
  private static final int SECTOR_BYTES = 512;
  private static final int KERNEL_ADDRESS = 0x10_0000;
  private static final long MAX_ITEM_BYTES = 1 << 30;
  private static final int KEY_IRQ0_OVERRIDE = 0x8002;
  private static final int ACPI_TABLES_BYTES = 0x2_0000;
  private static final int ACPI_SCRIPT_BYTES = 0x1000;
  private static final int SERIAL_CONSOLE = 0x3f8;
  private static final int CMOS_BOOT_FIRST_SECOND = 0x3d;
  private static final int CMOS_BOOT_THIRD = 0x38;
  private static final int E820_RAM = 1;
  private static final int E820_RESERVED = 2;
  private static final long HYPER_TRANSPORT_HOLE = 0xfd_0000_0000L;
  private static final long HYPER_TRANSPORT_BYTES = 0x3_0000_0000L;
  private static final String PRODUCT = "Standard PC (i440FX + PIIX, 1996)";
  private static final String VERSION = "pc-i440fx-7.2";

  private PcFwCfg() {}

  /** Numbers, memory map and SMBIOS. */
  static void describe(FwCfg fwCfg, MachineConfig config, PcMemory memory) {
    long ram = memory.lowBytes() + memory.highBytes();
    fwCfg.add(KEY_UUID, new byte[16]);
    fwCfg.addNumber(KEY_RAM_BYTES, ram, 8);
    fwCfg.addNumber(KEY_NO_GRAPHIC, isTextOnly(config) ? 1 : 0, 2);
    fwCfg.addNumber(KEY_CPUS, config.cpus(), 2);
    fwCfg.addNumber(KEY_NUMA, 0, 8 + 8 * config.cpus());
    fwCfg.addNumber(KEY_BOOT_MENU, config.boot().menu() ? 1 : 0, 2);
    fwCfg.addNumber(KEY_MAX_CPUS, config.cpus(), 2);
    fwCfg.addNumber(KEY_IRQ0_OVERRIDE, 1, 4);
    fwCfg.addFile("etc/e820", memoryMap(memory));
    // Byte n is state Sn: bit 7 says that it works, the rest is its sleep type.
    fwCfg.addFile("etc/system-states", new byte[] {(byte) 0x80, 0, 0, 1, 2, (byte) 0x80});
    if (isTextOnly(config)) {
      // Without a screen, SeaBIOS shows text on this serial port and takes keys from it.
      fwCfg.addFile("etc/sercon-port", new byte[] {(byte) SERIAL_CONSOLE, SERIAL_CONSOLE >>> 8});
    }
    SmbiosTables smbios = new SmbiosTables(PRODUCT, VERSION, config.cpus(), ram, memory.lowBytes());
    fwCfg.addFile(SmbiosTables.TABLES_FILE, smbios.tables());
    fwCfg.addFile(SmbiosTables.ANCHOR_FILE, smbios.anchor());
  }

  /**
   * What {@code -boot} says beside the order.
   *
   * @param paths the devices to boot from, best first, by their Open Firmware paths
   */
  static void addBoot(FwCfg fwCfg, BootOrder boot, List<String> paths) throws MachineException {
    fwCfg.addFile("etc/boot-fail-wait", littleEndian(boot.rebootMillis(), 4));
    if (boot.splashMillis() >= 0) {
      fwCfg.addFile("etc/boot-menu-wait", littleEndian(boot.splashMillis(), 2));
    }
    if (boot.splash() != null) {
      byte[] picture = content(boot.splash(), "splash");
      boolean isBmp = picture.length > 1 && picture[0] == 'B' && picture[1] == 'M';
      boolean isJpeg = picture.length > 1 && picture[0] == -1 && picture[1] == (byte) 0xd8;
      if (!isBmp && !isJpeg) {
        throw new MachineException("-boot splash=" + boot.splash() + ": neither JPEG nor BMP");
      }
      fwCfg.addFile(isBmp ? "bootsplash.bmp" : "bootsplash.jpg", picture);
    }
    if (!paths.isEmpty()) {
      List<String> all = new ArrayList<>(paths);
      if (boot.strict()) {
        all.add("HALT");
      }
      fwCfg.addFile(
          "bootorder", (String.join("\n", all) + "\0").getBytes(StandardCharsets.US_ASCII));
    }
  }

  private static byte[] littleEndian(int value, int bytes) {
    return Arrays.copyOf(
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array(), bytes);
  }

  private static boolean isTextOnly(MachineConfig config) {
    return config.machineProperties().getOrDefault("graphics", "on").equals("off");
  }

  private static byte[] memoryMap(PcMemory memory) {
    ByteBuffer map = ByteBuffer.allocate(3 * 20).order(ByteOrder.LITTLE_ENDIAN);
    long high = memory.highBytes();
    if (PcMemory.HIGH_BASE + high <= HYPER_TRANSPORT_HOLE) {
      map.putLong(HYPER_TRANSPORT_HOLE).putLong(HYPER_TRANSPORT_BYTES).putInt(E820_RESERVED);
    }
    map.putLong(0).putLong(memory.lowBytes()).putInt(E820_RAM);
    if (high > 0) {
      map.putLong(PcMemory.HIGH_BASE).putLong(high).putInt(E820_RAM);
    }
    byte[] content = new byte[map.position()];
    map.get(0, content);
    return content;
  }

  /** ACPI tables, made when firmware asks: by then it has placed the registers they name. */
  static void addAcpi(FwCfg fwCfg, Supplier<PcAcpi.Platform> platform) {
    fwCfg.addFile(
        PcAcpi.TABLES_FILE,
        ACPI_TABLES_BYTES,
        () -> fitting(PcAcpi.files(platform.get()).tables(), ACPI_TABLES_BYTES));
    fwCfg.addFile(
        PcAcpi.SCRIPT_FILE,
        ACPI_SCRIPT_BYTES,
        () -> fitting(PcAcpi.files(platform.get()).script(), ACPI_SCRIPT_BYTES));
    fwCfg.addFile(PcAcpi.ROOT_FILE, PcAcpi.ROOT_BYTES, () -> PcAcpi.files(platform.get()).root());
  }

  private static byte[] fitting(byte[] content, int most) {
    if (content.length > most) {
      throw new IllegalStateException("ACPI files outgrow their room");
    }
    return content;
  }

  /** The order of device classes in CMOS RAM: three nibbles. */
  static void setBootOrder(Mc146818Rtc rtc, BootOrder boot, boolean firstBoot) {
    String order = boot.once().isEmpty() || !firstBoot ? boot.order() : boot.once();
    int[] codes = new int[3];
    for (int i = 0; i < Math.min(order.length(), codes.length); i++) {
      codes[i] = "acdn".indexOf(order.charAt(i)) + 1;
    }
    rtc.setRam(CMOS_BOOT_FIRST_SECOND, codes[1] << 4 | codes[0]);
    rtc.setRam(CMOS_BOOT_THIRD, codes[2] << 4);
  }

  /**
   * The kernel of the command line, in the two parts of the Linux boot protocol, for firmware that
   * loads it: OVMF does, SeaBIOS needs an option ROM for that.
   */
  static void addKernel(FwCfg fwCfg, MachineConfig config) throws MachineException {
    byte[] image = content(config.kernel(), "kernel");
    int sectors = image.length > SETUP_SECTORS ? image[SETUP_SECTORS] & 0xff : 0;
    int setup = (1 + (sectors == 0 ? DEFAULT_SETUP_SECTORS : sectors)) * SECTOR_BYTES;
    int split = Math.min(setup, image.length);
    fwCfg.addNumber(KEY_SETUP_BYTES, split, 4);
    fwCfg.add(KEY_SETUP, Arrays.copyOf(image, split));
    fwCfg.addNumber(KEY_KERNEL_ADDRESS, KERNEL_ADDRESS, 4);
    fwCfg.addNumber(KEY_KERNEL_BYTES, image.length - split, 4);
    fwCfg.add(KEY_KERNEL, Arrays.copyOfRange(image, split, image.length));
    byte[] initrd = config.initrd() == null ? new byte[0] : content(config.initrd(), "initrd");
    fwCfg.addNumber(KEY_INITRD_BYTES, initrd.length, 4);
    fwCfg.add(KEY_INITRD, initrd);
    byte[] line = (config.append() + "\0").getBytes(StandardCharsets.UTF_8);
    fwCfg.addNumber(KEY_COMMAND_LINE_BYTES, line.length, 4);
    fwCfg.add(KEY_COMMAND_LINE, line);
  }

  private static byte[] content(Path path, String role) throws MachineException {
    try (ImageFile file = ImageFile.open(path, role)) {
      return file.copy(0, (int) Math.min(file.sizeBytes(), MAX_ITEM_BYTES));
    }
  }
}
