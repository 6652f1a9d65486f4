package org.tuber.launcher.console;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jline.terminal.Size;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.KeyCode;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.TextScreen;
import org.tuber.machine.MachineRun;

/**
 * The machine's screen in the terminal: text modes as text, of graphics modes the size (QEMU
 * documentation, {@code -display curses}). Alt-1 is the screen, Alt-2 and so on are the monitor and
 * the serial lines. What is typed becomes keys of a US keyboard.
 */
public final class CursesScreen implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CursesScreen.class);
  private static final long REFRESH_MILLIS = 40;
  private static final int GRAPHICS_EVERY = 25;
  private static final int ESCAPE = 0x1b;
  private static final int ESCAPE_PATIENCE = 5;
  private static final long ESCAPE_STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long KEY_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final int MOST_PARAMETERS = 16;
  private static final int GRAPHICS_COLUMNS = 60;

  private final MachineRun machine;
  private final List<CursesTerminal> terminals = new ArrayList<>();
  private final TypedKeys keys = new TypedKeys();
  private final TerminalMode mode;
  private final InputStream in;
  private final OutputStream out;
  private final CursesPainter painter;
  private final TextScreen screen = new TextScreen();
  private final DisplaySurface surface = new DisplaySurface();
  private final ScheduledExecutorService refresher =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("curses").factory());
  private int ticks;
  private volatile int chosen;
  private boolean closed;

  private CursesScreen(MachineRun machine, List<VirtualTerminal> lines) throws IOException {
    this.machine = machine;
    // As with QEMU the monitor is next to the screen.
    lines.stream()
        .sorted(Comparator.comparing(line -> !line.name().equals("monitor")))
        .map(CursesTerminal::new)
        .forEach(terminals::add);
    in = new FileInputStream(FileDescriptor.in);
    out = new FileOutputStream(FileDescriptor.out);
    painter = new CursesPainter();
    mode = new TerminalMode(false);
  }

  /**
   * Takes the terminal.
   *
   * @throws IOException when standard input is no terminal
   */
  @SuppressWarnings("FutureReturnValueIgnored") // what refresh throws is logged there
  public static CursesScreen open(MachineRun machine, List<VirtualTerminal> lines)
      throws IOException {
    String told = System.getProperty("tuber.stdin.tty");
    if (!(told == null ? System.console().isTerminal() : Boolean.parseBoolean(told))) {
      throw new IOException("standard input is not a terminal");
    }
    CursesScreen curses = new CursesScreen(machine, lines);
    Runtime.getRuntime().addShutdownHook(new Thread(curses::close, "curses-restore"));
    curses.say(CursesPainter.ENTER);
    Thread.ofPlatform().daemon().name("curses-input").start(curses::readLoop);
    curses.refresher.scheduleWithFixedDelay(
        curses::refresh, 0, REFRESH_MILLIS, TimeUnit.MILLISECONDS);
    return curses;
  }

  // Output.

  private void refresh() {
    try {
      paint();
    } catch (RuntimeException e) {
      LOG.error("curses: a picture was not drawn", e);
    }
  }

  private void paint() {
    Size size = mode.size();
    int columns = size.getColumns() > 0 ? size.getColumns() : 80;
    int rows = size.getRows() > 0 ? size.getRows() : 25;
    int view = chosen;
    if (view > 0 && view <= terminals.size()) {
      CursesTerminal terminal = terminals.get(view - 1);
      terminal.update();
      say(painter.paint(terminal.cells(), terminal.columns(), terminal.cursor(), columns, rows));
    } else {
      paintScreen(columns, rows);
    }
  }

  private void paintScreen(int columns, int rows) {
    if (!machine.render(screen)) {
      if (ticks++ % GRAPHICS_EVERY == 0) {
        machine.render(surface);
      }
      paintMessage(surface.width() + " x " + surface.height() + " Graphic mode", columns, rows);
      return;
    }
    ticks = 0;
    if (screen.isBlank()) {
      paintMessage("VGA Blank mode", columns, rows);
      return;
    }
    long[] cells = new long[screen.columns() * screen.rows()];
    for (int i = 0; i < cells.length; i++) {
      cells[i] = CursesPainter.vgaCell(screen.character(i), screen.attribute(i));
    }
    say(painter.paint(cells, screen.columns(), screen.cursor(), columns, rows));
  }

  private void paintMessage(String text, int columns, int rows) {
    long[] cells = new long[GRAPHICS_COLUMNS];
    for (int i = 0; i < cells.length; i++) {
      cells[i] = CursesPainter.vgaCell(i < text.length() ? text.charAt(i) : ' ', 7);
    }
    say(painter.paint(cells, GRAPHICS_COLUMNS, -1, columns, rows));
  }

  private synchronized void say(String text) {
    if (text.isEmpty() || closed) {
      return;
    }
    try {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      // The terminal has gone; the machine runs on.
      closed = true;
    }
  }

  // Input.

  private void readLoop() {
    try {
      for (int value; (value = in.read()) >= 0; ) {
        if (value == ESCAPE && moreSoon()) {
          escape(in.read());
        } else {
          typed(keys.plain(value), new byte[] {(byte) value});
        }
      }
    } catch (IOException e) {
      // The terminal has gone (hang-up): nobody types any more.
      return;
    }
  }

  /** True when a sequence goes on, false after the Escape key. */
  private boolean moreSoon() throws IOException {
    for (int i = 0; i < ESCAPE_PATIENCE && in.available() == 0; i++) {
      LockSupport.parkNanos(ESCAPE_STEP_NANOS);
    }
    return in.available() > 0;
  }

  private void escape(int second) throws IOException {
    if (second >= '1' && second <= '9') {
      int view = second - '1';
      if (view <= terminals.size()) {
        chosen = view;
      }
      return;
    }
    if (second != '[' && second != 'O') {
      typed(keys.meta(second), new byte[] {ESCAPE, (byte) second});
      return;
    }
    StringBuilder text = new StringBuilder();
    int value;
    while ((value = in.read()) >= 0 && value < '@' && text.length() < MOST_PARAMETERS) {
      text.append((char) value);
    }
    if (value < 0) {
      return;
    }
    String whole = "\033" + (char) second + text + (char) value;
    typed(keys.sequence(text.toString(), (char) value), whole.getBytes(StandardCharsets.US_ASCII));
  }

  private void typed(List<KeyCode> chord, byte[] bytes) {
    int view = chosen;
    if (view > 0) {
      terminals.get(view - 1).type(bytes);
      return;
    }
    if (chord.isEmpty()) {
      return;
    }
    // A keyboard keeps only a few bytes: text that is pasted comes at a pace that guests keep up
    // with. More of it waits in the terminal's own buffer.
    machine.input(sink -> chord.forEach(key -> sink.key(key, true)));
    LockSupport.parkNanos(KEY_NANOS);
    machine.input(sink -> chord.reversed().forEach(key -> sink.key(key, false)));
    LockSupport.parkNanos(KEY_NANOS);
  }

  /** Gives the terminal back; more than once is harmless. */
  @Override
  public void close() {
    refresher.shutdownNow();
    say(CursesPainter.LEAVE);
    synchronized (this) {
      closed = true;
    }
    mode.restore();
  }
}
