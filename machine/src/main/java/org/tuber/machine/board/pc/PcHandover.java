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

  private static final int CONFIG_ADDRESS = 0xcf8;
  private static final int CONFIG_DATA = 0xcfc;
  private static final int HOST_BRIDGE = 0;
  private static final int ISA_BRIDGE = 1 << 11;
  private static final int POWER_MANAGEMENT = 1 << 11 | 3 << 8;

  private static final int PCI_COMMAND = 0x04;
  private static final int PCI_INTERRUPT_LINE = 0x3c;
  private static final int HOST_PAM0 = 0x59;
  private static final int HOST_PAM_COUNT = 7;
  private static final int ISA_PIRQA = 0x60;
  private static final int PM_BASE = 0x40;
  private static final int PM_ENABLE = 0x80;
  private static final int SMBUS_BASE = 0x90;
  private static final int SMBUS_CONFIG = 0xd2;

  private static final int PM_PORTS = 0x600;
  private static final int SMBUS_PORTS = 0x700;
  private static final int[] PIRQ_ROUTES = {10, 10, 11, 11};

  private static final long BDA = 0x400;
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

  /** Leaves the chipset as firmware does. */
  static void initialiseChipset(AddressSpace ports) {
    configWrite(ports, HOST_BRIDGE, HOST_PAM0, 0x30, 1);
    for (int i = 1; i < HOST_PAM_COUNT; i++) {
      configWrite(ports, HOST_BRIDGE, HOST_PAM0 + i, 0x33, 1);
    }
    for (int i = 0; i < PIRQ_ROUTES.length; i++) {
      configWrite(ports, ISA_BRIDGE, ISA_PIRQA + i, PIRQ_ROUTES[i], 1);
    }
    ports.write(0x4d0, 0, 1);
    ports.write(0x4d1, 0x0c, 1); // 10 and 11 are level-triggered
    configWrite(ports, POWER_MANAGEMENT, PM_BASE, PM_PORTS | 1, 4);
    configWrite(ports, POWER_MANAGEMENT, PM_ENABLE, 1, 1);
    configWrite(ports, POWER_MANAGEMENT, SMBUS_BASE, SMBUS_PORTS | 1, 4);
    configWrite(ports, POWER_MANAGEMENT, SMBUS_CONFIG, 9, 1);
    configWrite(ports, POWER_MANAGEMENT, PCI_INTERRUPT_LINE, 9, 1);
    configWrite(ports, POWER_MANAGEMENT, PCI_COMMAND, 1, 2);

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

  private static void configWrite(
      AddressSpace ports, int function, int register, int value, int size) {
    ports.write(CONFIG_ADDRESS, 0x8000_0000L | function | (register & 0xfc), 4);
    ports.write(CONFIG_DATA + (register & 3L), value, size);
  }

  /** The BIOS data area as far as kernels read it without calling a BIOS. */
  static void writeBiosData(BootMemory memory, List<PcAcpi.Serial> serials)
      throws MachineException {
    ByteBuffer bda = BootMemory.buffer(0x100);
    for (PcAcpi.Serial s : serials) {
      bda.putShort((short) s.port());
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
