package org.tuber.devices.input;

import java.util.Arrays;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Keyboard and auxiliary device controller (8042 of the PS/2 kind), ports 60H and 64H.
 *
 * <p>IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
 * Bytes move without the milliseconds of the serial lines: the input buffer is always empty, and
 * the next byte appears as soon as one was read. The keyboard password and the test inputs are not
 * modelled; internal RAM beyond the command byte is storage. The window covers 60H to 64H; the
 * board puts port 61H over it with a higher priority.
 */
public final class I8042 implements MmioDevice, Snapshottable<I8042.State> {
  /** Size of the window from port 60H. */
  public static final int WINDOW_BYTES = 5;

  /** Offset of the data port in the window; the ports are 60H and 64H. */
  public static final int DATA = 0;

  /** Offset of the command and status port. */
  public static final int COMMAND = 4;

  private static final int STATUS_OBF = 0x01;
  private static final int STATUS_SYS = 0x04;
  private static final int STATUS_COMMAND = 0x08;
  private static final int STATUS_UNLOCKED = 0x10;
  private static final int STATUS_AUX = 0x20;
  private static final int CTR_KEYBOARD_IRQ = 0x01;
  private static final int CTR_AUX_IRQ = 0x02;
  private static final int CTR_SYS = 0x04;
  private static final int CTR_KEYBOARD_OFF = 0x10;
  private static final int CTR_AUX_OFF = 0x20;
  private static final int CTR_TRANSLATE = 0x40;
  private static final int OUT_NOT_RESET = 0x01;
  private static final int OUT_A20 = 0x02;
  private static final int OUT_KEYBOARD_OBF = 0x10;
  private static final int OUT_AUX_OBF = 0x20;
  private static final int OUT_LINES_IDLE = 0xc0;
  private static final int BREAK_PREFIX = 0xf0;
  private static final int RAM_BYTES = 32;

  /**
   * State.
   *
   * @param ram internal RAM; byte 0 is the command byte
   * @param full the output buffer holds a byte
   * @param data the output buffer
   * @param fromAux the byte came from the auxiliary device
   * @param selfTested system flag
   * @param lastWasCommand the last write went to 64H
   * @param pendingCommand command that waits for its data byte, or -1
   * @param breakSeen a break prefix waits for its scan code (translation)
   * @param a20 output port bit 1
   * @param replies controller's own bytes; pairs of source (0 keyboard, 1 auxiliary) and value
   */
  public record State(
      byte[] ram,
      boolean full,
      int data,
      boolean fromAux,
      boolean selfTested,
      boolean lastWasCommand,
      int pendingCommand,
      boolean breakSeen,
      boolean a20,
      byte[] replies) {}

  private final IrqLine keyboardIrq;
  private final IrqLine auxIrq;
  private final IrqLine a20Line;
  private final Runnable resetRequest;
  private final Ps2Device keyboard;
  private final Ps2Device mouse;
  private final OnceLog log = new OnceLog("i8042");
  private final byte[] ram = new byte[RAM_BYTES];
  private final ByteQueue replies = new ByteQueue(32);
  private boolean full;
  private int data;
  private boolean fromAux;
  private boolean selfTested;
  private boolean lastWasCommand;
  private int pendingCommand;
  private boolean breakSeen;
  private boolean a20;

  /**
   * The controller with both connectors used.
   *
   * @param keyboardIrq interrupt 1
   * @param auxIrq interrupt 12
   * @param a20Line its share of the A20 gate
   * @param resetRequest asks for a reset of the machine; it happens later, not inside
   * @param keyboard on the keyboard connector
   * @param mouse on the auxiliary connector
   */
  public I8042(
      IrqLine keyboardIrq,
      IrqLine auxIrq,
      IrqLine a20Line,
      Runnable resetRequest,
      Ps2Keyboard keyboard,
      Ps2Mouse mouse) {
    this.keyboardIrq = keyboardIrq;
    this.auxIrq = auxIrq;
    this.a20Line = a20Line;
    this.resetRequest = resetRequest;
    this.keyboard = keyboard;
    this.mouse = mouse;
    keyboard.onOutput(this::update);
    mouse.onOutput(this::update);
    reset();
  }

  /**
   * The state in which firmware hands over: self test done, translation and keyboard interrupt on,
   * auxiliary device off. For boards that start without firmware.
   */
  public void enterFirmwareState() {
    selfTested = true;
    ram[0] = CTR_KEYBOARD_IRQ | CTR_SYS | CTR_AUX_OFF | CTR_TRANSLATE;
    update();
  }

  private boolean ctr(int mask) {
    return (ram[0] & mask) != 0;
  }

  // Output buffer.

  private void reply(int value) {
    replies.add(0);
    replies.add(value);
  }

  /** Fills an empty output buffer and drives the interrupts. */
  private void update() {
    while (!full) {
      if (!replies.isEmpty()) {
        fromAux = replies.remove() != 0;
        data = replies.remove();
        full = true;
      } else if (!ctr(CTR_KEYBOARD_OFF) && keyboard.hasOutput()) {
        fillFromKeyboard(keyboard.next());
      } else if (!ctr(CTR_AUX_OFF) && mouse.hasOutput()) {
        fromAux = true;
        data = mouse.next();
        full = true;
      } else {
        break;
      }
    }
    keyboardIrq.set(full && !fromAux && ctr(CTR_KEYBOARD_IRQ));
    auxIrq.set(full && fromAux && ctr(CTR_AUX_IRQ));
  }

