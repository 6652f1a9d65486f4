package org.tuber.launcher.runtime;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;

/**
 * {@code tuber runtime}: which Java and Truffle run here, and proof that compilation works. Status
 * 1 when it does not.
 */
public final class RuntimeCommand implements Subcommand {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  @Override
  public String name() {
    return "runtime";
  }

  @Override
  public String summary() {
    return "show the Java and Truffle runtime and check that it compiles";
  }

  @Override
  public int run(List<String> arguments) {
    if (!arguments.isEmpty()) {
      throw new CommandLineException("runtime: unknown option " + arguments.get(0));
    }
    System.out.println(
        "java     " + Runtime.version() + " (" + System.getProperty("java.home") + ")");
    System.out.println("truffle  " + RuntimeCheck.runtimeName());
    var warning = RuntimeCheck.warning();
    if (warning.isPresent()) {
      System.out.println("warning  " + warning.get());
      return 1;
    }
    long nanos = ProbeRoot.nanosUntilCompiled(PATIENCE_NANOS);
    if (nanos < 0) {
      System.out.println("compiles no");
      return 1;
    }
    System.out.println("compiles yes, first time after " + nanos / 1_000_000 + " ms");
    return 0;
  }
}
