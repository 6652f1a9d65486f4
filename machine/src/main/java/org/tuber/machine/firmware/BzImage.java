package org.tuber.machine.firmware;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * A Linux bzImage (Linux, Documentation/arch/x86/boot.rst, protocol 2.02 and later, and
 * zero-page.rst): entered by the 64-bit protocol when the kernel has it, else by the 32-bit one.
 * The real-mode part is not run; the zero page carries what it would have found out. Old zImages
 * that must lie below 1 MiB are refused.
 */
final class BzImage implements KernelImage {
  private static final int SETUP_SECTS = 0x1f1;
  private static final int VID_MODE = 0x1fa;
  private static final int BOOT_FLAG = 0x1fe;
  private static final int HEADER_LENGTH = 0x201;
  private static final int HEADER_MAGIC = 0x202;
  private static final int PROTOCOL = 0x206;
  private static final int TYPE_OF_LOADER = 0x210;
  private static final int LOADFLAGS = 0x211;
  private static final int CODE32_START = 0x214;
  private static final int RAMDISK_IMAGE = 0x218;
  private static final int RAMDISK_SIZE = 0x21c;
  private static final int CMD_LINE_PTR = 0x228;
  private static final int INITRD_ADDR_MAX = 0x22c;
  private static final int KERNEL_ALIGNMENT = 0x230;
  private static final int RELOCATABLE = 0x234;
  private static final int XLOADFLAGS = 0x236;
  private static final int CMDLINE_SIZE = 0x238;
  private static final int PREF_ADDRESS = 0x258;
  private static final int INIT_SIZE = 0x260;

  private static final int SI_VIDEO_MODE = 0x06;
  private static final int SI_COLUMNS = 0x07;
  private static final int SI_EGA_BX = 0x0a;
  private static final int SI_LINES = 0x0e;
  private static final int SI_IS_VGA = 0x0f;
  private static final int SI_POINTS = 0x10;

  private static final int ZP_RSDP = 0x70;
  private static final int ZP_ALT_MEM_K = 0x1e0;
  private static final int ZP_E820_ENTRIES = 0x1e8;
  private static final int ZP_E820 = 0x2d0;
  private static final int ZP_BYTES = 4096;
  private static final int ZP_E820_MAX = 128;

  private static final long HDRS = 0x5372_6448L;
  private static final int LOADED_HIGH = 1;
  private static final int KERNEL_64 = 1;
  private static final int UNKNOWN_LOADER = 0xff;
  private static final int VIDEO_NORMAL = 0xffff;
  private static final long LOAD_ADDRESS = 0x10_0000;
  private static final long ENTRY64_OFFSET = 0x200;
  private static final long OLD_INITRD_MAX = 0x37ff_ffffL;
  private static final int CODE_SELECTOR = 0x10;
  private static final int DATA_SELECTOR = 0x18;

  private final ImageFile file;
  private final int protocol;
  private final long payloadOffset;

  BzImage(ImageFile file) throws MachineException {
    this.file = file;
    protocol = file.u16(PROTOCOL);
    if (protocol < 0x202 || (file.u8(LOADFLAGS) & LOADED_HIGH) == 0) {
      throw new MachineException(
          "%s is too old a Linux kernel (boot protocol %d.%02d, needs 2.02 and a bzImage)"
              .formatted(file.name(), protocol >> 8, protocol & 0xff));
    }
    int sectors = file.u8(SETUP_SECTS);
    payloadOffset = ((sectors == 0 ? 4 : sectors) + 1) * 512L;
    if (payloadOffset >= file.sizeBytes()) {
      throw new MachineException(file.name() + " is cut short: nothing behind its setup code");
    }
  }

  /** True when {@code file} carries a Linux setup header. */
  static boolean isBzImage(ImageFile file) throws MachineException {
    return file.sizeBytes() > HEADER_MAGIC + 4
        && file.u16(BOOT_FLAG) == 0xaa55
        && file.u32(HEADER_MAGIC) == HDRS;
  }

