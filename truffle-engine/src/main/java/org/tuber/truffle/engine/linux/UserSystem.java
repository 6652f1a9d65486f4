package org.tuber.truffle.engine.linux;

import com.oracle.truffle.api.TruffleLanguage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.tuber.truffle.engine.Engine;

/**
 * Linux programs without a kernel: all guest processes of this JVM, and what they share. Also the
 * lock of everything about processes and signals, and the monitor on which guest threads wait for
 * it.
 *
 * <p>A JVM cannot fork itself, so a child is another guest process in the same JVM with an address
 * space and a descriptor table of its own. Its process number is the host's number of its first
 * thread, so that no host process has the same.
 */
public final class UserSystem implements AutoCloseable {
  /**
   * What the user asked for.
   *
   * @param sysroot prefix under which absolute paths are looked for first, or empty
   * @param architecture the kind of CPU; belongs to one system
   * @param engine compile policy
   * @param trace where each system call is written to, or null
   * @param ownStdio descriptors 0 to 2 of this JVM belong to the program from now on
   * @param inherited descriptors from 3 on that do so, too
   */
  public record Settings(
      String sysroot,
      Architecture architecture,
      Engine.Options engine,
      Consumer<String> trace,
      boolean ownStdio,
      List<Integer> inherited) {}

  final Settings settings;
  final Engine engine;
  final FrameArena arena;
  final FileImages images;
  final Paths paths;
  final UserClock clock = new UserClock();
  private final Map<Integer, GuestProcess> processes = new HashMap<>();
  private final Set<GuestThread> nudged = new HashSet<>();
  private final Map<Integer, Integer> foregroundGroups = new HashMap<>();
  private final Map<Integer, Integer> terminals = new HashMap<>();
  private Thread nudger;
  private boolean closed;
  GuestProcess first;

  /**
   * An empty system.
   *
   * @param language owner of compiled code, or null outside a polyglot context
   * @throws IllegalStateException where the host cannot do it; the message says why
   */
  public UserSystem(Settings settings, TruffleLanguage<?> language) {
    String missing = Host.missing();
    if (missing != null) {
      throw new IllegalStateException(missing);
    }
    Host.prepare();
    this.settings = settings;
    engine = new Engine(settings.architecture.isa(), language, settings.engine);
    arena = new FrameArena(engine);
    images = new FileImages(arena);
    paths = new Paths(this, settings.sysroot);
  }

  /** How a program ended: exit status, or the signal that killed it. */
  public record Outcome(int status, int signal) {}

  /**
   * Runs a program and everything it starts; the calling thread waits.
   *
   * @param arguments argv, the program first
   * @param environment NAME=value
   * @throws ProgramException when it cannot be started; the message says why
   */
  public Outcome run(String program, List<String> arguments, List<String> environment) {
    GuestProcess p =
        newProcess((own, limit) -> StandardFiles.table(own, settings.inherited, limit));
    String path = paths.findProgram(program, environment);
    GuestThread t = begin(p, ProgramLoader.load(this, path, bytes(arguments), bytes(environment)));
    t.begin(true);
    t.release();
    synchronized (this) {
      while (!processes.isEmpty()) {
        await(0);
      }
    }
    return outcome(p);
  }

  /**
   * Starts a program with streams for standard input, output and error. To be followed by {@link
   * #awaitEnd}, and in any case by {@link #stop}.
   *
   * @param image the program file's bytes, or null: the file at {@code program}
   * @throws ProgramException when it cannot be started; the message says why
   */
  public void start(
      String program,
      byte[] image,
      List<String> arguments,
      List<String> environment,
      HostStreams streams) {
    GuestProcess p = newProcess((own, limit) -> streams.table(limit));
    boolean loaded = false;
    try {
      GuestThread t = begin(p, load(program, image, bytes(arguments), bytes(environment)));
      loaded = true;
      t.begin(true);
      t.release();
    } finally {
      if (!loaded) {
        p.fds.leave();
      }
    }
  }

  /** Waits until the program and everything it started have ended. */
  public synchronized Outcome awaitEnd() throws InterruptedException {
    while (!processes.isEmpty()) {
      wait();
    }
    return outcome(first);
  }

  /** Ends what still runs and hands on what was written. */
  public void stop(HostStreams streams) {
    killAll();
    streams.finish();
  }

  private ProgramLoader.Loaded load(
      String program, byte[] image, List<byte[]> argv, List<byte[]> envp) {
    String raw = Paths.text(Paths.bytes(program));
    if (image == null) {
      return ProgramLoader.load(this, raw, argv, envp);
    }
    int fd = Host.file(raw, image);
    if (fd < 0) {
      throw new ProgramException(-fd, program + ": " + Errno.name(-fd));
    }
    try {
      return ProgramLoader.load(this, fd, raw, argv, envp);
    } finally {
      Host.close(fd);
    }
  }

