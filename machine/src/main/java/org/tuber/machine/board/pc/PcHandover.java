package org.tuber.machine.board.pc;

import java.nio.ByteBuffer;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.machine.MachineException;
import org.tuber.machine.firmware.BootMemory;
import org.tuber.machine.firmware.acpi.PcAcpi;

/**
 * Sets up a freshly reset {@code pc} the way firmware leaves it, for kernels booted without any:
 * shadow RAM open, PCI interrupts routed, power-management ports in place, 8259 initialised and
 * masked, timer 0 at 18.2 Hz, cacheable RAM.
 *
 * <p>It writes the devices' own registers through the port space, so nothing here knows how a
 * device keeps its state.
 */
final class PcHandover {
  private static final Logger LOG = LoggerFactory.getLogger(PcHandover.class);

  private static final long BDA = 0x400;
  private static final int BDA_PARALLEL_PORTS = 0x08;
  private static final int BDA_EBDA_SEGMENT = 0x0e;
  private static final int BDA_MEMORY_KIB = 0x13;
  private static final int EBDA_SEGMENT = 0x9fc0;
  private static final int BASE_MEMORY_KIB = 639;

  private static final long WRITE_BACK_EVERYWHERE = 0x0606_0606_0606_0606L;
  private static final long WRITE_PROTECTED_EVERYWHERE = 0x0505_0505_0505_0505L;
  private static final long MTRR_ENABLED_WRITE_BACK = 0xc06;
  private static final long MTRR_VALID = 0x800;
  private static final long PHYSICAL_MASK = 0xff_ffff_ffffL;

  private PcHandover() {}

  /** The ISA side: interrupt controllers, timer 0, address line 20. */
  static void initialiseIsa(AddressSpace ports) {
    ports.write(0x4d0, 0, 1);
    ports.write(0x4d1, 0x0c, 1); // 10 and 11, where PCI interrupts go, are level-triggered
    byte[] master = {0x11, 0x08, 0x04, 0x01};
    byte[] slave = {0x11, 0x70, 0x02, 0x01};
    initialisePic(ports, 0x20, master);
    initialisePic(ports, 0xa0, slave);
    ports.write(0x21, 0xff, 1);
    ports.write(0xa1, 0xff, 1);

    ports.write(0x43, 0x34, 1); // timer 0: both bytes, mode 2, count 65536
    ports.write(0x40, 0, 1);
    ports.write(0x40, 0, 1);
    ports.write(0x92, 2, 1); // address line 20 open
  }

  private static void initialisePic(AddressSpace ports, int base, byte[] words) {
    ports.write(base, words[0], 1);
    for (int i = 1; i < words.length; i++) {
      ports.write(base + 1L, words[i], 1);
    }
  }

  /** The BIOS data area as far as kernels read it without calling a BIOS. */
  static void writeBiosData(
      BootMemory memory, List<PcAcpi.Legacy> serials, List<PcAcpi.Legacy> parallels)
      throws MachineException {
    ByteBuffer bda = BootMemory.buffer(0x100);
    for (PcAcpi.Legacy s : serials) {
      bda.putShort((short) s.port());
    }
    bda.position(BDA_PARALLEL_PORTS);
    for (PcAcpi.Legacy p : parallels) {
      bda.putShort((short) p.port());
    }
    bda.putShort(BDA_EBDA_SEGMENT, (short) EBDA_SEGMENT);
    bda.putShort(BDA_MEMORY_KIB, (short) BASE_MEMORY_KIB);
    memory.write(BDA, bda);
    ByteBuffer ebda = BootMemory.buffer(0x400);
    ebda.put(0, (byte) 1); // its size in KiB
    memory.write((long) EBDA_SEGMENT << 4, ebda);
  }

  /**
   * Memory type range registers (SDM volume 3, 13.11), as {@code "msr.NUMBER"} in hexadecimal: all
   * write-back but the video window and the PCI hole.
   */
  static void initialiseMemoryTypes(Vcpu cpu, long pciHoleStart) {
    try {
      cpu.writeRegister("msr.250", WRITE_BACK_EVERYWHERE);
      cpu.writeRegister("msr.258", WRITE_BACK_EVERYWHERE);
      cpu.writeRegister("msr.259", 0);
      for (int fixed4K = 0x268; fixed4K <= 0x26f; fixed4K++) {
        cpu.writeRegister("msr." + Integer.toHexString(fixed4K), WRITE_PROTECTED_EVERYWHERE);
      }
      long hole = pciHoleStart > 0xc000_0000L ? 0xe000_0000L : 0xc000_0000L;
      cpu.writeRegister("msr.200", hole);
      cpu.writeRegister("msr.201", hole - PcMemory.HIGH_BASE & PHYSICAL_MASK | MTRR_VALID);
      cpu.writeRegister("msr.2ff", MTRR_ENABLED_WRITE_BACK);
    } catch (IllegalArgumentException e) {
      LOG.debug("this CPU has no memory type registers to set: {}", e.getMessage());
    }
  }
}
