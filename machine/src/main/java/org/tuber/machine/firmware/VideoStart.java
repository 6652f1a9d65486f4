package org.tuber.machine.firmware;

import java.nio.ByteBuffer;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * Lets a video card's BIOS set up the card before a kernel that is booted without firmware starts:
 * only that program knows the card's fonts and modes. The boot processor begins in real mode, calls
 * the ROM's initialisation (PCI Firmware Specification 3.0, 5.2: offset 3, bus and device in AX),
 * asks it for 80 by 25 characters of text and goes on to the state that the kernel's boot protocol
 * asks for.
 */
final class VideoStart {
  private static final long ROM = 0xc_0000;
  private static final int ROM_SEGMENT = 0xc000;
  private static final int INITIALISE = 3;
  private static final int MOST_ROM_BYTES = 0x1_0000;
  private static final int EFER_MSR = 0xc000_0080;
  private static final int EFER_LMA = 1 << 10;
  private static final int CODE_BYTES = 0x100;
  private static final int VECTORS = 256;
  private static final int VIDEO_VECTOR = 0x10;
  private static final int TEXT_MODE = 3;

  private final ByteBuffer code = BootMemory.buffer(CODE_BYTES);

  private VideoStart() {}

  /**
   * Puts the ROM's call before the kernel.
   *
   * @param card the card
   * @param cpu at the kernel's entry, with everything the kernel expects
   */
  static void precede(BootMemory memory, Vcpu cpu, VideoCard card) throws MachineException {
    byte[] rom = card.bios();
    if (rom.length > MOST_ROM_BYTES) {
      throw new MachineException(
          "the video BIOS has %d bytes, there is room for %d"
              .formatted(rom.length, MOST_ROM_BYTES));
    }
    memory.write(ROM, rom);
    VideoStart start = new VideoStart();
    memory.write(0, start.vectors());
    start.callRom(card.address());
    start.enterProtectedMode(cpu);
    start.enterKernel(cpu);
    memory.write(BootLayout.VIDEO_START, start.code);
    BootLayout.enterReal(cpu, BootLayout.VIDEO_START + 1, BootLayout.VIDEO_STACK);
  }

  private VideoStart bytes(int... values) {
    for (int value : values) {
      code.put((byte) value);
    }
    return this;
  }

  private VideoStart word(long value) {
    code.putShort((short) value);
    return this;
  }

  private VideoStart dword(long value) {
    code.putInt((int) value);
    return this;
  }

  private int here() {
    return (int) BootLayout.VIDEO_START + code.position();
  }

  /** Interrupts that the ROM does not serve return at once, as firmware's do. */
  private ByteBuffer vectors() {
    ByteBuffer vectors = BootMemory.buffer(4 * VECTORS);
    for (int i = 0; i < VECTORS; i++) {
      vectors.putInt(here());
    }
    bytes(0xcf); // IRET
    return vectors;
  }

  /** 16-bit code. */
  private void callRom(int address) {
    bytes(0xb8).word(address); // MOV AX
    bytes(0x9a).word(INITIALISE).word(ROM_SEGMENT); // CALL far
    bytes(0xb8).word(TEXT_MODE).bytes(0xcd, VIDEO_VECTOR); // MOV AX; INT
    bytes(0xfa, 0xfc); // CLI, CLD
  }

  /** 16-bit code: the control registers in the order in which they depend on each other. */
  private void enterProtectedMode(Vcpu cpu) {
    bytes(0x31, 0xc0, 0x8e, 0xd8); // XOR AX, AX; MOV DS, AX
    bytes(0x66, 0x0f, 0x01, 0x16); // LGDT m16&32
    int descriptorTable = code.position();
    word(0);
    moveToControl(cpu, "cr4", 0xe0);
    long efer = cpu.readRegister("efer") & ~EFER_LMA;
    if (efer != 0) {
      bytes(0x66, 0xb9).dword(EFER_MSR); // MOV ECX
      bytes(0x66, 0xb8).dword(efer); // MOV EAX
      bytes(0x66, 0x31, 0xd2, 0x0f, 0x30); // XOR EDX, EDX; WRMSR
    }
    moveToControl(cpu, "cr3", 0xd8);
    moveToControl(cpu, "cr0", 0xc0);
    bytes(0x66, 0xea); // JMP far, over the table's place
    int next = here() + 6 + 6;
    dword(next).word(cpu.readRegister("cs"));
    code.putShort(descriptorTable, (short) here());
    word(cpu.readRegister("gdtr.limit")).dword(cpu.readRegister("gdtr.base"));
  }

  /** MOV EAX, value; MOV CRn, EAX. Old processors have no CR4, and then it has no value. */
  private void moveToControl(Vcpu cpu, String register, int operand) {
    long value = cpu.readRegister(register);
    if (value != 0) {
      bytes(0x66, 0xb8).dword(value).bytes(0x0f, 0x22, operand);
    }
  }

  /** Code that means the same in 32-bit and 64-bit mode. */
  private void enterKernel(Vcpu cpu) {
    bytes(0x66, 0xb8).word(cpu.readRegister("ds")); // MOV AX
    for (int segment : new int[] {0xd8, 0xc0, 0xd0, 0xe0, 0xe8}) { // DS, ES, SS, FS, GS
      bytes(0x8e, segment);
    }
    String[] registers = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};
    for (int i = 0; i < registers.length; i++) {
      bytes(0xb8 + i).dword(cpu.readRegister(registers[i])); // MOV r32
    }
    bytes(0xe9); // JMP rel32
    dword(cpu.readRegister("rip") - (here() + 4));
  }
}
