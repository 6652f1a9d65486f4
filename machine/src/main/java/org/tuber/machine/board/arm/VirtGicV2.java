package org.tuber.machine.board.arm;

import java.util.Map;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.irqchip.GicV2;
import org.tuber.devices.irqchip.GicV2m;
import org.tuber.machine.firmware.acpi.VirtAcpi;
import org.tuber.machine.firmware.fdt.FdtNode;

/** A GICv2 and, for messages, a GICv2m frame. */
final class VirtGicV2 implements VirtGic {
  private final GicV2 gic = new GicV2(VirtMap.SHARED_INTERRUPTS);
  private int cpus;
  private final GicV2m frame;

  VirtGicV2(AddressSpace memory, Map<String, Snapshottable<?>> devices) {
    IrqLine[] lines = new IrqLine[VirtMap.V2M_SPIS];
    for (int i = 0; i < lines.length; i++) {
      lines[i] = gic.sharedInput(VirtMap.V2M_SPI + i);
    }
    frame = new GicV2m(VirtMap.GIC_V2M, GicV2.FIRST_SPI + VirtMap.V2M_SPI, lines);
    int priority = AddressSpace.PRIORITY_PLATFORM;
    memory.mapDevice(VirtMap.GIC_DISTRIBUTOR, GicV2.DISTRIBUTOR_BYTES, gic.distributor(), priority);
    memory.mapDevice(
        VirtMap.GIC_CPU_INTERFACE, GicV2.CPU_INTERFACE_BYTES, gic.cpuInterface(), priority);
    memory.mapDevice(VirtMap.GIC_V2M, GicV2m.WINDOW_BYTES, frame, priority);
    devices.put("gic", gic);
    devices.put("gicv2m", frame);
  }

  @Override
  public void addCpu(IrqLine irq, IrqLine fiq) {
    gic.addCpu(irq, fiq);
    cpus++;
  }

  @Override
  public void bindToCurrentThread(int cpu) {
    gic.bindToCurrentThread(cpu);
  }

  @Override
  public IrqLine shared(int n) {
    return gic.sharedInput(n);
  }

  @Override
  public IrqLine ownOf(int cpu, int id) {
    return gic.privateInput(cpu, id);
  }

  @Override
  public MsiSink messagesOf(int requester) {
    return frame;
  }

  @Override
  public int privateFlags() {
    return (1 << cpus) - 1 << 8;
  }

  @Override
  public VirtAcpi.Gic acpi() {
    return new VirtAcpi.Gic(
        2,
        VirtMap.GIC_DISTRIBUTOR,
        VirtMap.GIC_CPU_INTERFACE,
        0,
        VirtMap.GIC_V2M,
        VirtMap.V2M_SPI,
        VirtMap.V2M_SPIS);
  }

  @Override
  public void describe(FdtNode root, int handle, int messageHandle) {
    FdtNode node =
        root.child("intc@8000000")
            .cells("phandle", handle)
            .longs(
                "reg",
                VirtMap.GIC_DISTRIBUTOR,
                GicV2.DISTRIBUTOR_BYTES,
                VirtMap.GIC_CPU_INTERFACE,
                GicV2.CPU_INTERFACE_BYTES)
            .strings("compatible", "arm,cortex-a15-gic")
            .flag("ranges")
            .cells("#size-cells", 2)
            .cells("#address-cells", 2)
            .flag("interrupt-controller")
            .cells("#interrupt-cells", 3);
    node.child("v2m@8020000")
        .cells("phandle", messageHandle)
        .longs("reg", VirtMap.GIC_V2M, GicV2m.WINDOW_BYTES)
        .flag("msi-controller")
        .strings("compatible", "arm,gic-v2m-frame");
  }
}
