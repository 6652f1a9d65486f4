package org.tuber.devices.gpio;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Arm PrimeCell PL061: eight pins, each input or output, with interrupts on levels and edges.
 *
 * <p>Technical reference manual DDI 0190B, chapter 3. Address bits 9:2 of an access to the data
 * register choose the pins it concerns. Deviations: alternate functions (GPIOAFSEL) are storage; an
 * undriven pin reads low.
 */
public final class Pl061Gpio implements MmioDevice, Snapshottable<Pl061Gpio.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 0x1000;

  /** Number of pins. */
  public static final int PINS = 8;

  private static final int DATA_END = 0x400;
  private static final int DIR = 0x400;
  private static final int IS = 0x404;
  private static final int IBE = 0x408;
  private static final int IEV = 0x40c;
  private static final int IE = 0x410;
  private static final int RIS = 0x414;
  private static final int MIS = 0x418;
  private static final int IC = 0x41c;
  private static final int AFSEL = 0x420;
  private static final int ID = 0xfe0;
  private static final int[] IDENTITY = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

  /** State: one byte for each register, and the levels of the pins. */
  public record State(
      int output,
      int inputs,
      int direction,
      int sense,
      int bothEdges,
      int event,
      int mask,
      int latched,
      int alternate) {}

  private final IrqLine irq;
  private final OnceLog log = new OnceLog("pl061");
  private final IrqLine[] pins = new IrqLine[PINS];
  private int output;
  private int inputs;
  private int direction;
  private int sense;
  private int bothEdges;
  private int event;
  private int mask;
  private int latched;
  private int alternate;

  /** A controller with all pins as inputs. */
  public Pl061Gpio(IrqLine irq) {
    this.irq = irq;
    for (int i = 0; i < PINS; i++) {
      int pin = i;
      pins[i] = new IrqLine(level -> inputChanged(1 << pin, level));
    }
  }

  /** The wire into pin {@code n}. */
  public IrqLine input(int n) {
    return pins[n];
  }

  private void inputChanged(int bit, boolean level) {
    inputs = level ? inputs | bit : inputs & ~bit;
    if ((direction & bit) == 0) {
      edge(bit, level);
    }
    update();
  }

  private void edge(int bit, boolean level) {
    boolean counts = (bothEdges & bit) != 0 || (event & bit) != 0 == level;
    if ((sense & bit) == 0 && counts) {
      latched |= bit;
    }
  }

  private int data() {
    return output & direction | inputs & ~direction;
  }

  private int raw() {
    int active = ~(data() ^ event) & sense & ~direction;
    return (latched & ~sense | active) & 0xff;
  }

  private void update() {
    irq.set((raw() & mask) != 0);
  }

  @Override
  public long read(long offset, int size) {
    int at = (int) offset & ~3;
    int value = at < DATA_END ? data() & at >>> 2 : register(at);
    return (value & 0xffff_ffffL) >>> 8 * (offset & 3);
  }

  private int register(int at) {
    return switch (at) {
      case DIR -> direction;
      case IS -> sense;
      case IBE -> bothEdges;
      case IEV -> event;
      case IE -> mask;
      case RIS -> raw();
      case MIS -> raw() & mask;
      case IC -> 0;
      case AFSEL -> alternate;
      default -> {
        if (at >= ID) {
          yield IDENTITY[at - ID >>> 2];
        }
        log.unassignedRead(at, 4);
        yield 0;
      }
    };
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value & 0xff;
    int at = (int) offset;
    if (at < DATA_END) {
      int chosen = at >>> 2 & direction;
      output = output & ~chosen | v & chosen;
    } else {
      switch (at) {
        case DIR -> direction = v;
        case IS -> sense = v;
        case IBE -> bothEdges = v;
        case IEV -> event = v;
        case IE -> mask = v;
        case IC -> latched &= ~v;
        case AFSEL -> alternate = v;
        default -> {
          if (at < ID && at != RIS && at != MIS) {
            log.unassignedWrite(offset, value, size);
          }
        }
      }
    }
    update();
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  @Override
  public State save() {
    return new State(output, inputs, direction, sense, bothEdges, event, mask, latched, alternate);
  }

  @Override
  public void load(State s) {
    int all =
        s.output | s.inputs | s.direction | s.sense | s.bothEdges | s.event | s.mask | s.latched;
    if (((all | s.alternate) & ~0xff) != 0) {
      throw new IllegalArgumentException("a register is wider than eight pins");
    }
    output = s.output;
    inputs = s.inputs;
    direction = s.direction;
    sense = s.sense;
    bothEdges = s.bothEdges;
    event = s.event;
    mask = s.mask;
    latched = s.latched;
    alternate = s.alternate;
    update();
  }

  @Override
  public void reset() {
    output = 0;
    direction = 0;
    sense = 0;
    bothEdges = 0;
    event = 0;
    mask = 0;
    latched = 0;
    alternate = 0;
    update();
  }
}
