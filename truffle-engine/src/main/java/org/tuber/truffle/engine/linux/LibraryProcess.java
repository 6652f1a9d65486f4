package org.tuber.truffle.engine.linux;

import com.oracle.truffle.api.TruffleSafepoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A process that exists for a shared library: loaded with all it depends on by the guest's own
 * dynamic linker, stopped at the entry point, and from then on run only to call functions.
 *
 * <p>Its first thread has no host thread of its own: it runs on whichever thread calls, one at a
 * time. A function's change of the working directory or umask is therefore the JVM's.
 */
public final class LibraryProcess implements AutoCloseable {
  private static final int LIBRARY_FD = 3;
  private static final long REGION_BYTES = 1 << 20;
  private static final int READ_WRITE = UserMemory.PROT_READ | UserMemory.PROT_WRITE;
  private static final GuestCall.HostCalls NO_CALLS =
      slot -> {
        throw GuestFaultException.signal("a host function was called while a library was loaded");
      };

  /**
   * What to load.
   *
   * @param name for messages
   * @param path of the library's file, or null
   * @param image the contents of the library's file
   * @param kind what was found out about it
   */
  public record Library(String name, String path, byte[] image, ElfKind kind) {}

  private final UserSystem system;
  private final HostStreams streams;
  private final String name;
  private final boolean narrow;
  private GuestProcess process;
  private GuestThread t;
  private HostGate gate;
  private List<GuestModule> modules = List.of();
  private GuestModule library;
  private final Map<GuestModule.Symbol, Long> resolved = new HashMap<>();
  private long regionStart;
  private long regionUsed;

  /** Reservations that did not fit into the region: start and size. */
  private final List<long[]> large = new ArrayList<>();

  private String end;
  private int exitStatus = -1;
  private boolean closed;

  private LibraryProcess(UserSystem system, HostStreams streams, Library library) {
    this.system = system;
    this.streams = streams;
    name = library.name;
    narrow = library.kind.abi().is32Bit;
  }

  /**
   * Loads a library.
   *
   * @param environment NAME=value, for the dynamic linker and the library
   * @throws ProgramException when it cannot be loaded; the message says why
   */
  public static LibraryProcess load(
      UserSystem.Settings settings,
      HostStreams streams,
      Library library,
      List<String> environment) {
    UserSystem system = new UserSystem(settings, null);
    LibraryProcess p = new LibraryProcess(system, streams, library);
    boolean done = false;
    try {
      p.start(library, environment);
      done = true;
      return p;
    } finally {
      if (!done) {
        p.close();
      }
    }
  }

  // ---------------------------------------------------------------- loading

  private void start(Library what, List<String> environment) {
    process = system.newProcess((own, limit) -> streams.table(limit));
    List<String> needed = new ArrayList<>();
    boolean object = what.kind.kind() == ElfKind.Kind.OBJECT;
    boolean inMemory = what.path == null || object;
    if (inMemory) {
      byte[] file = object ? what.kind.abi().link(what.image, what.name) : what.image;
      process.fds.replace(LIBRARY_FD, new OpenFile(file(what.name, file)), false);
      needed.add("/proc/self/fd/" + LIBRARY_FD);
    } else {
      needed.add(system.paths.guest(Paths.text(Paths.bytes(what.path))));
    }
    byte[] image = StartImage.build(what.kind.abi(), interpreter(what.kind), needed);
    int fd = file("library", image);
    try {
      t =
          system.begin(
              process,
              ProgramLoader.load(
                  system,
                  fd,
                  name,
                  UserSystem.bytes(List.of(name)),
                  UserSystem.bytes(environment)));
    } catch (ProgramException e) {
      throw new ProgramException(e.error, name + ": no dynamic linker: " + e.getMessage());
    } finally {
      Host.close(fd);
    }
    gate = new HostGate(t);
    process.gate = gate;
    int slot;
    try {
      slot = drive();
    } catch (GuestFaultException e) {
      throw new ProgramException(Errno.ENOEXEC, notLoaded(e.getMessage()));
    }
    if (slot != HostGate.ENTRY) {
      throw new ProgramException(Errno.ENOEXEC, notLoaded("it called a host function"));
    }
    try {
      if (inMemory) {
        process.fds.close(LIBRARY_FD);
      }
      ready(needed.getFirst());
    } catch (Errno | GuestFaultException e) {
      throw new ProgramException(Errno.ENOEXEC, notLoaded(e.getMessage()));
    }
  }

