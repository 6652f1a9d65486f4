package org.tuber.launcher.system;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;
import org.tuber.launcher.Version;
import org.tuber.launcher.options.BootOptions;
import org.tuber.launcher.options.CharOptions;
import org.tuber.launcher.options.CpuOptions;
import org.tuber.launcher.options.DeviceOptions;
import org.tuber.launcher.options.DisplayOptions;
import org.tuber.launcher.options.DriveOptions;
import org.tuber.launcher.options.LogOptions;
import org.tuber.launcher.options.MachineOptions;
import org.tuber.launcher.options.MonitorOptions;
import org.tuber.launcher.options.NetOptions;
import org.tuber.launcher.options.ObjectOptions;
import org.tuber.launcher.options.OptionParser;
import org.tuber.launcher.options.RunOptions;
import org.tuber.launcher.runtime.CompilerPriority;
import org.tuber.launcher.runtime.RuntimeCheck;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineFactory;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;

/**
 * A {@code system-*} command: a whole computer. Options and spelling are QEMU's; what differs
 * between architectures is in the subclasses.
 */
public abstract class SystemCommand implements Subcommand {
  private static final long DEFAULT_MEMORY_BYTES = 128L << 20;

  private final String name;
  private final String summary;

  SystemCommand(String name, String summary) {
    this.name = name;
    this.summary = summary;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String summary() {
    return summary;
  }

  /** Accepted board names, each with the board it means; the first is the default. */
  abstract Map<String, String> boards();

  /** Properties of boards that this command knows. */
  abstract Set<String> boardProperties();

  /** CPU models, the default first. */
  abstract List<String> cpuModels();

  /** What {@code -drive} without {@code if=} is connected to. */
  abstract DriveOption.Bus defaultBus();

  /** True when there is a screen unless the options say otherwise. */
  abstract boolean hasScreen();

  /** Makes the CPUs; {@code options} are those of the accelerator. */
  abstract VcpuFactory cpuFactory(Map<String, String> options);

  @Override
  public final int run(List<String> arguments) {
    MachineOptions machine = new MachineOptions(boards(), boardProperties());
    CpuOptions cpu = new CpuOptions(cpuModels(), DEFAULT_MEMORY_BYTES);
    BootOptions boot = new BootOptions();
    RunOptions run = new RunOptions();
    LogOptions log = new LogOptions();
    DisplayOptions display = new DisplayOptions();
    CharOptions chars = new CharOptions(machine::isNoDefaults, display::hasTerminals);
    DeviceOptions devices =
        new DeviceOptions(
            Set.copyOf(boards().values()), chars, () -> hasScreen() && !machine.isNoDefaults());
    MonitorOptions monitors = new MonitorOptions(chars);
    DriveOptions drives = new DriveOptions(machine::isNoDefaults, defaultBus());
    OptionParser parser =
        new OptionParser(
            "tuber " + name,
            machine,
            cpu,
            boot,
            run,
            chars,
            display,
            monitors,
            devices,
            new ObjectOptions(),
            drives,
            new NetOptions(),
            log);
    OptionParser.Wish wish = parser.parse(arguments);
    switch (wish) {
      case HELP -> {
        System.out.print(parser.help());
        return 0;
      }
      case VERSION -> {
        System.out.println(Version.line());
        return 0;
      }
      case RUN -> {}
    }
    MachineConfig.Builder config = MachineConfig.builder();
    parser.apply(config);
    LogSetup.apply(log);
    if (display.isCurses() && chars.isNoGraphic()) {
      throw new CommandLineException("-nographic cannot be used with -display curses");
    }
    if (display.isCurses() && chars.isTerminalUsed()) {
      throw new CommandLineException("-display curses: stdio is used for something else too");
    }
    try (Lines lines = Lines.open(chars, display.hasTerminals())) {
      if (hasScreen() && chars.isScreenExpected() && !display.isDisplayGiven()) {
        System.err.println(
            "tuber: there is no window; -display web, -vnc :0 and -display curses show the screen,"
                + " -nographic the serial line");
      }
      Monitors toOpen = new Monitors(monitors, chars, lines);
      return start(config.build(), lines, display, toOpen, log);
    }
  }

  private int start(
      MachineConfig config,
      Lines lines,
      DisplayOptions display,
      Monitors monitorsToOpen,
      LogOptions log) {
    if (config.accel().equals("tcg")) {
      // Starting the compiler takes a third of a second: let it pass while the board is built.
      Thread.ofPlatform()
          .daemon()
          .name("runtime-check")
          .start(
              () -> {
                checkRuntime();
                CompilerPriority.giveWay(config.cpus());
              });
    }
    try (MachineRun machine = create(config);
        Screen screen = new Screen(display, lines.terminals());
        Monitors monitors = monitorsToOpen) {
      Thread powerCut = new Thread(() -> cutPower(machine, lines), "power-cut");
      Runtime.getRuntime().addShutdownHook(powerCut);
      screen.serve(machine);
      monitors.serve(machine);
      lines.attach(machine);
      int status = machine.run();
      lines.close();
      if (log.has("engine")) {
        LogSetup.print(log, machine.statistics());
      }
      return status;
    }
  }

  /** Builds the machine; anything wrong with the configuration is one line for the user. */
  private MachineRun create(MachineConfig config) {
    Map<String, String> options = new HashMap<>(config.accelProperties());
    options.put("accel", config.accel());
    try {
      return MachineFactory.create(config, cpuFactory(options));
    } catch (MachineException | IllegalArgumentException e) {
      throw new CommandLineException(e.getMessage());
    }
  }

  private static void checkRuntime() {
    RuntimeCheck.warning().ifPresent(line -> System.err.println("tuber: warning: " + line));
  }

  /** A signal ends the process: what the guest has said must still reach its reader. */
  private static void cutPower(MachineRun machine, Lines lines) {
    machine.quit(0, RunEvent.Cause.SIGNAL);
    lines.close();
  }
}
