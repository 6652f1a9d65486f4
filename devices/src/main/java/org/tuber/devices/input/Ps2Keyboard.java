package org.tuber.devices.input;

import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Enhanced AT keyboard (102 keys) with scan code sets 1 and 2.
 *
 * <p>IBM PS/2 Hardware Interface Technical Reference, "101/102-key keyboard". Deviations: no
 * typematic repeat of its own (the host repeats), set 3 and per-key modes are refused.
 */
public final class Ps2Keyboard
    implements Ps2Device, InputSource.Sink, Snapshottable<Ps2Keyboard.State> {
  private static final int ACK = 0xfa;
  private static final int RESEND = 0xfe;
  private static final int SELF_TEST_OK = 0xaa;
  private static final int CMD_LEDS = 0xed;
  private static final int CMD_ECHO = 0xee;
  private static final int CMD_SCAN_SET = 0xf0;
  private static final int CMD_IDENTIFY = 0xf2;
  private static final int CMD_RATE = 0xf3;
  private static final int CMD_ENABLE = 0xf4;
  private static final int CMD_DISABLE = 0xf5;
  private static final int CMD_DEFAULTS = 0xf6;
  private static final int CMD_RESEND = 0xfe;
  private static final int CMD_RESET = 0xff;
  private static final int DEFAULT_RATE = 0x2b;

  /** Keys wait in at most this many bytes, as in the real keyboard; replies have room beyond. */
  private static final int KEY_BUFFER_BYTES = 16;

  /**
   * State.
   *
   * @param output bytes for the host
   * @param scanning keys are reported
   * @param scanSet 1 or 2
   * @param leds scroll, num, caps as bits 0 to 2
   * @param rate typematic rate and delay
   * @param pendingCommand command that waits for its argument, or 0
   * @param lastSent last byte sent
   */
  public record State(
      byte[] output,
      boolean scanning,
      int scanSet,
      int leds,
      int rate,
      int pendingCommand,
      int lastSent) {}

  private final ByteQueue output = new ByteQueue(64);
  private final OnceLog log = new OnceLog("ps2-keyboard");
  private Runnable listener = () -> {};
  private boolean scanning;
  private int scanSet;
  private int leds;
  private int rate;
  private int pendingCommand;
  private int lastSent;

  /** A keyboard that was just powered on. */
  public Ps2Keyboard() {
    reset();
  }

  /** Lights: scroll, num, caps as bits 0 to 2. */
  public int leds() {
    return leds;
  }

  @Override
  public void key(KeyCode key, boolean down) {
    if (!scanning || output.size() > KEY_BUFFER_BYTES) {
      return;
    }
    if (scanSet == 1) {
      ScanCodes.appendSet1(output, key, down);
    } else {
      ScanCodes.appendSet2(output, key, down);
    }
    listener.run();
  }

  @Override
  public void receive(int value) {
    if (pendingCommand != 0) {
      int command = pendingCommand;
      pendingCommand = 0;
      if (value < 0x80) {
        argument(command, value);
        listener.run();
        return;
      }
      // A command in place of an argument ends the old command.
    }
    command(value);
    listener.run();
  }

  private void argument(int command, int value) {
    switch (command) {
      case CMD_LEDS -> leds = value & 7;
      case CMD_RATE -> rate = value;
      default -> {
        if (value == 0) {
          output.add(ACK);
          output.add(scanSet);
          return;
        } else if (value > 2) {
          log.unimplemented("scan code set", CMD_SCAN_SET, value);
          output.add(RESEND);
          return;
        }
        scanSet = value;
      }
    }
    output.add(ACK);
  }

  private void command(int value) {
    switch (value) {
      case CMD_LEDS, CMD_SCAN_SET, CMD_RATE -> {
        pendingCommand = value;
        output.add(ACK);
      }
      case CMD_ECHO -> output.add(CMD_ECHO);
      case CMD_IDENTIFY -> {
        output.add(ACK);
        output.add(0xab);
        output.add(0x83);
      }
      case CMD_ENABLE -> {
        output.clear();
        scanning = true;
        output.add(ACK);
      }
      case CMD_DISABLE -> {
        defaults();
        scanning = false;
        output.add(ACK);
      }
      case CMD_DEFAULTS -> {
        defaults();
        output.add(ACK);
      }
      case CMD_RESEND -> output.add(lastSent);
      case CMD_RESET -> {
        reset();
        output.add(ACK);
        output.add(SELF_TEST_OK);
      }
      default -> {
        log.unimplemented("command", value, value);
        output.add(RESEND);
      }
    }
  }

  private void defaults() {
    output.clear();
    scanSet = 2;
    rate = DEFAULT_RATE;
    scanning = true;
  }

  @Override
  public boolean hasOutput() {
    return !output.isEmpty();
  }

  @Override
  public int next() {
    lastSent = output.remove();
    return lastSent;
  }

  @Override
  public void onOutput(Runnable newListener) {
    listener = newListener;
  }

  @Override
  public State save() {
    return new State(output.save(), scanning, scanSet, leds, rate, pendingCommand, lastSent);
  }

  @Override
  public void load(State s) {
    output.check(s.output, "output");
    if (s.scanSet < 1 || s.scanSet > 2) {
      throw new IllegalArgumentException("scanSet: " + s.scanSet);
    }
    if (((s.leds | s.rate | s.pendingCommand | s.lastSent) & ~0xff) != 0) {
      throw new IllegalArgumentException("leds, rate, pendingCommand or lastSent out of range");
    }
    output.load(s.output);
    scanning = s.scanning;
    scanSet = s.scanSet;
    leds = s.leds;
    rate = s.rate;
    pendingCommand = s.pendingCommand;
    lastSent = s.lastSent;
  }

  @Override
  public void reset() {
    defaults();
    leds = 0;
    pendingCommand = 0;
    lastSent = 0;
  }
}