  private String notLoaded(String why) {
    String said = streams.lastErrors();
    return name + ": cannot be loaded: " + (said.isEmpty() ? why : said);
  }

  private static int file(String name, byte[] content) {
    int fd = Host.file(name, content);
    if (fd < 0) {
      throw new ProgramException(-fd, name + ": " + Errno.name(-fd));
    }
    return fd;
  }

  private static String interpreter(ElfKind kind) {
    boolean musl = kind.needed().stream().anyMatch(n -> n.startsWith("libc.musl-"));
    return kind.abi().dynamicLinker(musl);
  }

  private void ready(String needed) {
    long finish = t.cpu.finishFunction();
    regionStart = map(REGION_BYTES);
    modules = GuestModule.list(t, gate.address(HostGate.SLOTS));
    library =
        modules.stream()
            .filter(m -> m.path().equals(needed))
            .findFirst()
            .orElseThrow(
                () ->
                    new ProgramException(
                        Errno.ENOEXEC, name + ": not in the dynamic linker's list of modules"));
    GuestModule.Symbol atExit = find("__cxa_atexit");
    if (finish != 0 && atExit != null) {
      // As the start-up code of a program does: destructors run at exit.
      invoke(address(atExit), finish, 0, 0);
    }
  }

  // ---------------------------------------------------------------- symbols

  /** The library itself. */
  public GuestModule module() {
    return library;
  }

  /** A symbol of the library or of what it depends on; null when there is none. */
  public GuestModule.Symbol find(String symbol) {
    GuestModule.Symbol own = library.find(symbol);
    if (own != null) {
      return own;
    }
    for (GuestModule m : modules) {
      GuestModule.Symbol s = m.find(symbol);
      if (s != null) {
        return s;
      }
    }
    return null;
  }

  /** Where it is; runs the resolver of an indirect function the first time. */
  public long address(GuestModule.Symbol symbol) {
    if (!symbol.isIndirect()) {
      return symbol.address();
    }
    Long known = resolved.get(symbol);
    if (known == null) {
      known = invoke(symbol.address());
      resolved.put(symbol, known);
    }
    return known;
  }

  /** A call with integers only. */
  private long invoke(long function, long... arguments) {
    try (GuestCall call = call()) {
      call.run(function, t.cpu.placeIntegers(arguments), NO_CALLS);
      return t.cpu.integerResult();
    }
  }

  // ---------------------------------------------------------------- running

  /** Prepares a call. */
  public GuestCall call() {
    check();
    return new GuestCall(this, t);
  }

  public boolean is32Bit() {
    return narrow;
  }

  public String name() {
    return name;
  }

  /** The CPU, between two runs of its code. */
  public UserCpu cpu() {
    return t.cpu;
  }

  /** Address of the code that calls the host function of a slot. */
  public long slotAddress(int slot) {
    return gate.address(slot);
  }

  /** Numbers of slots for host functions: from here up to {@link #slotCount}. */
  public static int firstSlot() {
    return HostGate.FIRST_CALLBACK;
  }

  public static int slotCount() {
    return HostGate.SLOTS;
  }

  private void check() {
    if (closed) {
      throw GuestFaultException.signal(name + ": its context is closed");
    }
    if (process.dying && !t.ended) {
      // Killed by another thread or process while nothing ran here.
      end = ending();
    }
    if (end != null) {
      throw exitStatus >= 0
          ? GuestFaultException.exit(end, exitStatus)
          : GuestFaultException.signal(end);
    }
  }

  /** Runs until a trap slot is reached; its number. */
  int drive() {
    HostGate.Stop stop;
    stop =
        TruffleSafepoint.getCurrent()
            .setBlockedFunction(null, interrupter, HostGate::drive, gate, null, null);
    return switch (stop) {
      case SLOT -> gate.slot();
      case FAULT ->
          throw GuestFaultException.signal(
              name + ": " + GuestFaultException.describe(gate.fault(), t.memory));
      case ENDED -> {
        end = ending();
        check();
        throw new IllegalStateException();
      }
    };
  }

