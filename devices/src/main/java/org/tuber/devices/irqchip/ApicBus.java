package org.tuber.devices.irqchip;

import java.util.ArrayList;
import java.util.List;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;

/**
 * What joins the local APICs of a machine: interrupt messages from IOAPICs, MSIs and other CPUs,
 * EOI broadcasts back, the two LINT wires, and the memory window in which every CPU sees its own
 * APIC.
 *
 * <p>Intel SDM volume 3, chapter 12 (delivery modes, destinations, message format). It has no state
 * of its own. Several CPUs share the window FEE00000H: a CPU thread names its APIC by {@link
 * Lapic#bindToCurrentThread}.
 */
public final class ApicBus implements MsiSink, MmioDevice {
  /** Delivery mode: the vector, to all destinations. */
  public static final int MODE_FIXED = 0;

  /** Delivery mode: the vector, to the destination with the lowest processor priority. */
  public static final int MODE_LOWEST_PRIORITY = 1;

  /** Delivery mode: system management interrupt. */
  public static final int MODE_SMI = 2;

  /** Delivery mode: non-maskable interrupt. */
  public static final int MODE_NMI = 4;

  /** Delivery mode: INIT. */
  public static final int MODE_INIT = 5;

  /** Delivery mode: start-up. */
  public static final int MODE_STARTUP = 6;

  /** Delivery mode: the vector comes from the 8259. */
  public static final int MODE_EXTINT = 7;

  /** Default address of the window. */
  public static final long DEFAULT_BASE = 0xfee0_0000L;

  /** Size of the message window; the registers are in its first page. */
  public static final int WINDOW_BYTES = 0x10_0000;

  private static final int REGISTERS_BYTES = 0x1000;
  private static final int BROADCAST = -1;

  private final OnceLog log = new OnceLog("apic-bus");
  private final List<IoApic> ioApics = new ArrayList<>();
  private final IrqLine lint0 = new IrqLine(this::lint0Changed);
  private final IrqLine lint1 = new IrqLine(this::lint1Changed);
  private Lapic[] lapics = {};

  /** The wire to LINT0 of every CPU: the 8259's INT output ends here. */
  public IrqLine lint0() {
    return lint0;
  }

  /** The wire to LINT1 of every CPU: the board's NMI ends here. */
  public IrqLine lint1() {
    return lint1;
  }

  /** Calls {@link Lapic#lint0Changed} on all. */
  private void lint0Changed(boolean level) {
    for (Lapic lapic : lapics) {
      lapic.lint0Changed(level);
    }
  }

  private void lint1Changed(boolean level) {
    for (Lapic lapic : lapics) {
      lapic.lint1Changed(level);
    }
  }

  void addLapic(Lapic lapic) {
    Lapic[] more = new Lapic[lapics.length + 1];
    System.arraycopy(lapics, 0, more, 0, lapics.length);
    more[lapics.length] = lapic;
    lapics = more;
  }

  void addIoApic(IoApic ioApic) {
    ioApics.add(ioApic);
  }

  void broadcastEndOfInterrupt(int vector) {
    for (int i = 0; i < ioApics.size(); i++) {
      ioApics.get(i).endOfInterrupt(vector);
    }
  }

  /**
   * Delivers a message with an 8-bit destination, as IOAPICs and MSIs send it.
   *
   * @return true when an APIC accepted it
   */
  boolean deliver(boolean logical, int destination, int mode, int vector, boolean level) {
    int d = destination & 0xff;
    return deliverTo(null, logical, d == 0xff ? BROADCAST : d, mode, vector, level);
  }

  /** Delivers to every APIC that matches except {@code excluded} (may be null). */
  boolean deliverTo(
      Lapic excluded, boolean logical, int destination, int mode, int vector, boolean level) {
    boolean accepted = false;
    Lapic lowest = null;
    for (Lapic lapic : lapics) {
      if (lapic == excluded || !lapic.matches(logical, destination)) {
        continue;
      }
      if (mode == MODE_LOWEST_PRIORITY) {
        if (lapic.acceptsVectors()
            && (lowest == null || lapic.processorPriority() < lowest.processorPriority())) {
          lowest = lapic;
        }
      } else {
        accepted |= accept(lapic, mode, vector, level);
      }
    }
    return lowest != null ? lowest.acceptVector(vector, level) : accepted;
  }

  private boolean accept(Lapic lapic, int mode, int vector, boolean level) {
    switch (mode) {
      case MODE_FIXED -> {
        return lapic.acceptVector(vector, level);
      }
      case MODE_NMI -> lapic.acceptNmi();
      case MODE_INIT -> lapic.acceptInit();
      case MODE_STARTUP -> lapic.acceptStartup(vector);
      case MODE_EXTINT -> lapic.acceptExtInt();
      default -> {
        log.unimplemented("delivery mode " + mode, 0, vector);
        return false;
      }
    }
    return true;
  }

  @Override
  public void send(long address, int data) {
    boolean logical = (address & 4) != 0;
    boolean redirect = (address & 8) != 0;
    int destination = (int) (address >>> 12) & 0xff;
    int mode = data >>> 8 & 7;
    if (redirect && mode == MODE_FIXED && logical) {
      mode = MODE_LOWEST_PRIORITY;
    }
    deliver(logical, destination, mode, data & 0xff, (data & 0x8000) != 0);
  }

  private Lapic current() {
    Lapic[] all = lapics;
    if (all.length > 1) {
      Thread thread = Thread.currentThread();
      for (Lapic lapic : all) {
        if (lapic.boundTo(thread)) {
          return lapic;
        }
      }
    }
    return all.length == 0 ? null : all[0];
  }

  @Override
  public long read(long offset, int size) {
    Lapic lapic = current();
    return offset < REGISTERS_BYTES && lapic != null ? lapic.read(offset, size) : -1;
  }

  @Override
  public void write(long offset, long value, int size) {
    Lapic lapic = current();
    if (offset < REGISTERS_BYTES && lapic != null) {
      lapic.write(offset, value, size);
    } else if (size == 4) {
      send(DEFAULT_BASE + offset, (int) value);
    } else {
      log.unassignedWrite(offset, value, size);
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }
}
