package org.tuber.machine.board.arm;

import java.security.SecureRandom;
import java.util.Locale;
import org.tuber.devices.firmware.FwCfg;
import org.tuber.devices.gpio.Pl061Gpio;
import org.tuber.devices.serial.Pl011;
import org.tuber.devices.timer.Pl031Rtc;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.firmware.fdt.FdtNode;
import org.tuber.machine.firmware.fdt.FdtWriter;

/**
 * The device tree of the {@code virt} board. Names, handles and cells follow QEMU's tree of that
 * board; without the PMU, which no CPU here has.
 */
final class VirtFdt {
  private static final int CLOCK_HANDLE = 0x8000;
  private static final int GIC_HANDLE = 0x8001;
  private static final int MSI_HANDLE = 0x8002;
  private static final int GPIO_HANDLE = 0x8003;
  private static final int CPU_HANDLE = 0x8004;
  private static final int SHARED = 0;
  private static final int PRIVATE = 1;
  private static final int FIRST_PPI = 16;
  private static final int EDGE_RISING = 1;
  private static final int LEVEL_HIGH = 4;
  private static final int CLOCK_HZ = 24_000_000;
  private static final int KEY_POWER = 116;
  private static final int PCI_PINS = 4;

  private final MachineConfig config;
  private final VirtGic gic;
  private final VirtPsci psci;
  private final long ecam;
  private final SecureRandom random = new SecureRandom();

  VirtFdt(MachineConfig config, VirtGic gic, VirtPsci psci, long ecam) {
    this.config = config;
    this.gic = gic;
    this.psci = psci;
    this.ecam = ecam;
  }

  /** The blob; without initial RAM disk both addresses are 0. */
  byte[] blob(long initrdStart, long initrdEnd) {
    FdtNode root = FdtNode.root();
    root.cells("interrupt-parent", GIC_HANDLE)
        .strings("model", "linux,dummy-virt")
        .cells("#size-cells", 2)
        .cells("#address-cells", 2)
        .strings("compatible", "linux,dummy-virt");
    chosen(root.child("chosen"), initrdStart, initrdEnd);
    root.child("memory@40000000")
        .strings("device_type", "memory")
        .longs("reg", VirtMap.RAM, config.memoryBytes());
    psci.describe(root);
    cpus(root);
    timer(root);
    gic.describe(root, GIC_HANDLE, MSI_HANDLE);
    root.child("apb-pclk")
        .cells("phandle", CLOCK_HANDLE)
        .strings("clock-output-names", "clk24mhz")
        .cells("clock-frequency", CLOCK_HZ)
        .cells("#clock-cells", 0)
        .strings("compatible", "fixed-clock");
    primecells(root);
    root.child("fw-cfg@9020000")
        .flag("dma-coherent")
        .longs("reg", VirtMap.FW_CFG, FwCfg.WINDOW_BYTES)
        .strings("compatible", "qemu,fw-cfg-mmio");
    root.child("flash@0")
        .cells("bank-width", 4)
        .longs(
            "reg",
            VirtMap.FLASH,
            VirtMap.FLASH_BANK_BYTES,
            VirtMap.FLASH_BANK_BYTES,
            VirtMap.FLASH_BANK_BYTES)
        .strings("compatible", "cfi-flash");
    virtio(root);
    pci(root);
    root.child("platform-bus@c000000")
        .cells("interrupt-parent", GIC_HANDLE)
        .cells("ranges", 0, 0, (int) VirtMap.PLATFORM_BUS, (int) VirtMap.PLATFORM_BUS_BYTES)
        .cells("#address-cells", 1)
        .cells("#size-cells", 1)
        .strings("compatible", "qemu,platform", "simple-bus");
    return FdtWriter.write(root);
  }

  private void chosen(FdtNode chosen, long initrdStart, long initrdEnd) {
    byte[] seed = new byte[32];
    random.nextBytes(seed);
    chosen.strings("stdout-path", "/pl011@9000000").bytes("rng-seed", seed);
    chosen.longs("kaslr-seed", random.nextLong());
    if (!config.append().isEmpty()) {
      chosen.strings("bootargs", config.append());
    }
    if (initrdEnd != 0) {
      chosen.longs("linux,initrd-start", initrdStart).longs("linux,initrd-end", initrdEnd);
    }
  }

  private void cpus(FdtNode root) {
    FdtNode cpus = root.child("cpus").cells("#size-cells", 0).cells("#address-cells", 1);
    FdtNode cluster = cpus.child("cpu-map").child("socket0").child("cluster0");
    String model = config.cpuModel();
    String compatible = model.equals("max") ? "arm,armv8" : "arm," + model;
    for (int i = 0; i < config.cpus(); i++) {
      cluster.child("core" + i).cells("cpu", CPU_HANDLE + i);
      FdtNode cpu =
          cpus.child("cpu@" + Integer.toHexString(i))
              .cells("phandle", CPU_HANDLE + i)
              .cells("reg", i)
              .strings("compatible", compatible)
              .strings("device_type", "cpu");
      if (config.cpus() > 1) {
        cpu.strings("enable-method", "psci");
      }
    }
  }