  private void fillFromKeyboard(int value) {
    if (!ctr(CTR_TRANSLATE)) {
      data = value;
    } else if (value == BREAK_PREFIX) {
      breakSeen = true;
      return;
    } else {
      data = ScanCodes.toSet1(value) | (breakSeen ? 0x80 : 0);
      breakSeen = false;
    }
    fromAux = false;
    full = true;
  }

  // Ports.

  @Override
  public long read(long offset, int size) {
    if (offset == DATA) {
      int value = data;
      if (full) {
        full = false;
        // The line falls before the next byte raises it again: each byte is an edge.
        keyboardIrq.set(false);
        auxIrq.set(false);
        update();
      }
      return value;
    } else if (offset == COMMAND) {
      return STATUS_UNLOCKED
          | (full ? STATUS_OBF : 0)
          | (full && fromAux ? STATUS_AUX : 0)
          | (selfTested ? STATUS_SYS : 0)
          | (lastWasCommand ? STATUS_COMMAND : 0);
    }
    return 0xff;
  }

  @Override
  public void write(long offset, long value, int size) {
    int v = (int) value & 0xff;
    if (offset == DATA) {
      lastWasCommand = false;
      dataWritten(v);
    } else if (offset == COMMAND) {
      lastWasCommand = true;
      pendingCommand = -1;
      command(v);
    }
    update();
  }

  private void dataWritten(int v) {
    int command = pendingCommand;
    pendingCommand = -1;
    switch (command) {
      case -1 -> {
        // Writing to the keyboard switches its clock on.
        ram[0] &= ~CTR_KEYBOARD_OFF;
        keyboard.receive(v);
      }
      case 0xd1 -> writeOutputPort(v);
      case 0xd2 -> reply(v);
      case 0xd3 -> {
        replies.add(1);
        replies.add(v);
      }
      case 0xd4 -> {
        ram[0] &= ~CTR_AUX_OFF;
        mouse.receive(v);
      }
      default -> {
        ram[command & RAM_BYTES - 1] = (byte) v;
        if (command == 0x60) {
          selfTested = (v & CTR_SYS) != 0 || selfTested;
        }
      }
    }
  }

  private void writeOutputPort(int v) {
    setA20((v & OUT_A20) != 0);
    if ((v & OUT_NOT_RESET) == 0) {
      resetRequest.run();
    }
  }

  private void setA20(boolean on) {
    a20 = on;
    a20Line.set(on);
  }

  private void command(int v) {
    if (v >= 0x20 && v < 0x40) {
      reply(ram[v & RAM_BYTES - 1]);
      return;
    }
    if (v >= 0x60 && v < 0x80) {
      pendingCommand = v;
      return;
    }
    if (v >= 0xf0) {
      // Pulses the output bits that are 0; bit 0 resets the CPU.
      if ((v & 1) == 0) {
        resetRequest.run();
      }
      return;
    }
    switch (v) {
      case 0xa4 -> reply(0xf1);
      case 0xa7 -> ram[0] |= CTR_AUX_OFF;
      case 0xa8 -> ram[0] &= ~CTR_AUX_OFF;
      case 0xa9, 0xab -> reply(0x00);
      case 0xaa -> {
        selfTested = true;
        ram[0] |= CTR_SYS;
        reply(0x55);
      }
      case 0xad -> ram[0] |= CTR_KEYBOARD_OFF;
      case 0xae -> ram[0] &= ~CTR_KEYBOARD_OFF;
      case 0xc0 -> reply(0x80);
      case 0xd0 -> reply(outputPort());
      case 0xd1, 0xd2, 0xd3, 0xd4 -> pendingCommand = v;
      case 0xdd -> setA20(false);
      case 0xdf -> setA20(true);
      case 0xe0 -> reply(0x00);
      default -> log.unimplemented("command", COMMAND, v);
    }
  }

  private int outputPort() {
    return OUT_LINES_IDLE
        | OUT_NOT_RESET
        | (a20 ? OUT_A20 : 0)
        | (full && !fromAux ? OUT_KEYBOARD_OBF : 0)
        | (full && fromAux ? OUT_AUX_OBF : 0);
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  // State.

  @Override
  public State save() {
    return new State(
        ram.clone(),
        full,
        data,
        fromAux,
        selfTested,
        lastWasCommand,
        pendingCommand,
        breakSeen,
        a20,
        replies.save());
  }

  @Override
  public void load(State s) {
    replies.check(s.replies, "replies");
    if (s.ram.length != RAM_BYTES || s.replies.length % 2 != 0) {
      throw new IllegalArgumentException("ram or replies: length");
    }
    if ((s.data & ~0xff) != 0 || s.pendingCommand < -1 || s.pendingCommand > 0xff) {
      throw new IllegalArgumentException("data or pendingCommand out of range");
    }
    System.arraycopy(s.ram, 0, ram, 0, RAM_BYTES);
    full = s.full;
    data = s.data;
    fromAux = s.fromAux;
    selfTested = s.selfTested;
    lastWasCommand = s.lastWasCommand;
    pendingCommand = s.pendingCommand;
    breakSeen = s.breakSeen;
    replies.load(s.replies);
    setA20(s.a20);
    keyboardIrq.set(full && !fromAux && ctr(CTR_KEYBOARD_IRQ));
    auxIrq.set(full && fromAux && ctr(CTR_AUX_IRQ));
  }

  /** The controller alone: keyboard and mouse are reset by themselves. */
  @Override
  public void reset() {
    Arrays.fill(ram, (byte) 0);
    ram[0] = CTR_KEYBOARD_IRQ | CTR_AUX_IRQ;
    full = false;
    data = 0;
    fromAux = false;
    selfTested = false;
    lastWasCommand = false;
    pendingCommand = -1;
    breakSeen = false;
    replies.clear();
    setA20(true);
    update();
  }
}