  @Override
  public void load(BootMemory memory, Vcpu cpu, BootArguments arguments) throws MachineException {
    long payloadBytes = file.sizeBytes() - payloadOffset;
    long end = Math.max(LOAD_ADDRESS + payloadBytes, runtimeEnd());
    KernelImage.checkFits(memory, file, LOAD_ADDRESS, end);
    memory.copy(LOAD_ADDRESS, file, payloadOffset, payloadBytes);

    ByteBuffer zeroPage = BootMemory.buffer(ZP_BYTES);
    int headerEnd = Math.min(HEADER_MAGIC + file.u8(HEADER_LENGTH), ZP_E820);
    zeroPage.put(SETUP_SECTS, file.copy(SETUP_SECTS, headerEnd - SETUP_SECTS));
    zeroPage.putShort(VID_MODE, (short) VIDEO_NORMAL);
    zeroPage.put(TYPE_OF_LOADER, (byte) UNKNOWN_LOADER);
    zeroPage.putInt(CODE32_START, (int) LOAD_ADDRESS);
    putCommandLine(memory, zeroPage, arguments.commandLine());
    ImageFile initrd = arguments.initrd();
    if (initrd != null) {
      long max = protocol >= 0x203 ? file.u32(INITRD_ADDR_MAX) : OLD_INITRD_MAX;
      long start = KernelImage.placeInitrd(memory, initrd, end, max);
      zeroPage.putInt(RAMDISK_IMAGE, (int) start);
      zeroPage.putInt(RAMDISK_SIZE, (int) initrd.sizeBytes());
    }
    if (protocol >= 0x20e) {
      zeroPage.putLong(ZP_RSDP, arguments.rsdp());
    }
    putMemoryMap(zeroPage, memory.map());
    if (arguments.hasTextScreen()) {
      putTextScreen(zeroPage);
    }
    memory.write(BootLayout.ZERO_PAGE, zeroPage);

    if (protocol >= 0x20c && (file.u16(XLOADFLAGS) & KERNEL_64) != 0) {
      BootLayout.enter64(memory, cpu, CODE_SELECTOR, DATA_SELECTOR, LOAD_ADDRESS + ENTRY64_OFFSET);
    } else {
      BootLayout.enter32(memory, cpu, CODE_SELECTOR, DATA_SELECTOR, LOAD_ADDRESS);
    }
    cpu.writeRegister("rsi", BootLayout.ZERO_PAGE);
  }

  /** End of the memory that the unpacked kernel takes until it reads the memory map. */
  private long runtimeEnd() throws MachineException {
    if (protocol < 0x20a) {
      return 0;
    }
    long preferred = file.u64(PREF_ADDRESS);
    long start = preferred;
    if (file.u8(RELOCATABLE) != 0) {
      long alignment = Math.max(1, file.u32(KERNEL_ALIGNMENT));
      long aligned = (LOAD_ADDRESS + alignment - 1) / alignment * alignment;
      start = Math.max(aligned, preferred);
    }
    return start + file.u32(INIT_SIZE);
  }

  private void putCommandLine(BootMemory memory, ByteBuffer zeroPage, String commandLine)
      throws MachineException {
    long max = protocol >= 0x206 ? file.u32(CMDLINE_SIZE) : 255;
    int length = commandLine.getBytes(StandardCharsets.UTF_8).length;
    if (length > Math.min(max, BootLayout.STRINGS_BYTES - 1)) {
      throw new MachineException(
          "the kernel command line has %d bytes; %s takes at most %d"
              .formatted(length, file.name(), max));
    }
    memory.writeString(BootLayout.STRINGS, commandLine);
    zeroPage.putInt(CMD_LINE_PTR, (int) BootLayout.STRINGS);
  }

  /** What the real-mode part finds on a VGA in text mode: mode 3, cursor at the top. */
  private static void putTextScreen(ByteBuffer zeroPage) {
    zeroPage.put(SI_VIDEO_MODE, (byte) 3).put(SI_COLUMNS, (byte) 80).put(SI_LINES, (byte) 25);
    zeroPage.putShort(SI_EGA_BX, (short) 3); // colour, 256 KiB
    zeroPage.put(SI_IS_VGA, (byte) 1).putShort(SI_POINTS, (short) 16);
  }

  private static void putMemoryMap(ByteBuffer zeroPage, E820 map) {
    zeroPage.putInt(ZP_ALT_MEM_K, (int) (map.lowRamEnd() - LOAD_ADDRESS >> 10));
    List<E820.Entry> entries = map.entries();
    int count = Math.min(entries.size(), ZP_E820_MAX);
    zeroPage.put(ZP_E820_ENTRIES, (byte) count);
    zeroPage.position(ZP_E820);
    for (E820.Entry e : entries.subList(0, count)) {
      zeroPage.putLong(e.base()).putLong(e.length()).putInt(e.type().number());
    }
  }
}
