package org.tuber.launcher.options;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Host ends of serial lines and monitors: {@code -serial -monitor -chardev -nographic}. This table
 * only says what was asked for; the console package opens it.
 */
public final class CharOptions extends OptionTable {
  private static final String SHARED_PREFIX = "mon:";
  private static final String ID_PREFIX = "chardev:";
  private static final String ABSENT = "none";
  private static final String KNOWN =
      "stdio, mon:…, file:F, pipe:F, pty, tcp:…, telnet:…, udp:…, unix:F, vc, null, none, chardev:ID";
  private static final Choices BACKENDS =
      Choices.of(
          "-chardev",
          "backend",
          "Available chardev backend types:",
          "file",
          "writes to a file",
          "stdio",
          "standard input and output",
          "socket",
          "TCP, telnet or a Unix socket",
          "udp",
          "datagrams",
          "pipe",
          "named pipes",
          "pty",
          "a pseudo terminal",
          "vc",
          "a terminal beside the screen",
          "ringbuf",
          "memory, for the monitor",
          "null",
          "nothing");
  private static final long MOST_RING_BYTES = 256 << 20;
  private static final String MONITOR = "compat_monitor0";

  private final BooleanSupplier noDefaults;
  private final BooleanSupplier hasTerminals;
  private final Map<String, CharEnd> ends = new LinkedHashMap<>();
  private final List<String> serialTexts = new ArrayList<>();
  private final List<CharEnd> serials = new ArrayList<>();
  private String monitorText;
  private int qmpLines;
  private boolean noGraphic;
  private boolean defaultSerial = true;

