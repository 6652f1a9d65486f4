package org.tuber.devices.input;

import org.tuber.core.backend.InputSource;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * PS/2 mouse with the IntelliMouse extensions for a wheel (ID 3) and five buttons (ID 4).
 *
 * <p>IBM PS/2 Hardware Interface Technical Reference, "Mouse"; the extension is switched on by the
 * sample-rate sequences 200, 100, 80 and 200, 200, 80. Deviations: packets are sent as soon as the
 * last one was read instead of at the sample rate; resolution does not scale the counts.
 */
public final class Ps2Mouse implements Ps2Device, InputSource.Sink, Snapshottable<Ps2Mouse.State> {
  private static final int ACK = 0xfa;
  private static final int NACK = 0xfe;
  private static final int SELF_TEST_OK = 0xaa;
  private static final int CMD_SCALING_1 = 0xe6;
  private static final int CMD_SCALING_2 = 0xe7;
  private static final int CMD_RESOLUTION = 0xe8;
  private static final int CMD_STATUS = 0xe9;
  private static final int CMD_STREAM = 0xea;
  private static final int CMD_READ = 0xeb;
  private static final int CMD_WRAP_OFF = 0xec;
  private static final int CMD_WRAP_ON = 0xee;
  private static final int CMD_REMOTE = 0xf0;
  private static final int CMD_IDENTIFY = 0xf2;
  private static final int CMD_RATE = 0xf3;
  private static final int CMD_ENABLE = 0xf4;
  private static final int CMD_DISABLE = 0xf5;
  private static final int CMD_DEFAULTS = 0xf6;
  private static final int CMD_RESET = 0xff;
  private static final int ID_WHEEL = 3;
  private static final int ID_BUTTONS = 4;
  private static final int MAX_PENDING_COUNTS = 2048;

  /**
   * State.
   *
   * @param output bytes for the host
   * @param id device ID: 0, 3 or 4
   * @param enabled movement is reported
   * @param remote remote mode
   * @param wrap wrap mode
   * @param doubled scaling 2:1
   * @param resolution 0 to 3
   * @param rate samples per second
   * @param rateHistory the two rates before, newest in bits 7:0
   * @param pendingCommand command that waits for its argument, or 0
   * @param dx counts to the right not yet reported
   * @param dy counts upwards not yet reported
   * @param dz wheel counts not yet reported
   * @param buttons buttons now down
   * @param reportedButtons buttons in the last packet
   */
  public record State(
      byte[] output,
      int id,
      boolean enabled,
      boolean remote,
      boolean wrap,
      boolean doubled,
      int resolution,
      int rate,
      int rateHistory,
      int pendingCommand,
      int dx,
      int dy,
      int dz,
      int buttons,
      int reportedButtons) {}

  private static final int QUEUE_BYTES = 64;
  private static final int MOST_PACKET_BYTES = 4;

  private final ByteQueue output = new ByteQueue(QUEUE_BYTES);
  private final OnceLog log = new OnceLog("ps2-mouse");
  private Runnable listener = () -> {};
  private int id;
  private boolean enabled;
  private boolean remote;
  private boolean wrap;
  private boolean doubled;
  private int resolution;
  private int rate;
  private int rateHistory;
  private int pendingCommand;
  private int dx;
  private int dy;
  private int dz;
  private int buttons;
  private int reportedButtons;

  /** A mouse that was just powered on. */
  public Ps2Mouse() {
    reset();
  }

  @Override
  public void pointer(int right, int down, int wheel, int newButtons) {
    if (!enabled && !remote) {
      return;
    }
    boolean isClick = (newButtons & 0x1f) != buttons;
    if (isClick) {
      queueUnreported();
    }
    dx = Math.clamp((long) dx + right, -MAX_PENDING_COUNTS, MAX_PENDING_COUNTS);
    dy = Math.clamp((long) dy - down, -MAX_PENDING_COUNTS, MAX_PENDING_COUNTS);
    dz = Math.clamp((long) dz - wheel, -MAX_PENDING_COUNTS, MAX_PENDING_COUNTS);
    buttons = newButtons & 0x1f;
    if (isClick) {
      queueUnreported();
    }
    stream();
    listener.run();
  }

  /** Queues one packet when there is something to tell and the last one is gone. */
  private void stream() {
    if (hasNews() && output.isEmpty()) {
      packet();
    }
  }

  private boolean hasNews() {
    boolean news = (dx | dy | dz) != 0 || buttons != reportedButtons;
    return enabled && !remote && !wrap && news;
  }

  /**
   * Queues packets for all that has not been told, while there is room. Movements may wait and be
   * told as one; a button that goes down and up again before the host has read must not be lost.
   */
  private void queueUnreported() {
    while (hasNews() && output.size() <= QUEUE_BYTES - 2 * MOST_PACKET_BYTES) {
      packet();
    }
  }

