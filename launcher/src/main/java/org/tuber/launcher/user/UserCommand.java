package org.tuber.launcher.user;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;
import org.tuber.truffle.arm.user.ArmLinux;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.ProgramException;
import org.tuber.truffle.engine.linux.UserSystem;
import org.tuber.truffle.x86.sys.CpuModel;
import org.tuber.truffle.x86.user.X86Linux;

/**
 * {@code tuber user}: runs a Linux program for x86-64, i386 or AArch64. Options and spelling are
 * those of QEMU's user mode. Exit status and fatal signal of the program become this process's.
 */
public final class UserCommand implements Subcommand {
  private static final int EM_AARCH64 = 183;

  private static final String HELP =
      """
      Usage: tuber user [OPTIONS] PROGRAM [ARGUMENTS]

      Runs a Linux program for x86-64, i386 or AArch64, static or dynamic, on a Linux host.

        -L DIR            look for absolute paths under DIR first (QEMU_LD_PREFIX)
        -E NAME=VALUE     set a variable of the program's environment
        -U NAME           remove one
        -0 NAME           what the program sees as its own name
        -cpu MODEL[,+F,-F]  processor: max (default), or another of the program's kind
        -strace           print system calls to standard error
        -accel tcg|interp compile hot code (default), or interpret only
        -d engine         print what the engine did at the end
        -h                this text
      """;

  @Override
  public String name() {
    return "user";
  }

  @Override
  public String summary() {
    return "a Linux program for x86-64, i386 or AArch64, without a kernel";
  }

  private final Map<String, String> environment = new TreeMap<>(System.getenv());
  private String sysroot = environment.getOrDefault("QEMU_LD_PREFIX", "");
  private String zero;
  private String cpu = "max";
  private boolean trace;
  private boolean statistics;
  private Engine.Options engine = Engine.Options.DEFAULT;

  @Override
  public int run(List<String> arguments) {
    int at = options(arguments);
    if (at < 0) {
      System.out.print(HELP);
      return 0;
    }
    if (at == arguments.size()) {
      throw new CommandLineException("user: no program given; 'tuber user -h' explains");
    }
    List<String> argv = new ArrayList<>(arguments.subList(at, arguments.size()));
    String program = argv.get(0);
    if (zero != null) {
      argv.set(0, zero);
    }
    List<String> envp = new ArrayList<>();
    environment.forEach((name, value) -> envp.add(name + "=" + value));
    Consumer<String> sink = trace ? line -> System.err.println(line) : null;
    UserSystem.Settings settings =
        new UserSystem.Settings(sysroot, architecture(program), engine, sink, true, inherited());
    try (UserSystem system = new UserSystem(settings, null)) {
      HostSignals.forward(system);
      UserSystem.Outcome outcome = system.run(program, argv, envp);
      if (statistics) {
        System.err.println(system.statistics());
      }
      if (outcome.signal() != 0) {
        HostSignals.dieBy(outcome.signal());
        return 128 + outcome.signal();
      }
      return outcome.status();
    } catch (ProgramException | IllegalStateException e) {
      throw new CommandLineException("user: " + e.getMessage());
    }
  }

  /** The descriptors from 3 on that this process was started with, as its script saw them. */
  private static List<Integer> inherited() {
    return Pattern.compile(" ")
        .splitAsStream(System.getProperty("tuber.descriptors", ""))
        .filter(n -> !n.isEmpty())
        .map(Integer::valueOf)
        .toList();
  }

  /** Index of the program among the arguments, or -1 for help. */
  private int options(List<String> arguments) {
    int i = 0;
    while (i < arguments.size() && arguments.get(i).startsWith("-")) {
      String option = arguments.get(i);
      String name = option.startsWith("--") ? option.substring(1) : option;
      switch (name) {
        case "-h", "-help" -> {
          return -1;
        }
        case "-strace" -> trace = true;
        case "-" -> {
          return i + 1;
        }
        default -> {
          if (i + 1 == arguments.size()) {
            throw new CommandLineException("user: option '" + option + "' needs a value");
          }
          value(name, arguments.get(++i));
        }
      }
      i++;
    }
    return i;
  }

  private void value(String option, String value) {
    switch (option) {
      case "-L" -> sysroot = value;
      case "-E" -> {
        for (String e : value.split(",(?=[A-Za-z_][A-Za-z0-9_]*=)")) {
          int equals = e.indexOf('=');
          if (equals <= 0) {
            throw new CommandLineException("user: -E '" + e + "' is not NAME=VALUE");
          }
          environment.put(e.substring(0, equals), e.substring(equals + 1));
        }
      }
      case "-U" -> {
        for (String e : value.split(",")) {
          environment.remove(e);
        }
      }
      case "-0" -> zero = value;
      case "-cpu" -> cpu = value;
      case "-d" -> {
        if (!value.equals("engine")) {
          throw new CommandLineException("user: -d '" + value + "' is unknown; there is: engine");
        }
        statistics = true;
      }
      case "-accel" ->
          engine =
              switch (value) {
                case "tcg" -> Engine.Options.DEFAULT;
                case "interp" -> Engine.Options.INTERPRETER;
                case "immediate" -> Engine.Options.IMMEDIATE;
                case "classes" -> Engine.Options.IMMEDIATE_CLASSES;
                case "lockstep" -> Engine.Options.LOCKSTEP;
                default ->
                    throw new CommandLineException("user: unknown accelerator '" + value + "'");
              };
      default -> throw new CommandLineException("user: unknown option '" + option + "'");
    }
  }

  /** By the program's machine; x86 also where it cannot be told, so that loading says why. */
  private Architecture architecture(String program) {
    int machine = new ProgramFile(sysroot, environment.get("PATH")).machine(program);
    Map<String, String> properties = properties();
    try {
      return machine == EM_AARCH64
          ? new ArmLinux(org.tuber.truffle.arm.sys.CpuModel.of(properties))
          : new X86Linux(CpuModel.of(properties));
    } catch (IllegalArgumentException e) {
      throw new CommandLineException("user: " + e.getMessage());
    }
  }

  private Map<String, String> properties() {
    Map<String, String> properties = new LinkedHashMap<>();
    String[] parts = cpu.split(",");
    properties.put("model", parts[0]);
    // No board, no interrupt controller: programs must not be told of one.
    for (int i = 1; i < parts.length; i++) {
      String p = parts[i];
      if (p.startsWith("+") || p.startsWith("-")) {
        properties.put(p.substring(1), p.startsWith("+") ? "on" : "off");
      } else if (p.indexOf('=') > 0) {
        properties.put(p.substring(0, p.indexOf('=')), p.substring(p.indexOf('=') + 1));
      } else {
        throw new CommandLineException("user: -cpu: '" + p + "' is no feature");
      }
    }
    return properties;
  }
}
