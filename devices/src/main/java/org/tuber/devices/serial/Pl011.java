package org.tuber.devices.serial;

import org.tuber.core.backend.CharBackend;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * Arm PrimeCell PL011: a UART with 32-bit registers and 16-character FIFOs.
 *
 * <p>Technical reference manual DDI 0183G (r1p5), chapter 3. A character leaves as soon as it is
 * written, so the transmitter is always empty; received characters wait in the backend until there
 * is room, so overruns only happen in loopback. Deviations: the line speed only times the receive
 * time-out; UARTEN, TXE and RXE gate nothing (programs exist that never set them); no IrDA; no
 * break is sent; DMACR has no controller to talk to.
 */
public final class Pl011 implements MmioDevice, Snapshottable<Pl011.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 0x1000;

  private static final int DR = 0x000;
  private static final int RSR_ECR = 0x004;
  private static final int FR = 0x018;
  private static final int ILPR = 0x020;
  private static final int IBRD = 0x024;
  private static final int FBRD = 0x028;
  private static final int LCR_H = 0x02c;
  private static final int CR = 0x030;
  private static final int IFLS = 0x034;
  private static final int IMSC = 0x038;
  private static final int RIS = 0x03c;
  private static final int MIS = 0x040;
  private static final int ICR = 0x044;
  private static final int DMACR = 0x048;
  private static final int ID = 0xfe0;

  private static final int FR_RXFE = 0x010;
  private static final int FR_RXFF = 0x040;
  private static final int FR_TXFE = 0x080;
  private static final int FR_RI = 0x100;
  private static final int LCR_H_FEN = 0x10;
  private static final int CR_LBE = 0x080;
  private static final int CR_DTR = 0x400;
  private static final int CR_RTS = 0x800;
  private static final int CR_OUT1 = 0x1000;
  private static final int CR_OUT2 = 0x2000;
  private static final int CR_RESET = 0x300;
  private static final int CR_WRITABLE = 0xff87;
  private static final int IFLS_RESET = 0x12;
  private static final int INT_RX = 0x010;
  private static final int INT_TX = 0x020;
  private static final int INT_RT = 0x040;
  private static final int INT_OE = 0x400;
  private static final int INT_ALL = 0x7ff;
  private static final int DR_OE = 0x800;

  private static final int FIFO_SIZE = 16;

  /** Receive trigger levels by IFLS.RXIFLSEL: 1/8, 1/4, 1/2, 3/4, 7/8 full. */
  private static final int[] TRIGGER = {2, 4, 8, 12, 14, 14, 14, 14};

  private static final long CLOCK_HZ = 24_000_000;
  private static final int TIMEOUT_BITS = 32;
  private static final int[] IDENTITY = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

  /**
   * State.
   *
   * @param lcr line control
   * @param cr control
   * @param ibrd integer part of the divisor
   * @param fbrd fraction of the divisor
   * @param ilpr IrDA divisor
   * @param ifls FIFO levels
   * @param imsc interrupt mask
   * @param ris raw interrupts
   * @param dmacr DMA control
   * @param overrun RSR.OE
   * @param received waiting characters
   * @param timeoutNanos when the receive time-out is due
   */
  public record State(
      int lcr,
      int cr,
      int ibrd,
      int fbrd,
      int ilpr,
      int ifls,
      int imsc,
      int ris,
      int dmacr,
      boolean overrun,
      byte[] received,
      long timeoutNanos) {}

  private final class Line implements CharBackend.Receiver {
    @Override
    public int canReceive() {
      return (cr & CR_LBE) != 0 ? 0 : capacity() - fifo.count();
    }

    @Override
    public void receive(byte[] bytes, int offset, int length) {
      for (int i = 0; i < length; i++) {
        push(bytes[offset + i]);
      }
      update();
    }
  }

  private final VirtualClock clock;
  private final IrqLine irq;
  private final CharBackend backend;
  private final Timer timeout;
  private final OnceLog log = new OnceLog("pl011");
  private final ByteFifo fifo = new ByteFifo(FIFO_SIZE);
  private int lcr;
  private int cr;
  private int ibrd;
  private int fbrd;
  private int ilpr;
  private int ifls;
  private int imsc;
  private int ris;
  private int dmacr;
  private boolean overrun;

  /**
   * A serial port.
   *
   * @param clock guest time
   * @param irq UARTINTR, the combined interrupt
   * @param backend the other end of the line
   */
  public Pl011(VirtualClock clock, IrqLine irq, CharBackend backend) {
    this.clock = clock;
    this.irq = irq;
    this.backend = backend;
    timeout = new Timer(clock, this::timeoutExpired);
    reset();
    backend.setReceiver(new Line());
  }

  // Receiver.

  private boolean fifoEnabled() {
    return (lcr & LCR_H_FEN) != 0;
  }

  private int capacity() {
    return fifoEnabled() ? FIFO_SIZE : 1;
  }

  private int trigger() {
    return fifoEnabled() ? TRIGGER[ifls >>> 3 & 7] : 1;
  }

  private void push(byte value) {
    if (fifo.count() == capacity()) {
      overrun = true;
      ris |= INT_OE;
      return;
    }
    fifo.push(value);
    if (fifo.count() == trigger()) {
      ris |= INT_RX;
    }
    timeout.arm(clock.nanos() + TIMEOUT_BITS * bitNanos());
  }

  private int pop() {
    int value = 0;
    if (fifo.count() > 0) {
      value = fifo.pop();
      if (overrun) {
        value |= DR_OE;
        overrun = false;
      }
      if (fifo.count() < trigger()) {
        ris &= ~INT_RX;
      }
      if (fifo.count() == 0) {
        ris &= ~INT_RT;
        timeout.disarm();
      }
      update();
      backend.acceptInput();
    }
    return value;
  }

  private long bitNanos() {
    long divisor = ibrd * 64L + fbrd;
    return divisor == 0 ? 8680 : divisor * 16 * 1_000_000_000L / (64 * CLOCK_HZ);
  }

  private void timeoutExpired() {
    if (fifo.count() > 0) {
      ris |= INT_RT;
      update();
    }
  }

  private void update() {
    irq.set((ris & imsc) != 0);
  }

  // Registers.

  @Override
  public long read(long offset, int size) {
    int at = (int) offset & ~3;
    long value = at == DR && (offset & 3) != 0 ? 0 : register(at) & 0xffff_ffffL;
    return value >>> 8 * (offset & 3);
  }

  private int register(int at) {
    return switch (at) {
      case DR -> pop();
      case RSR_ECR -> overrun ? 8 : 0;
      case FR -> flags();
      case ILPR -> ilpr;
      case IBRD -> ibrd;
      case FBRD -> fbrd;
      case LCR_H -> lcr;
      case CR -> cr;
      case IFLS -> ifls;
      case IMSC -> imsc;
      case RIS -> ris;
      case MIS -> ris & imsc;
      case ICR -> 0;
      case DMACR -> dmacr;
      default -> {
        if (at >= ID) {
          yield IDENTITY[at - ID >>> 2];
        }
        log.unassignedRead(at, 4);
        yield 0;
      }
    };
  }

  private int flags() {
    int fr =
        FR_TXFE | (fifo.count() == 0 ? FR_RXFE : 0) | (fifo.count() == capacity() ? FR_RXFF : 0);
    if ((cr & CR_LBE) == 0) {
      return fr;
    }
    fr |= (cr & CR_RTS) != 0 ? 1 : 0;
    fr |= (cr & CR_DTR) != 0 ? 2 : 0;
    fr |= (cr & CR_OUT1) != 0 ? 4 : 0;
    return fr | ((cr & CR_OUT2) != 0 ? FR_RI : 0);
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value;
    switch ((int) offset) {
      case DR -> transmit((byte) v);
      case RSR_ECR -> overrun = false;
      case ILPR -> ilpr = v & 0xff;
      case IBRD -> ibrd = v & 0xffff;
      case FBRD -> fbrd = v & 0x3f;
      case LCR_H -> writeLcr(v & 0xff);
      case CR -> {
        cr = v & CR_WRITABLE;
        backend.acceptInput();
      }
      case IFLS -> ifls = v & 0x3f;
      case IMSC -> imsc = v & INT_ALL;
      case ICR -> ris &= ~v;
      case DMACR -> {
        dmacr = v & 7;
        if (dmacr != 0) {
          log.unimplemented("DMA", offset, v);
        }
      }
      case FR, RIS, MIS -> {
        // Read-only.
      }
      default -> {
        if (offset < ID) {
          log.unassignedWrite(offset, value, size);
        }
      }
    }
    update();
  }

  private void transmit(byte v) {
    if ((cr & CR_LBE) != 0) {
      push(v);
    } else {
      backend.write(v);
    }
    ris |= INT_TX;
  }

  private void writeLcr(int v) {
    boolean toggled = ((v ^ lcr) & LCR_H_FEN) != 0;
    lcr = v;
    if (toggled) {
      fifo.clear();
      ris &= ~(INT_RX | INT_RT);
      timeout.disarm();
    }
    backend.acceptInput();
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  // State.

  @Override
  public State save() {
    return new State(
        lcr,
        cr,
        ibrd,
        fbrd,
        ilpr,
        ifls,
        imsc,
        ris,
        dmacr,
        overrun,
        fifo.save(),
        timeout.deadlineNanos());
  }

  @Override
  public void load(State s) {
    int registers = s.lcr | s.cr | s.ibrd | s.fbrd | s.ilpr | s.ifls | s.imsc | s.ris | s.dmacr;
    if ((registers & ~0xffff) != 0) {
      throw new IllegalArgumentException("a register is out of range");
    }
    ByteFifo.check(s.received, (s.lcr & LCR_H_FEN) != 0 ? FIFO_SIZE : 1);
    if (s.timeoutNanos < 0) {
      throw new IllegalArgumentException("timeoutNanos: " + s.timeoutNanos);
    }
    lcr = s.lcr & 0xff;
    cr = s.cr & CR_WRITABLE;
    ibrd = s.ibrd;
    fbrd = s.fbrd & 0x3f;
    ilpr = s.ilpr & 0xff;
    ifls = s.ifls & 0x3f;
    imsc = s.imsc & INT_ALL;
    ris = s.ris & INT_ALL;
    dmacr = s.dmacr & 7;
    overrun = s.overrun;
    fifo.load(s.received);
    if (s.timeoutNanos == Timer.NEVER) {
      timeout.disarm();
    } else {
      timeout.arm(s.timeoutNanos);
    }
    update();
  }

  @Override
  public void reset() {
    lcr = 0;
    cr = CR_RESET;
    ibrd = 0;
    fbrd = 0;
    ilpr = 0;
    ifls = IFLS_RESET;
    imsc = 0;
    ris = 0;
    dmacr = 0;
    overrun = false;
    fifo.clear();
    timeout.disarm();
    update();
  }
}