  private void packet() {
    int x = Math.clamp(dx, -255, 255);
    int y = Math.clamp(dy, -255, 255);
    output.add(0x08 | buttons & 7 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0));
    output.add(x);
    output.add(y);
    dx -= x;
    dy -= y;
    if (id == ID_WHEEL) {
      int z = Math.clamp(dz, -127, 127);
      output.add(z);
      dz -= z;
    } else if (id == ID_BUTTONS) {
      int z = Math.clamp(dz, -7, 7);
      output.add(z & 0xf | (buttons & 0x18) << 1);
      dz -= z;
    } else {
      dz = 0;
    }
    reportedButtons = buttons;
  }

  @Override
  public void receive(int value) {
    if (wrap && value != CMD_RESET && value != CMD_WRAP_OFF) {
      output.add(value);
    } else if (pendingCommand != 0) {
      argument(value);
    } else {
      command(value);
    }
    listener.run();
  }

  private void argument(int value) {
    if (pendingCommand == CMD_RATE) {
      rate = value;
      if (value == 80 && rateHistory == (200 << 8 | 100)) {
        id = ID_WHEEL;
      } else if (value == 80 && rateHistory == (200 << 8 | 200)) {
        id = ID_BUTTONS;
      }
      rateHistory = (rateHistory << 8 | value) & 0xffff;
    } else {
      resolution = value & 3;
    }
    pendingCommand = 0;
    output.add(ACK);
  }

  private void command(int value) {
    switch (value) {
      case CMD_RESOLUTION, CMD_RATE -> pendingCommand = value;
      case CMD_SCALING_1, CMD_SCALING_2 -> doubled = value == CMD_SCALING_2;
      case CMD_STREAM -> remote = false;
      case CMD_REMOTE -> remote = true;
      case CMD_WRAP_ON, CMD_WRAP_OFF -> wrap = value == CMD_WRAP_ON;
      case CMD_ENABLE, CMD_DISABLE -> {
        enabled = value == CMD_ENABLE;
        clearMovement();
      }
      case CMD_DEFAULTS -> defaults();
      case CMD_STATUS -> {
        output.clear();
        output.add(ACK);
        output.add(status());
        output.add(resolution);
        output.add(rate);
        return;
      }
      case CMD_READ -> {
        output.clear();
        output.add(ACK);
        packet();
        return;
      }
      case CMD_IDENTIFY -> {
        output.clear();
        output.add(ACK);
        output.add(id);
        return;
      }
      case CMD_RESET -> {
        reset();
        output.add(ACK);
        output.add(SELF_TEST_OK);
        output.add(0);
        return;
      }
      default -> {
        log.unimplemented("command", value, value);
        output.add(NACK);
        return;
      }
    }
    output.clear();
    output.add(ACK);
  }

  private int status() {
    int pressed = (buttons & 1) << 2 | (buttons & 2) >> 1 | (buttons & 4) >> 1;
    return pressed | (doubled ? 0x10 : 0) | (enabled ? 0x20 : 0) | (remote ? 0x40 : 0);
  }

  private void clearMovement() {
    dx = 0;
    dy = 0;
    dz = 0;
    reportedButtons = buttons;
  }

  private void defaults() {
    enabled = false;
    remote = false;
    wrap = false;
    doubled = false;
    resolution = 2;
    rate = 100;
    clearMovement();
  }

  @Override
  public boolean hasOutput() {
    return !output.isEmpty();
  }

  @Override
  public int next() {
    int value = output.remove();
    stream();
    return value;
  }

  @Override
  public void onOutput(Runnable newListener) {
    listener = newListener;
  }

  @Override
  public State save() {
    return new State(
        output.save(),
        id,
        enabled,
        remote,
        wrap,
        doubled,
        resolution,
        rate,
        rateHistory,
        pendingCommand,
        dx,
        dy,
        dz,
        buttons,
        reportedButtons);
  }

  @Override
  public void load(State s) {
    output.check(s.output, "output");
    if (s.id != 0 && s.id != ID_WHEEL && s.id != ID_BUTTONS) {
      throw new IllegalArgumentException("id: " + s.id);
    }
    int bytes = s.rate | s.pendingCommand | s.buttons | s.reportedButtons;
    if ((bytes & ~0xff) != 0 || (s.rateHistory & ~0xffff) != 0 || (s.resolution & ~3) != 0) {
      throw new IllegalArgumentException("a byte is out of range");
    }
    int limit = MAX_PENDING_COUNTS;
    if (Math.abs(s.dx) > limit || Math.abs(s.dy) > limit || Math.abs(s.dz) > limit) {
      throw new IllegalArgumentException("dx, dy or dz out of range");
    }
    output.load(s.output);
    id = s.id;
    enabled = s.enabled;
    remote = s.remote;
    wrap = s.wrap;
    doubled = s.doubled;
    resolution = s.resolution;
    rate = s.rate;
    rateHistory = s.rateHistory;
    pendingCommand = s.pendingCommand;
    dx = s.dx;
    dy = s.dy;
    dz = s.dz;
    buttons = s.buttons;
    reportedButtons = s.reportedButtons;
  }

  @Override
  public void reset() {
    output.clear();
    defaults();
    id = 0;
    rateHistory = 0;
    pendingCommand = 0;
    buttons = 0;
    reportedButtons = 0;
  }
}
