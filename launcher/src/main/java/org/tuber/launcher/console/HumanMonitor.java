package org.tuber.launcher.console;

import java.nio.charset.StandardCharsets;
import org.tuber.launcher.Version;
import org.tuber.machine.MachineRun;

/**
 * The command line for people ({@code -monitor stdio}, Ctrl-A c): the commands of QEMU's human
 * monitor that run control offers. The terminal is raw, so echo and rubout are done here.
 */
final class HumanMonitor {
  private static final int MOST_CHARS = 1024;
  private static final String PROMPT = "(tuber) ";
  private static final String HELP =
      """
      cont (c)            let the CPUs run
      help (?)            this list
      info status         whether the machine runs
      info engine         what the CPUs did
      info version        our version
      nmi                 non-maskable interrupt to all CPUs
      quit (q)            leave the emulator
      stop (s)            stop the CPUs
      system_powerdown    press the power button
      system_reset        press the reset button
      """;

  private final ByteOutlet out;
  private final StringBuilder line = new StringBuilder();
  private MachineRun machine;

  HumanMonitor(ByteOutlet out) {
    this.out = out;
  }

  void attach(MachineRun run) {
    machine = run;
  }

  void greet() {
    print("\n" + Version.line() + ", monitor: 'help' for help\n");
    prompt();
  }

  void prompt() {
    print(PROMPT + line);
  }

  /** Takes one typed byte. */
  void type(byte value) {
    switch (value) {
      case '\r', '\n' -> {
        print("\n");
        String command = line.toString().strip();
        line.setLength(0);
        String answer = execute(command);
        print(answer.isEmpty() || answer.endsWith("\n") ? answer : answer + "\n");
        prompt();
      }
      case 0x7f, '\b' -> {
        if (!line.isEmpty()) {
          line.setLength(line.length() - 1);
          print("\b \b");
        }
      }
      case 0x15 -> {
        print("\b \b".repeat(line.length()));
        line.setLength(0);
      }
      default -> {
        if (value >= ' ' && line.length() < MOST_CHARS) {
          line.append((char) value);
          print(String.valueOf((char) value));
        }
      }
    }
  }

  /** Does one command and gives its answer. */
  String execute(String command) {
    switch (command) {
      case "" -> {}
      case "help", "?" -> {
        return HELP;
      }
      case "quit", "q" -> machine.quit(0);
      case "stop", "s" -> machine.pause();
      case "cont", "c" -> machine.resume();
      case "nmi" -> machine.nmi();
      case "system_reset" -> machine.requestReset();
      case "system_powerdown" -> machine.requestPowerOff();
      case "info version" -> {
        return Version.number();
      }
      case "info engine" -> {
        return machine.statistics();
      }
      case "info status" -> {
        return "VM status: "
            + switch (machine.state()) {
              case RUNNING -> "running";
              case STOPPED -> "paused";
              case POWERED_OFF -> "paused (shutdown)";
              case ENDED -> "ended";
            };
      }
      default -> {
        return "unknown command: '" + command + "'";
      }
    }
    return "";
  }

  private void print(String text) {
    out.write(text.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8));
  }
}