  private void timer(FdtNode root) {
    int flags = gic.privateFlags() | LEVEL_HIGH;
    root.child("timer")
        .cells(
            "interrupts",
            PRIVATE,
            VirtMap.PPI_SECURE_TIMER - FIRST_PPI,
            flags,
            PRIVATE,
            VirtMap.PPI_PHYSICAL_TIMER - FIRST_PPI,
            flags,
            PRIVATE,
            VirtMap.PPI_VIRTUAL_TIMER - FIRST_PPI,
            flags,
            PRIVATE,
            VirtMap.PPI_HYPERVISOR_TIMER - FIRST_PPI,
            flags)
        .flag("always-on")
        .strings("compatible", "arm,armv8-timer", "arm,armv7-timer");
  }

  private void primecells(FdtNode root) {
    root.child("pl011@9000000")
        .strings("clock-names", "uartclk", "apb_pclk")
        .cells("clocks", CLOCK_HANDLE, CLOCK_HANDLE)
        .cells("interrupts", SHARED, VirtMap.UART_SPI, LEVEL_HIGH)
        .longs("reg", VirtMap.UART, Pl011.WINDOW_BYTES)
        .strings("compatible", "arm,pl011", "arm,primecell");
    root.child("pl031@9010000")
        .strings("clock-names", "apb_pclk")
        .cells("clocks", CLOCK_HANDLE)
        .cells("interrupts", SHARED, VirtMap.RTC_SPI, LEVEL_HIGH)
        .longs("reg", VirtMap.RTC, Pl031Rtc.WINDOW_BYTES)
        .strings("compatible", "arm,pl031", "arm,primecell");
    root.child("pl061@9030000")
        .cells("phandle", GPIO_HANDLE)
        .strings("clock-names", "apb_pclk")
        .cells("clocks", CLOCK_HANDLE)
        .cells("interrupts", SHARED, VirtMap.GPIO_SPI, LEVEL_HIGH)
        .flag("gpio-controller")
        .cells("#gpio-cells", 2)
        .strings("compatible", "arm,pl061", "arm,primecell")
        .longs("reg", VirtMap.GPIO, Pl061Gpio.WINDOW_BYTES);
    root.child("gpio-keys")
        .strings("compatible", "gpio-keys")
        .child("poweroff")
        .cells("gpios", GPIO_HANDLE, VirtMap.POWER_BUTTON_PIN, 0)
        .cells("linux,code", KEY_POWER)
        .strings("label", "GPIO Key Poweroff");
  }

  private static void virtio(FdtNode root) {
    for (int i = 0; i < VirtMap.VIRTIO_SLOTS; i++) {
      long at = VirtMap.VIRTIO + (long) i * VirtMap.VIRTIO_SLOT_BYTES;
      root.child(String.format(Locale.ROOT, "virtio_mmio@%x", at))
          .flag("dma-coherent")
          .cells("interrupts", SHARED, VirtMap.VIRTIO_SPI + i, EDGE_RISING)
          .longs("reg", at, VirtMap.VIRTIO_SLOT_BYTES)
          .strings("compatible", "virtio,mmio");
    }
  }

  private void pci(FdtNode root) {
    boolean high = ecam == VirtMap.PCI_ECAM_HIGH;
    long ecamBytes = high ? VirtMap.PCI_ECAM_HIGH_BYTES : VirtMap.PCI_ECAM_LOW_BYTES;
    FdtNode host = root.child("pcie@10000000");
    if (gic.hasMessages()) {
      host.cells("msi-map", 0, MSI_HANDLE, 0, 0x1_0000);
    }
    host.cells("interrupt-map-mask", 0x1800, 0, 0, 7)
        .cells("interrupt-map", interruptMap())
        .cells("#interrupt-cells", 1)
        .cells(
            "ranges",
            0x0100_0000,
            0,
            0,
            0,
            (int) VirtMap.PCI_IO,
            0,
            (int) VirtMap.PCI_IO_BYTES,
            0x0200_0000,
            0,
            (int) VirtMap.PCI_MEMORY,
            0,
            (int) VirtMap.PCI_MEMORY,
            0,
            (int) VirtMap.PCI_MEMORY_BYTES,
            0x0300_0000,
            (int) (VirtMap.PCI_MEMORY_HIGH >>> 32),
            0,
            (int) (VirtMap.PCI_MEMORY_HIGH >>> 32),
            0,
            (int) (VirtMap.PCI_MEMORY_HIGH_BYTES >>> 32),
            0)
        .longs("reg", ecam, ecamBytes)
        .flag("dma-coherent")
        .cells("bus-range", 0, (int) (ecamBytes >>> 20) - 1)
        .cells("linux,pci-domain", 0)
        .cells("#size-cells", 2)
        .cells("#address-cells", 3)
        .strings("device_type", "pci")
        .strings("compatible", "pci-host-ecam-generic");
  }

  /** Pin {@code p} of slot {@code s} leads to wire (s + p) mod 4. */
  private static int[] interruptMap() {
    int[] map = new int[PCI_PINS * PCI_PINS * 10];
    int at = 0;
    for (int slot = 0; slot < PCI_PINS; slot++) {
      for (int pin = 0; pin < PCI_PINS; pin++) {
        map[at] = slot << 11;
        map[at + 3] = pin + 1;
        map[at + 4] = GIC_HANDLE;
        map[at + 7] = SHARED;
        map[at + 8] = VirtMap.PCI_SPI + (slot + pin) % PCI_PINS;
        map[at + 9] = LEVEL_HIGH;
        at += 10;
      }
    }
    return map;
  }
}