  /**
   * The options of a system command.
   *
   * @param noDefaults asked after parsing: nothing is there that was not asked for
   * @param hasTerminals asked after parsing: the display shows terminals beside the screen
   */
  public CharOptions(BooleanSupplier noDefaults, BooleanSupplier hasTerminals) {
    this.noDefaults = noDefaults;
    this.hasTerminals = hasTerminals;
  }

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        flag(
            "-nographic",
            "no screen; serial line and monitor on the terminal",
            () -> noGraphic = true));
    spec.addOption(
        value(
            "-serial",
            "stdio|mon:…|file:F|pipe:F|pty|tcp:…|unix:F|vc|null|none|chardev:id",
            "where the next serial line goes",
            serialTexts::add));
    spec.addOption(
        value(
            "-monitor",
            "stdio|tcp:[host]:port|unix:F|pipe:F|pty|vc|null|none|chardev:id",
            "where the monitor is",
            text -> monitorText = text));
    spec.addOption(
        value(
            "-chardev",
            "file|stdio|socket|udp|pipe|pty|vc|ringbuf|null,id=id",
            "host end of a device",
            this::chardev));
  }

  // -chardev

  private void chardev(String text) {
    KeyValues values = KeyValues.parse("-chardev", text, "backend");
    String backend = values.take("backend", "");
    if (Choices.isHelp(backend)) {
      throw BACKENDS.answer();
    }
    String id = values.take("id", "");
    if (id.isEmpty()) {
      throw new CommandLineException("-chardev " + text + ": needs an id");
    }
    if (ends.containsKey(id)) {
      throw new CommandLineException("-chardev " + text + ": this id is taken");
    }
    boolean shared = values.isOn("mux", false);
    values.take("mux", "");
    CharTarget target =
        switch (backend) {
          case "stdio" -> {
            values.only(Set.of("signal"));
            yield new CharTarget.Stdio(values.isOn("signal", true));
          }
          case "file" -> {
            values.only(Set.of("path", "append"));
            yield new CharTarget.ToFile(path(text, values), values.isOn("append", false));
          }
          case "pipe" -> {
            values.only(Set.of("path"));
            yield new CharTarget.Pipe(path(text, values));
          }
          case "pty" -> {
            values.only(Set.of());
            yield new CharTarget.Pty();
          }
          case "udp" -> SocketAddresses.udp("-chardev", text, values);
          case "ringbuf" -> {
            values.only(Set.of("size"));
            yield new CharTarget.Ring(ringBytes(text, values.get("size", "64k")));
          }
          case "socket" -> SocketAddresses.chardev("-chardev", text, values);
          case "vc" -> {
            values.only(Set.of("width", "height", "cols", "rows"));
            yield new CharTarget.Vc();
          }
          case "null" -> {
            values.only(Set.of());
            yield new CharTarget.Nowhere();
          }
          default -> throw BACKENDS.unknown(backend);
        };
    ends.put(id, new CharEnd(id, target, shared));
  }

  private static int ringBytes(String text, String size) {
    long bytes = Sizes.bytes("-chardev", size, 'B');
    if (Long.bitCount(bytes) != 1 || bytes > MOST_RING_BYTES) {
      throw new CommandLineException(
          "-chardev " + text + ": size must be a power of two and at most 256 MiB");
    }
    return (int) bytes;
  }

  private static Path path(String text, KeyValues values) {
    return path("-chardev", text, values.get("path", ""));
  }

  private static Path path(String option, String text, String path) {
    try {
      if (!path.isEmpty()) {
        return Path.of(path);
      }
    } catch (InvalidPathException e) {
      throw new CommandLineException(option + " " + text + ": is not a file name");
    }
    throw new CommandLineException(option + " " + text + ": needs a path");
  }

  // -serial and the like.

  /** The host end that {@code text} describes, made under {@code id} unless it names one. */
  private CharEnd end(String option, String text, String id) {
    if (text.startsWith(ID_PREFIX)) {
      return byId(option, text.substring(ID_PREFIX.length()));
    }
    boolean shared = text.startsWith(SHARED_PREFIX);
    CharTarget target = target(option, text, shared ? text.substring(4) : text, shared);
    CharEnd end = new CharEnd(id, target, shared);
    if (ends.putIfAbsent(id, end) != null) {
      throw new CommandLineException("-chardev " + id + ": " + option + " needs this id");
    }
    return end;
  }

  private static CharTarget target(String option, String text, String plain, boolean shared) {
    if (plain.startsWith("file:")) {
      return new CharTarget.ToFile(path(option, text, plain.substring(5)), false);
    }
    if (plain.startsWith("pipe:")) {
      return new CharTarget.Pipe(path(option, text, plain.substring(5)));
    }
    if (plain.startsWith("udp:")) {
      return SocketAddresses.udpLine(option, plain);
    }
    if (SocketAddresses.isSocket(plain)) {
      return SocketAddresses.line(option, plain);
    }
    if (plain.equals("vc") || plain.startsWith("vc:")) {
      return new CharTarget.Vc();
    }
    return switch (plain) {
      case "stdio" -> new CharTarget.Stdio(!shared);
      case "pty" -> new CharTarget.Pty();
      case "null" -> new CharTarget.Nowhere();
      default ->
          throw new CommandLineException(option + " " + text + ": unknown value; known: " + KNOWN);
    };
  }

  /** The end of {@code -chardev …,id=ID}. */
  CharEnd byId(String option, String id) {
    CharEnd end = ends.get(id);
    if (end == null) {
      throw new CommandLineException(option + ": no -chardev has id=" + id);
    }
    return end;
  }

  /** A new end for {@code -qmp}. */
  CharEnd forQmp(String text) {
    return end("-qmp", text, "qmp" + qmpLines++).forControl("-qmp " + text);
  }

  /** A new end for a device that an option of its own names, e.g. {@code -debugcon}. */
  CharEnd forDevice(String option, String text, String id) {
    return end(option, text, id).forDevice(option + " " + text);
  }

  /** A device brings the serial line itself. */
  void noDefaultSerial() {
    defaultSerial = false;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    if (noGraphic) {
      config.machineProperty("graphics", "off");
    }
    List<String> texts = new ArrayList<>(serialTexts);
    boolean monitorElsewhere = monitorText != null;
    if (texts.isEmpty() && defaultSerial && !noDefaults.getAsBoolean()) {
      texts.add(!noGraphic ? "vc" : monitorElsewhere ? "stdio" : "mon:stdio");
    }
    while (!texts.isEmpty() && texts.getLast().equals(ABSENT)) {
      texts.removeLast();
    }
    boolean sharesMonitor = false;
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      if (text.equals(ABSENT)) {
        throw new CommandLineException("-serial none: later serial lines need this one; use null");
      }
      CharEnd end = end("-serial", text, "serial" + i).forDevice("-serial " + text);
      if (text.startsWith(SHARED_PREFIX)) {
        end.forMonitor("-serial " + text);
        sharesMonitor = true;
      }
      serials.add(end);
      config.serial(end);
    }
    if (monitorText == null) {
      boolean wanted = hasTerminals.getAsBoolean() && !noGraphic && !sharesMonitor;
      monitorText = wanted && !noDefaults.getAsBoolean() ? "vc" : ABSENT;
    }
    if (!monitorText.equals(ABSENT)) {
      end("-monitor", monitorText, MONITOR).forMonitor("-monitor " + monitorText);
    }
  }

  /**
   * The serial lines in order, COM1 first. Like the next one after {@link #apply} of all tables.
   */
  public List<CharEnd> serials() {
    return serials;
  }

  /** Every host end that is used. */
  public Collection<CharEnd> used() {
    List<CharEnd> used = ends.values().stream().filter(end -> end.option() != null).toList();
    long onTerminal = used.stream().filter(end -> end.target() instanceof CharTarget.Stdio).count();
    if (onTerminal > 1) {
      throw new CommandLineException(
          "-serial/-monitor stdio: the terminal is used twice; -serial mon:stdio shares it");
    }
    return used;
  }

  /** True when something but the display wants the terminal. */
  public boolean isTerminalUsed() {
    return used().stream().anyMatch(end -> end.target() instanceof CharTarget.Stdio);
  }

  /** True when no serial line was asked for: the user may be waiting for a window. */
  public boolean isScreenExpected() {
    return !noGraphic && serialTexts.isEmpty();
  }

  /** True when guest output may go to the terminal in raw mode, Ctrl-C included. */
  public boolean isNoGraphic() {
    return noGraphic;
  }
}
