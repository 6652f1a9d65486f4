package org.tuber.launcher.user;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import org.jline.utils.Signals;
import org.tuber.truffle.engine.linux.UserSystem;

/** Signals between the host and the guest program: in while it runs, out when one killed it. */
final class HostSignals {
  /** From the terminal, for its foreground group. */
  private static final Map<String, Integer> TERMINAL =
      Map.of("INT", 2, "TSTP", 20, "WINCH", 28, "HUP", 1);

  /** For the program itself. SIGUSR2, SIGQUIT and faults are the JVM's own. */
  private static final Map<String, Integer> OTHERS =
      Map.of("TERM", 15, "CONT", 18, "USR1", 10, "ALRM", 14, "URG", 23, "IO", 29);

  private HostSignals() {}

  static void forward(UserSystem system) {
    TERMINAL.forEach(
        (name, number) -> Signals.register(name, () -> system.forwardSignal(number, true)));
    OTHERS.forEach(
        (name, number) -> Signals.register(name, () -> system.forwardSignal(number, false)));
  }

  /** Ends this process by a signal, without a core file. */
  @SuppressWarnings("restricted")
  static void dieBy(int number) {
    Linker linker = Linker.nativeLinker();
    try {
      MethodHandle signal =
          linker.downcallHandle(
              linker.defaultLookup().find("signal").orElseThrow(),
              FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS));
      MethodHandle prctl =
          linker.downcallHandle(
              linker.defaultLookup().find("prctl").orElseThrow(),
              FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT),
              Linker.Option.firstVariadicArg(1));
      MethodHandle kill =
          linker.downcallHandle(
              linker.defaultLookup().find("kill").orElseThrow(),
              FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
      int notDumpable = (int) prctl.invokeExact(4, 0);
      MemorySegment old = (MemorySegment) signal.invokeExact(number, MemorySegment.NULL);
      System.out.flush();
      int sent = (int) kill.invokeExact((int) ProcessHandle.current().pid(), number);
      if (notDumpable + sent != 0 || old == null) {
        return;
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