  /** The first process, without a thread yet. */
  GuestProcess newProcess(java.util.function.BiFunction<Boolean, Integer, FdTable> files) {
    GuestProcess p = new GuestProcess(this, Host.processId(), null);
    p.fds = files.apply(settings.ownStdio, p.limits.openFiles());
    first = p;
    return p;
  }

  /** The first thread of a process, about to run what is loaded. */
  GuestThread begin(GuestProcess p, ProgramLoader.Loaded loaded) {
    synchronized (this) {
      processes.put(p.pid, p);
      p.cpuTimers.limitChanged();
    }
    GuestThread t = new GuestThread(p, loaded.memory(), p.pid);
    loaded.start(t);
    return t;
  }

  static List<byte[]> bytes(List<String> texts) {
    List<byte[]> all = new ArrayList<>();
    texts.forEach(s -> all.add(Paths.bytes(s)));
    return all;
  }

  private static Outcome outcome(GuestProcess p) {
    int s = p.waitStatus;
    return new Outcome(s >> 8 & 0xff, s & 0x7f);
  }

  /** What killed the first program, for people. */
  public String ending() {
    GuestProcess p = first;
    return p.fatality != null
        ? GuestFaultException.describe(p.fatality)
        : SignalInfo.name(p.waitStatus & 0x7f);
  }

  /** Ends every process at once and waits for that. */
  void killAll() {
    boolean interrupted = false;
    synchronized (this) {
      for (GuestProcess p : all()) {
        p.die(SignalInfo.SIGKILL);
      }
      while (!processes.isEmpty()) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The first program's process number; signals to this JVM are meant for it. */
  public void forwardSignal(int number, boolean fromTerminal) {
    synchronized (this) {
      GuestProcess p = first;
      if (p == null) {
        return;
      }
      SignalInfo info = SignalInfo.simple(number, SignalInfo.SI_KERNEL);
      if (!fromTerminal) {
        Signals.send(p, info);
        return;
      }
      int group = foregroundGroups.getOrDefault(p.sid, p.initialGroup);
      for (GuestProcess q : all()) {
        if (q.pgid == group && !q.zombie) {
          Signals.send(q, info);
        }
      }
    }
  }

  /** Lines about the engine's work. */
  public String statistics() {
    return engine.statistics(instructions);
  }

  /** Instructions of threads that have ended. */
  long instructions;

  // ---------------------------------------------------------------- processes; under the lock

  GuestProcess find(int pid) {
    return processes.get(pid);
  }

  List<GuestProcess> all() {
    return new ArrayList<>(processes.values());
  }

  void add(GuestProcess p) {
    processes.put(p.pid, p);
  }

  void remove(GuestProcess p) {
    processes.remove(p.pid);
    notifyAll();
  }

  /** Foreground process group of a session as set in here; 0 when the host's is still right. */
  int foregroundGroup(int session) {
    return foregroundGroups.getOrDefault(session, 0);
  }

  void setForegroundGroup(int session, int group, int terminal) {
    foregroundGroups.put(session, group);
    terminals.put(session, terminal);
  }

  /** Device number of the terminal that {@link #foregroundGroup} is about; 0 for none. */
  int controllingTerminal(int session) {
    return terminals.getOrDefault(session, 0);
  }

  /** Waits for {@link #changed}, at most so long; 0 is for ever. */
  @SuppressWarnings("WaitNotInLoop") // callers loop
  void await(long millis) {
    try {
      wait(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Something that threads may wait for has happened. */
  synchronized void changed() {
    notifyAll();
  }

  // ---------------------------------------------------------------- blocking host calls

  /** Interrupts the host call that {@code t} is in, or is about to enter, until it has come out. */
  void nudge(GuestThread t) {
    Host.nudge(t.hostTid);
    synchronized (nudged) {
      nudged.add(t);
      if (nudger == null && !closed) {
        nudger = new Thread(this::nudgeLoop, "tuber-nudge");
        nudger.setDaemon(true);
        nudger.start();
      }
      nudged.notifyAll();
    }
  }

  /** The signal may have come just before the call: it is sent again until it is seen to work. */
  private void nudgeLoop() {
    while (true) {
      List<GuestThread> again;
      synchronized (nudged) {
        try {
          while (nudged.isEmpty() && !closed) {
            nudged.wait();
          }
          if (!closed) {
            nudged.wait(2);
          }
        } catch (InterruptedException e) {
          return;
        }
        if (closed) {
          return;
        }
        nudged.removeIf(t -> t.ended || !t.blockingHost || !t.work);
        again = new ArrayList<>(nudged);
      }
      for (GuestThread t : again) {
        Host.nudge(t.hostTid);
      }
    }
  }

  @Override
  public void close() {
    Thread ending;
    synchronized (nudged) {
      closed = true;
      ending = nudger;
      nudged.notifyAll();
    }
    if (ending != null) {
      try {
        ending.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    clock.close();
    arena.close();
  }
}
