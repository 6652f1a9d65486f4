package org.tuber.devices.serial;

import org.tuber.core.backend.CharBackend;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * National Semiconductor PC16550D: a UART with 16-byte FIFOs, eight byte-wide registers.
 *
 * <p>Data sheet PC16550D (June 1995), sections 8.1 to 8.8. A character leaves as soon as it is
 * written, so the transmitter is always empty and its interrupt comes back at once; received
 * characters wait in the backend until there is room, so overruns only happen in loopback. A
 * connected line shows DSR, CTS and DCD. Deviations: the line speed only times the character
 * time-out; a break is not sent; OUT2 does not gate the interrupt (systems exist that rely on it);
 * the DMA mode bit has no pins to act on.
 */
public final class Uart16550 implements MmioDevice, Snapshottable<Uart16550.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 8;

  private static final int RBR_THR = 0;
  private static final int IER = 1;
  private static final int IIR_FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;
  private static final int SCR = 7;

  private static final int IER_RDI = 0x01;
  private static final int IER_THRI = 0x02;
  private static final int IER_RLSI = 0x04;
  private static final int IER_MSI = 0x08;
  private static final int IIR_NONE = 0x01;
  private static final int IIR_THRI = 0x02;
  private static final int IIR_RDI = 0x04;
  private static final int IIR_RLSI = 0x06;
  private static final int IIR_TIMEOUT = 0x0c;
  private static final int IIR_MSI = 0x00;
  private static final int IIR_FIFO = 0xc0;
  private static final int FCR_ENABLE = 0x01;
  private static final int FCR_CLEAR_RX = 0x02;
  private static final int FCR_KEPT = 0xc9;
  private static final int LCR_DLAB = 0x80;
  private static final int LCR_STOP = 0x04;
  private static final int LCR_PARITY = 0x08;
  private static final int LCR_BREAK = 0x40;
  private static final int MCR_LOOP = 0x10;
  private static final int MCR_WRITABLE = 0x1f;
  private static final int LSR_DR = 0x01;
  private static final int LSR_OE = 0x02;
  private static final int LSR_BI = 0x10;
  private static final int LSR_THRE_TEMT = 0x60;
  private static final int LSR_ERRORS = 0x1e;
  private static final int MSR_DELTAS = 0x0f;
  private static final int MSR_TERI = 0x04;
  private static final int MSR_RI = 0x40;
  private static final int MSR_CONNECTED = 0xb0;

  private static final int FIFO_SIZE = 16;
  private static final int[] TRIGGER = {1, 4, 8, 14};
  private static final long CLOCK_HZ = 1_843_200;

  /**
   * State.
   *
   * @param ier interrupt enable
   * @param fcr FIFO control
   * @param lcr line control
   * @param mcr modem control
   * @param lsr error bits of line status
   * @param msr modem status
   * @param scr scratch
   * @param divisor baud rate divisor
   * @param received waiting characters
   * @param thrPending the transmitter-empty interrupt is due
   * @param timedOut the character time-out interrupt is due
   * @param timeoutNanos when it becomes due
   */
  public record State(
      int ier,
      int fcr,
      int lcr,
      int mcr,
      int lsr,
      int msr,
      int scr,
      int divisor,
      byte[] received,
      boolean thrPending,
      boolean timedOut,
      long timeoutNanos) {}

  private final class Line implements CharBackend.Receiver {
    @Override
    public int canReceive() {
      if ((mcr & MCR_LOOP) != 0) {
        return 0;
      }
      return capacity() - fifo.count();
    }

    @Override
    public void receive(byte[] bytes, int offset, int length) {
      for (int i = 0; i < length; i++) {
        push(bytes[offset + i] & 0xff);
      }
      received();
    }
  }

  private final VirtualClock clock;
  private final IrqLine irq;
  private final CharBackend backend;
  private final Timer timeout;
  private final ByteFifo fifo = new ByteFifo(FIFO_SIZE);
  private int ier;
  private int fcr;
  private int lcr;
  private int mcr;
  private int lsr;
  private int msr;
  private int scr;
  private int divisor;
  private boolean thrPending;
  private boolean timedOut;

  /**
   * A serial port.
   *
   * @param clock guest time
   * @param irq interrupt output
   * @param backend the other end of the line
   */
  public Uart16550(VirtualClock clock, IrqLine irq, CharBackend backend) {
    this.clock = clock;
    this.irq = irq;
    this.backend = backend;
    this.timeout = new Timer(clock, this::timeoutExpired);
    reset();
    backend.setReceiver(new Line());
  }

  private boolean fifoEnabled() {
    return (fcr & FCR_ENABLE) != 0;
  }

  private int capacity() {
    return fifoEnabled() ? FIFO_SIZE : 1;
  }

  private int trigger() {
    return fifoEnabled() ? TRIGGER[fcr >>> 6] : 1;
  }

  // Receiver.

  private void push(int value) {
    if (fifo.count() < capacity()) {
      fifo.push(value);
    } else {
      lsr |= LSR_OE;
      if (!fifoEnabled()) {
        // Without a FIFO the new character replaces the one in the buffer register.
        fifo.replace(value);
      }
    }
  }

  private void received() {
    timedOut = false;
    armTimeout();
    update();
  }

  private void armTimeout() {
    if (fifoEnabled() && fifo.count() > 0) {
      timeout.arm(clock.nanos() + 4 * characterNanos());
    } else {
      timeout.disarm();
    }
  }

  private long characterNanos() {
    int bits = 1 + 5 + (lcr & 3) + ((lcr & LCR_PARITY) != 0 ? 1 : 0);
    bits += (lcr & LCR_STOP) != 0 ? 2 : 1;
    long clocks = 16L * (divisor == 0 ? 0x10000 : divisor) * bits;
    return clocks * 1_000_000_000L / CLOCK_HZ;
  }

  private void timeoutExpired() {
    timedOut = fifo.count() > 0;
    update();
  }

  private int readBuffer() {
    int value = 0;
    if (fifo.count() > 0) {
      value = fifo.pop();
      timedOut = false;
      armTimeout();
      update();
      if ((mcr & MCR_LOOP) == 0) {
        backend.acceptInput();
      }
    }
    return value;
  }

  // Interrupts.

  private int interruptSource() {
    if ((ier & IER_RLSI) != 0 && (lsr & LSR_ERRORS) != 0) {
      return IIR_RLSI;
    }
    if ((ier & IER_RDI) != 0) {
      if (fifo.count() >= trigger()) {
        return IIR_RDI;
      }
      if (timedOut) {
        return IIR_TIMEOUT;
      }
    }
    if ((ier & IER_THRI) != 0 && thrPending) {
      return IIR_THRI;
    }
    if ((ier & IER_MSI) != 0 && (msr & MSR_DELTAS) != 0) {
      return IIR_MSI;
    }
    return IIR_NONE;
  }

  private void update() {
    irq.set(interruptSource() != IIR_NONE);
  }

  // Registers.

  @Override
  public long read(long offset, int size) {
    switch ((int) offset) {
      case RBR_THR -> {
        return (lcr & LCR_DLAB) != 0 ? divisor & 0xff : readBuffer();
      }
      case IER -> {
        return (lcr & LCR_DLAB) != 0 ? divisor >>> 8 : ier;
      }
      case IIR_FCR -> {
        int source = interruptSource();
        if (source == IIR_THRI) {
          thrPending = false;
          update();
        }
        return source | (fifoEnabled() ? IIR_FIFO : 0);
      }
      case LCR -> {
        return lcr;
      }
      case MCR -> {
        return mcr;
      }
      case LSR -> {
        int status = lsr | LSR_THRE_TEMT | (fifo.count() > 0 ? LSR_DR : 0);
        if (lsr != 0) {
          lsr = 0;
          update();
        }
        return status;
      }
      case MSR -> {
        int status = msr;
        if ((status & MSR_DELTAS) != 0) {
          msr &= ~MSR_DELTAS;
          update();
        }
        return status;
      }
      case SCR -> {
        return scr;
      }
      default -> {
        return 0xff;
      }
    }
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value & 0xff;
    switch ((int) offset) {
      case RBR_THR -> {
        if ((lcr & LCR_DLAB) != 0) {
          divisor = divisor & 0xff00 | v;
        } else {
          transmit(v);
        }
      }
      case IER -> {
        if ((lcr & LCR_DLAB) != 0) {
          divisor = divisor & 0xff | v << 8;
        } else {
          writeIer(v);
        }
      }
      case IIR_FCR -> writeFcr(v);
      case LCR -> writeLcr(v);
      case MCR -> writeMcr(v);
      case SCR -> scr = v;
      default -> {
        // LSR and MSR are for factory tests only.
      }
    }
  }

  private void transmit(int v) {
    if ((mcr & MCR_LOOP) != 0) {
      push(v);
      timedOut = false;
      armTimeout();
    } else {
      backend.write((byte) v);
    }
    thrPending = true;
    update();
  }

  private void writeIer(int v) {
    int old = ier;
    ier = v & 0x0f;
    if ((ier & ~old & IER_THRI) != 0) {
      // Enabling the interrupt with an empty transmitter raises it.
      thrPending = true;
    }
    update();
  }

  private void writeFcr(int v) {
    boolean toggled = ((v ^ fcr) & FCR_ENABLE) != 0;
    fcr = (v & FCR_ENABLE) == 0 ? 0 : v & FCR_KEPT;
    if (toggled || (v & (FCR_ENABLE | FCR_CLEAR_RX)) == (FCR_ENABLE | FCR_CLEAR_RX)) {
      fifo.clear();
      timedOut = false;
      timeout.disarm();
    }
    update();
    backend.acceptInput();
  }

  private void writeLcr(int v) {
    boolean breakStarts = (v & ~lcr & LCR_BREAK) != 0;
    lcr = v;
    if (breakStarts && (mcr & MCR_LOOP) != 0) {
      push(0);
      lsr |= LSR_BI;
      update();
    }
  }

  private void writeMcr(int v) {
    boolean leavesLoop = (mcr & ~v & MCR_LOOP) != 0;
    mcr = v & MCR_WRITABLE;
    modemLines(inputs());
    update();
    if (leavesLoop) {
      backend.acceptInput();
    }
  }

  /** CTS, DSR, RI and DCD as MSR bits 4 to 7. */
  private int inputs() {
    if ((mcr & MCR_LOOP) == 0) {
      return MSR_CONNECTED;
    }
    // RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD.
    return (mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 0xc) << 4;
  }

  private void modemLines(int lines) {
    int changed = (msr ^ lines) & 0xf0;
    int deltas = changed >>> 4 & ~MSR_TERI;
    if ((changed & MSR_RI) != 0 && (lines & MSR_RI) == 0) {
      deltas |= MSR_TERI;
    }
    msr = lines | msr & MSR_DELTAS | deltas;
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  // State.

  @Override
  public State save() {
    return new State(
        ier,
        fcr,
        lcr,
        mcr,
        lsr,
        msr,
        scr,
        divisor,
        fifo.save(),
        thrPending,
        timedOut,
        timeout.deadlineNanos());
  }

  @Override
  public void load(State s) {
    int bytes = s.ier | s.fcr | s.lcr | s.mcr | s.lsr | s.msr | s.scr;
    if ((bytes & ~0xff) != 0 || (s.divisor & ~0xffff) != 0) {
      throw new IllegalArgumentException("a register is out of range");
    }
    ByteFifo.check(s.received, FIFO_SIZE);
    if (s.timeoutNanos < 0) {
      throw new IllegalArgumentException("timeoutNanos: " + s.timeoutNanos);
    }
    ier = s.ier & 0x0f;
    fcr = s.fcr & FCR_KEPT;
    lcr = s.lcr;
    mcr = s.mcr & MCR_WRITABLE;
    lsr = s.lsr & LSR_ERRORS;
    msr = s.msr;
    scr = s.scr;
    divisor = s.divisor;
    fifo.load(s.received);
    thrPending = s.thrPending;
    timedOut = s.timedOut;
    if (s.timeoutNanos == Timer.NEVER) {
      timeout.disarm();
    } else {
      timeout.arm(s.timeoutNanos);
    }
    update();
  }

  /**
   * Master reset, section 8.0 table III; divisor and scratch are undefined there, here 12 and 0.
   */
  @Override
  public void reset() {
    ier = 0;
    fcr = 0;
    lcr = 0;
    mcr = 0;
    lsr = 0;
    msr = MSR_CONNECTED;
    scr = 0;
    divisor = 12;
    fifo.clear();
    thrPending = false;
    timedOut = false;
    timeout.disarm();
    update();
  }
}
