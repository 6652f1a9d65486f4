package org.tuber.machine.firmware;

import java.nio.ByteBuffer;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * Where direct boot puts its own data in low memory, and the CPU states that the boot protocols ask
 * for. All of it is ordinary RAM for the guest once it has read it.
 *
 * <p>Registers are written in the order that an x86 CPU checks them: CR4, EFER, CR3, CR0, then
 * segments. Segment attributes are the descriptor's bits 8-15 as bits 0-7 and bits 20-23 as bits
 * 12-15.
 */
final class BootLayout {
  /** Global descriptor table of the entry state. */
  static final long GDT = 0x1000;

  /** PVH start info, module list and memory map. */
  static final long PVH_INFO = 0x2000;

  /** Linux's zero page. */
  static final long ZERO_PAGE = 0x7000;

  /** What runs the video card's BIOS before the kernel. */
  static final long VIDEO_START = 0x8000;

  /** End of the stack of that, which grows down. */
  static final long VIDEO_STACK = 0x9000;

  /** Multiboot memory map, where other loaders of this kind put it too. */
  static final long MULTIBOOT_MMAP = 0x9000;

  /** Multiboot information. */
  static final long MULTIBOOT_INFO = 0x9500;

  /** Multiboot module list. */
  static final long MULTIBOOT_MODULES = 0x9600;

  /** Identity page tables: PML4, PDPT, four page directories. */
  static final long PAGE_TABLES = 0x1_0000;

  /** Command line and other strings. */
  static final long STRINGS = 0x2_0000;

  /** Room for strings. */
  static final int STRINGS_BYTES = 0x1_0000;

  /** First address after all of the above; images must stay out of what lies below, to 0. */
  static final long END = STRINGS + STRINGS_BYTES;

  private static final int PAGE = 4096;
  private static final long CR0_PE = 1;
  private static final long CR0_ET = 1 << 4;
  private static final long CR0_PG = 1L << 31;
  private static final long CR4_PAE = 1 << 5;
  private static final long EFER_LME_LMA = 0x500;
  private static final long REAL_CODE = 0x9b;
  private static final long REAL_LIMIT = 0xffff;
  private static final long REAL_VECTORS_LIMIT = 0x3ff;
  private static final long FLAT_CODE32 = 0xC09B;
  private static final long FLAT_CODE64 = 0xA09B;
  private static final long FLAT_DATA = 0xC093;
  private static final long FLAT_LIMIT = 0xffff_ffffL;
  private static final long FLAGS_RESERVED_ONE = 2;

  private static final String[] DATA_SEGMENTS = {"ds", "es", "ss", "fs", "gs"};

  private BootLayout() {}

  /**
   * Real mode, all segments at 0, interrupts off. Data segments reach over 4 GiB, as they do when
   * firmware calls a ROM: SeaBIOS' video BIOS reads the monitor's description from a card's memory.
   */
  static void enterReal(Vcpu cpu, long entry, long stack) {
    cpu.writeRegister("cr0", CR0_ET);
    cpu.writeRegister("cr3", 0);
    cpu.writeRegister("efer", 0);
    cpu.writeRegister("cr4", 0);
    tables(cpu, 0, REAL_LIMIT, REAL_VECTORS_LIMIT);
    segment(cpu, "cs", 0, REAL_LIMIT, REAL_CODE);
    for (String s : DATA_SEGMENTS) {
      segment(cpu, s, 0, FLAT_LIMIT, FLAT_DATA);
    }
    cpu.writeRegister("rsp", stack);
    cpu.writeRegister("rip", entry);
  }

  /** 32-bit protected mode without paging, flat segments, interrupts off. */
  static void enter32(BootMemory memory, Vcpu cpu, int code, int data, long entry)
      throws MachineException {
    writeGdt(memory, code, FLAT_CODE32, data);
    cpu.writeRegister("cr4", 0);
    cpu.writeRegister("efer", 0);
    cpu.writeRegister("cr3", 0);
    cpu.writeRegister("cr0", CR0_PE | CR0_ET);
    segments(cpu, code, FLAT_CODE32, data);
    cpu.writeRegister("rip", entry);
  }

  /** 64-bit mode, the first 4 GiB mapped one to one by 2 MiB pages, interrupts off. */
  static void enter64(BootMemory memory, Vcpu cpu, int code, int data, long entry)
      throws MachineException {
    writeGdt(memory, code, FLAT_CODE64, data);
    writePageTables(memory);
    cpu.writeRegister("cr4", CR4_PAE);
    cpu.writeRegister("efer", EFER_LME_LMA);
    cpu.writeRegister("cr3", PAGE_TABLES);
    cpu.writeRegister("cr0", CR0_PG | CR0_PE | CR0_ET);
    segments(cpu, code, FLAT_CODE64, data);
    cpu.writeRegister("rip", entry);
  }

  private static void segments(Vcpu cpu, int code, long codeAttributes, int data) {
    tables(cpu, GDT, Math.max(code, data) + 7, 0);
    segment(cpu, "cs", code, FLAT_LIMIT, codeAttributes);
    for (String s : DATA_SEGMENTS) {
      segment(cpu, s, data, FLAT_LIMIT, FLAT_DATA);
    }
    cpu.writeRegister("rflags", FLAGS_RESERVED_ONE);
  }

  private static void tables(Vcpu cpu, long gdt, long gdtLimit, long idtLimit) {
    cpu.writeRegister("gdtr.base", gdt);
    cpu.writeRegister("gdtr.limit", gdtLimit);
    cpu.writeRegister("idtr.base", 0);
    cpu.writeRegister("idtr.limit", idtLimit);
  }

  private static void segment(Vcpu cpu, String name, int selector, long limit, long attributes) {
    cpu.writeRegister(name, selector);
    cpu.writeRegister(name + ".base", 0);
    cpu.writeRegister(name + ".limit", limit);
    cpu.writeRegister(name + ".attributes", attributes);
  }

  private static void writeGdt(BootMemory memory, int code, long codeAttributes, int data)
      throws MachineException {
    ByteBuffer gdt = BootMemory.buffer(Math.max(code, data) + 8);
    gdt.putLong(code, flatDescriptor(codeAttributes));
    gdt.putLong(data, flatDescriptor(FLAT_DATA));
    memory.write(GDT, gdt);
  }

  /** Base 0, limit FFFFF. */
  private static long flatDescriptor(long attributes) {
    return 0x000f_0000_0000_ffffL | (attributes & 0xff) << 40 | (attributes >>> 12 & 0xf) << 52;
  }

  private static void writePageTables(BootMemory memory) throws MachineException {
    final long presentWritable = 3;
    final long large = 1 << 7;
    ByteBuffer tables = BootMemory.buffer(6 * PAGE);
    tables.putLong(0, PAGE_TABLES + PAGE | presentWritable);
    for (int i = 0; i < 4; i++) {
      tables.putLong(PAGE + 8 * i, PAGE_TABLES + (2L + i) * PAGE | presentWritable);
    }
    for (int i = 0; i < 4 * 512; i++) {
      tables.putLong(2 * PAGE + 8 * i, (long) i << 21 | large | presentWritable);
    }
    memory.write(PAGE_TABLES, tables);
  }
}
