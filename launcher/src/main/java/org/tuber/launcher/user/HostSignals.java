package org.tuber.launcher.user;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.tuber.truffle.x86.user.UserSystem;
import sun.misc.Signal;

/** Signals between the host and the guest program: in while it runs, out when one killed it. */
final class HostSignals {
  /** From the terminal, for its foreground group. */
  private static final String[] TERMINAL = {"INT", "TSTP", "WINCH", "HUP", "QUIT"};

  /** For the program itself. SIGUSR2 and faults are the JVM's own. */
  private static final String[] OTHERS = {"TERM", "CONT", "USR1", "ALRM", "URG", "IO"};

  private HostSignals() {}

  static void forward(UserSystem system) {
    for (String name : TERMINAL) {
      handle(name, system, true);
    }
    for (String name : OTHERS) {
      handle(name, system, false);
    }
  }

  private static void handle(String name, UserSystem system, boolean terminal) {
    try {
      Signal.handle(new Signal(name), signal -> system.forwardSignal(signal.getNumber(), terminal));
    } catch (IllegalArgumentException e) {
      // This JVM keeps it for itself.
      System.getLogger("tuber.user").log(System.Logger.Level.DEBUG, "SIG" + name, e);
    }
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
