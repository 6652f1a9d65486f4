package org.tuber.machine.board.arm;

import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.irqchip.GicV3;
import org.tuber.devices.irqchip.GicV3Its;
import org.tuber.machine.firmware.acpi.VirtAcpi;
import org.tuber.machine.firmware.fdt.FdtNode;

/** A GICv3 and, for messages, an ITS. */
final class VirtGicV3 implements VirtGic {
  private final ReentrantLock lock;
  private final GicV3 gic;
  private final GicV3Its its;

  VirtGicV3(
      AddressSpace memory,
      DmaView dma,
      int cpus,
      boolean withIts,
      Map<String, Snapshottable<?>> devices) {
    lock = memory.deviceLock();
    gic = new GicV3(VirtMap.GICV3_SHARED_INTERRUPTS, withIts ? dma : null);
    its = withIts ? new GicV3Its(gic, dma, VirtMap.GIC_ITS) : null;
    int priority = AddressSpace.PRIORITY_PLATFORM;
    memory.mapDevice(VirtMap.GIC_DISTRIBUTOR, GicV3.DISTRIBUTOR_BYTES, gic.distributor(), priority);
    memory.mapDevice(
        VirtMap.GIC_REDISTRIBUTORS,
        (long) cpus * GicV3.REDISTRIBUTOR_BYTES,
        gic.redistributors(),
        priority);
    devices.put("gic", gic);
    if (its != null) {
      memory.mapDevice(VirtMap.GIC_ITS, GicV3Its.WINDOW_BYTES, its, priority);
      devices.put("its", its);
    }
  }

  @Override
  public void addCpu(IrqLine irq, IrqLine fiq) {
    gic.addCpu(irq, fiq);
  }

  @Override
  public void bindToCurrentThread(int cpu) {
    // Each CPU names itself when it accesses its registers.
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
    return its == null ? (address, data) -> {} : its.messagesOf(requester);
  }

  @Override
  public boolean hasSystemRegister(int encoding) {
    return gic.hasSystemRegister(encoding);
  }

  @Override
  public long readSystemRegister(int cpu, int encoding) {
    lock.lock();
    try {
      return gic.readSystemRegister(cpu, encoding);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void writeSystemRegister(int cpu, int encoding, long value) {
    lock.lock();
    try {
      gic.writeSystemRegister(cpu, encoding, value);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int privateFlags() {
    return 0;
  }

  @Override
  public boolean hasMessages() {
    return its != null;
  }

  @Override
  public VirtAcpi.Gic acpi() {
    return new VirtAcpi.Gic(
        3,
        VirtMap.GIC_DISTRIBUTOR,
        VirtMap.GIC_REDISTRIBUTORS,
        (int) VirtMap.GIC_REDISTRIBUTORS_BYTES,
        its == null ? 0 : VirtMap.GIC_ITS,
        0,
        0);
  }

  @Override
  public void describe(FdtNode root, int handle, int messageHandle) {
    FdtNode node =
        root.child("intc@8000000")
            .cells("phandle", handle)
            .longs(
                "reg",
                VirtMap.GIC_DISTRIBUTOR,
                GicV3.DISTRIBUTOR_BYTES,
                VirtMap.GIC_REDISTRIBUTORS,
                VirtMap.GIC_REDISTRIBUTORS_BYTES)
            .cells("#redistributor-regions", 1)
            .strings("compatible", "arm,gic-v3")
            .flag("ranges")
            .cells("#size-cells", 2)
            .cells("#address-cells", 2)
            .flag("interrupt-controller")
            .cells("#interrupt-cells", 3);
    if (its != null) {
      node.child("its@8080000")
          .cells("phandle", messageHandle)
          .longs("reg", VirtMap.GIC_ITS, GicV3Its.WINDOW_BYTES)
          .cells("#msi-cells", 1)
          .flag("msi-controller")
          .strings("compatible", "arm,gic-v3-its");
    }
  }
}