  private final TruffleSafepoint.Interrupter interrupter =
      new TruffleSafepoint.Interrupter() {
        @Override
        public void interrupt(Thread thread) {
          gate.interrupt();
        }

        @Override
        public void resetInterrupted() {
          gate.clearInterrupt();
        }
      };

  /** Why the process is no more. */
  private String ending() {
    if (gate.strayCall) {
      return name + ": a host function was called on a thread that the library made";
    }
    int status = process.waitStatus;
    if ((status & 0x7f) == 0) {
      exitStatus = status >> 8 & 0xff;
      return name + ": its process has exited with status " + exitStatus;
    }
    return name
        + ": its process was ended by "
        + (process.fatality == null
            ? SignalInfo.name(status & 0x7f)
            : GuestFaultException.describe(process.fatality));
  }

  /** Hands on what the library has written to its standard output and error. */
  public void drain() {
    streams.drain();
  }

  // ---------------------------------------------------------------- memory

  /** Highest address that there can be, plus one. */
  public long addressLimit() {
    return narrow ? 1L << 32 : 1L << 47;
  }

  /** Reads; false when something is not mapped. */
  public boolean read(long gva, byte[] target, int from, int length) {
    check();
    try {
      t.memory.read(t, gva, target, from, length);
      return true;
    } catch (Errno e) {
      return false;
    }
  }

  /** Writes; false when something is not mapped or not writable. */
  public boolean write(long gva, byte[] source, int from, int length) {
    check();
    try {
      t.memory.write(t, gva, source, from, length);
      return true;
    } catch (Errno e) {
      return false;
    }
  }

  public void write(long gva, byte[] bytes) {
    if (!write(gva, bytes, 0, bytes.length)) {
      throw GuestFaultException.signal(name + ": its stack is full");
    }
  }

  public void writeWord(long gva, long value) {
    byte[] b = new byte[narrow ? 4 : 8];
    for (int i = 0; i < b.length; i++) {
      b[i] = (byte) (value >>> 8 * i);
    }
    write(gva, b);
  }

  public long readWord(long gva) {
    byte[] b = new byte[narrow ? 4 : 8];
    if (!read(gva, b, 0, b.length)) {
      throw GuestFaultException.signal(name + ": its stack is gone");
    }
    long value = 0;
    for (int i = 0; i < b.length; i++) {
      value |= (b[i] & 0xffL) << 8 * i;
    }
    return value;
  }

  /** True when all of it is mapped. */
  public boolean isMapped(long gva, long bytes) {
    check();
    return gva >= 0 && gva <= addressLimit() - bytes && t.memory.isMapped(gva, bytes);
  }

  private long map(long bytes) {
    try {
      return t.memory.map(
          t, 0, bytes, READ_WRITE, false, false, t.memory.limit, UserMemory.Source.ANONYMOUS);
    } catch (Errno e) {
      throw GuestFaultException.signal(name + ": no guest memory for " + bytes + " bytes");
    }
  }

  long mark() {
    return regionUsed | (long) large.size() << 32;
  }

  /** Memory until {@link #release}. */
  long reserve(long bytes) {
    long size = Math.max(16, bytes + 15 & -16L);
    if (size > REGION_BYTES - regionUsed) {
      long at = map(size);
      large.add(new long[] {at, size});
      return at;
    }
    long at = regionStart + regionUsed;
    regionUsed += size;
    return at;
  }

  void release(long mark) {
    regionUsed = mark & 0xffff_ffffL;
    int count = (int) (mark >>> 32);
    while (large.size() > count) {
      long[] range = large.removeLast();
      if (!t.ended) {
        t.memory.unmap(t, range[0], range[1]);
      }
    }
  }

  // ---------------------------------------------------------------- the end

  /** Lets the library run its destructors and flush its files, by its own exit. */
  public void exit() {
    if (closed || end != null || library == null || t.ended) {
      return;
    }
    GuestModule.Symbol exit = find("exit");
    if (exit == null) {
      return;
    }
    try {
      invoke(address(exit), 0);
    } catch (GuestFaultException e) {
      // That is how exit returns.
      end = e.getMessage();
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (t != null) {
      process.die(SignalInfo.SIGKILL);
      t.finish();
    } else if (process != null) {
      process.fds.leave();
    }
    system.killAll();
    streams.finish();
    system.close();
  }

  /** Lines about the engine's work. */
  public String statistics() {
    return system.statistics();
  }
}
