package org.tuber.machine.board.arm;

/** Addresses and interrupts of the {@code virt} board: those that guests know from QEMU's. */
final class VirtMap {
  static final long FLASH = 0;
  static final long FLASH_BANK_BYTES = 0x400_0000;
  static final long GIC_DISTRIBUTOR = 0x800_0000;
  static final long GIC_CPU_INTERFACE = 0x801_0000;
  static final long GIC_V2M = 0x802_0000;
  static final long GIC_ITS = 0x808_0000;
  static final long GIC_REDISTRIBUTORS = 0x80a_0000;
  static final long GIC_REDISTRIBUTORS_BYTES = 0xf6_0000;
  static final long UART = 0x900_0000;
  static final long RTC = 0x901_0000;
  static final long FW_CFG = 0x902_0000;
  static final long GPIO = 0x903_0000;
  static final long VIRTIO = 0xa00_0000;
  static final int VIRTIO_SLOT_BYTES = 0x200;
  static final int VIRTIO_SLOTS = 32;
  static final long PLATFORM_BUS = 0xc00_0000;
  static final long PLATFORM_BUS_BYTES = 0x200_0000;
  static final long PCI_MEMORY = 0x1000_0000;
  static final long PCI_MEMORY_BYTES = 0x2eff_0000;
  static final long PCI_IO = 0x3eff_0000;
  static final long PCI_IO_BYTES = 0x1_0000;
  static final long PCI_ECAM_LOW = 0x3f00_0000;
  static final long PCI_ECAM_LOW_BYTES = 0x100_0000;
  static final long RAM = 0x4000_0000;
  static final long MAX_RAM_BYTES = 255L << 30;
  static final long PCI_ECAM_HIGH = 0x40_1000_0000L;
  static final long PCI_ECAM_HIGH_BYTES = 0x1000_0000;
  static final long PCI_MEMORY_HIGH = 0x80_0000_0000L;
  static final long PCI_MEMORY_HIGH_BYTES = 0x80_0000_0000L;

  // Shared interrupts, counted from 0.
  static final int SHARED_INTERRUPTS = 256;
  static final int GICV3_SHARED_INTERRUPTS = 224;
  static final int UART_SPI = 1;
  static final int RTC_SPI = 2;
  static final int PCI_SPI = 3;
  static final int GPIO_SPI = 7;
  static final int VIRTIO_SPI = 16;
  static final int V2M_SPI = 48;
  static final int V2M_SPIS = 64;

  // Private interrupts, as interrupt IDs.
  static final int PPI_HYPERVISOR_TIMER = 26;
  static final int PPI_VIRTUAL_TIMER = 27;
  static final int PPI_HYPERVISOR_VIRTUAL_TIMER = 28;
  static final int PPI_SECURE_TIMER = 29;
  static final int PPI_PHYSICAL_TIMER = 30;

  static final int POWER_BUTTON_PIN = 3;

  private VirtMap() {}
}
