package org.tuber.launcher.system;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
import org.tuber.launcher.options.OptionParser;
import org.tuber.launcher.options.RunOptions;
import org.tuber.launcher.runtime.RuntimeCheck;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;
import org.tuber.truffle.x86.X86VcpuFactory;

/** {@code tuber system-x86_64}: a PC. Options and spelling are QEMU's. */
public final class SystemX86Command implements Subcommand {
  /** The command's name. */
  public static final String NAME = "system-x86_64";

  private static final long DEFAULT_MEMORY_BYTES = 128L << 20;
  private static final Map<String, String> BOARDS = new LinkedHashMap<>();

  static {
    BOARDS.put("pc", "pc");
    BOARDS.put("pc-i440fx-7.2", "pc");
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "a PC with an x86-64 processor, QEMU's options";
  }

  @Override
  public int run(List<String> arguments) {
    MachineOptions machine = new MachineOptions(BOARDS);
    CpuOptions cpu = new CpuOptions(X86VcpuFactory.models(), DEFAULT_MEMORY_BYTES);
    BootOptions boot = new BootOptions();
    RunOptions run = new RunOptions();
    CharOptions chars = new CharOptions();
    LogOptions log = new LogOptions();
    DisplayOptions display = new DisplayOptions();
    DeviceOptions devices = new DeviceOptions();
    MonitorOptions monitors = new MonitorOptions(devices);
    DriveOptions drives = new DriveOptions(machine::isNoDefaults);
    OptionParser parser =
        new OptionParser(
            "tuber " + NAME,
            machine,
            cpu,
            boot,
            run,
            chars,
            display,
            monitors,
            devices,
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
    try (Lines lines = Lines.open(chars, machine.isNoDefaults(), config)) {
      if (chars.isScreenExpected() && !display.isDisplayGiven()) {
        System.err.println(
            "tuber: there is no window; -vnc :0 serves the screen, -nographic shows the serial"
                + " line");
      }
      return start(config.build(), lines, display, new Monitors(monitors, chars), log);
    }
  }

  private static int start(
      MachineConfig config,
      Lines lines,
      DisplayOptions display,
      Monitors monitorsToOpen,
      LogOptions log) {
    if (config.accel().equals("tcg")) {
      // Starting the compiler takes a third of a second: let it pass while the board is built.
      Thread.ofPlatform().daemon().name("runtime-check").start(SystemX86Command::checkRuntime);
    }
    try (MachineRun machine = X86Machine.create(config);
        Screen screen = new Screen(display);
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

  private static void checkRuntime() {
    RuntimeCheck.warning().ifPresent(line -> System.err.println("tuber: warning: " + line));
  }

  /** A signal ends the process: what the guest has said must still reach its reader. */
  private static void cutPower(MachineRun machine, Lines lines) {
    machine.quit(0, RunEvent.Cause.SIGNAL);
    lines.close();
  }
}
