package org.tuber.devices.irqchip;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * GICv2m frame: turns messages into edges of shared interrupts, so that PCI functions can use MSI
 * with a GICv2.
 *
 * <p>Arm Server Base System Architecture 3.0, appendix E. It has no state; the edge is kept by the
 * controller behind the wires.
 */
public final class GicV2m implements MmioDevice, MsiSink, Snapshottable<GicV2m.State> {
  /** Size of the window. */
  public static final int WINDOW_BYTES = 0x1000;

  private static final int MSI_TYPER = 0x008;
  private static final int MSI_SETSPI = 0x040;
  private static final int MSI_IIDR = 0xfcc;
  private static final int IIDR = 0x53d;

  /** Nothing. */
  public record State() {}

  private final OnceLog log = new OnceLog("gicv2m");
  private final long base;
  private final int first;
  private final IrqLine[] lines;

  /**
   * A frame.
   *
   * @param base guest-physical address of the window, where messages go
   * @param first interrupt ID of the first line
   * @param lines wires into consecutive shared interrupts
   */
  public GicV2m(long base, int first, IrqLine... lines) {
    this.base = base;
    this.first = first;
    this.lines = lines.clone();
  }

  @Override
  public long read(long offset, int size) {
    return switch ((int) offset) {
      case MSI_TYPER -> (long) first << 16 | lines.length;
      case MSI_SETSPI -> 0;
      case MSI_IIDR -> IIDR;
      default -> {
        log.unassignedRead(offset, size);
        yield 0;
      }
    };
  }

  @Override
  public void write(long offset, long value, int size) {
    if (offset == MSI_SETSPI) {
      int n = (int) (value & 0x3ff) - first;
      if (n >= 0 && n < lines.length) {
        lines[n].pulse();
      }
    } else {
      log.unassignedWrite(offset, value, size);
    }
  }

  @Override
  public void send(long address, int data) {
    if (address - base >= 0 && address - base < WINDOW_BYTES) {
      write(address - base, data & 0xffff_ffffL, 4);
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  @Override
  public State save() {
    return new State();
  }

  @Override
  public void load(State state) {}

  @Override
  public void reset() {}
}
