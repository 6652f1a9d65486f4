package org.tuber.truffle.x86.user;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * Loads programs as Linux does: segments, program interpreter, scripts, stack with arguments,
 * environment and auxiliary vector (System V ABI for x86-64, 3.4). Addresses are those of Linux
 * without randomization. There is no vDSO: time comes by system calls.
 */
final class ProgramLoader {
  private static final long PAGE = 4096;
  private static final long LIMIT64 = 0x7fff_ffff_f000L;
  private static final long MAP_TOP64 = 0x7fff_f7ff_f000L;
  private static final long PROGRAM64 = 0x5555_5555_4000L;
  private static final long LIMIT32 = 0xffff_e000L;
  static final long MAP_TOP32 = 0xf7ff_e000L;
  private static final long PROGRAM32 = 0x5655_5000L;
  private static final long FIRST_STACK_BYTES = 0x21000;
  private static final int MAX_SCRIPT_DEPTH = 5;
  private static final int MAX_SCRIPT_LINE = 256;
  private static final int MAX_ARGUMENT_BYTES = 2 << 20;
  private static final int X_OK = 1;

  private ProgramLoader() {}

  /** A program ready to start. */
  record Loaded(
      UserMemory memory,
      long pc,
      long sp,
      boolean is32Bit,
      String executable,
      List<byte[]> arguments,
      List<byte[]> environment,
      byte[] auxiliaryVector) {
    /** Makes it what {@code t}'s process runs, from its first instruction. */
    void start(GuestThread t) {
      GuestProcess p = t.process;
      p.executable = executable;
      p.arguments = arguments;
      p.environment = environment;
      p.auxiliaryVector = auxiliaryVector;
      p.is32Bit = is32Bit;
      String base = executable.substring(executable.lastIndexOf('/') + 1);
      p.name = base.substring(0, Math.min(15, base.length()));
      initialize(t.cpu, is32Bit);
      if (is32Bit) {
        for (int i = 0; i < 3; i++) {
          t.setDescriptor(GuestThread.TLS_FIRST + i, 0);
        }
      }
      t.cpu.home.r[4] = sp;
      t.cpu.home.pc = pc;
    }
  }

  /** The first program. */
  static Loaded load(
      UserSystem system,
      GuestProcess p,
      String path,
      List<byte[]> arguments,
      List<byte[]> environment) {
    return new Load(system, null, p.limits).program(path, arguments, environment, 0);
  }

  /** A first program that is an open file; {@code name} is what it is called. */
  static Loaded load(
      UserSystem system,
      GuestProcess p,
      int fd,
      String name,
      List<byte[]> arguments,
      List<byte[]> environment) {
    return new Load(system, null, p.limits).elf(name, fd, arguments, environment);
  }

  /** execve. */
  static Loaded load(
      UserSystem system,
      GuestThread t,
      String path,
      List<byte[]> arguments,
      List<byte[]> environment) {
    return new Load(system, t, t.process.limits).program(path, arguments, environment, 0);
  }

  // ---------------------------------------------------------------- registers

  /** Registers as a kernel leaves them for a new program. */
  static void initialize(X86Cpu c, boolean is32Bit) {
    c.reset();
    c.cr0 = Cr.CR0_PE | Cr.CR0_MP | Cr.CR0_ET | 1 << 5 | Cr.CR0_WP | Cr.CR0_AM | Cr.CR0_PG;
    long cr4 =
        Cr.CR4_PAE
            | Cr.CR4_OSFXSR
            | Cr.CR4_OSXMMEXCPT
            | Cr.CR4_FSGSBASE
            | Cr.CR4_OSXSAVE
            | Cr.CR4_PCE;
    c.cr4 = cr4 & c.model.cr4Mask();
    c.efer = Cr.EFER_LME | Cr.EFER_LMA | Cr.EFER_NXE | Cr.EFER_SCE;
    c.xcr0 = c.model.has(CpuFeature.XSAVE) ? c.model.xcr0Mask() & 7 : 1;
    c.cpl = 3;
    c.eflagsHigh = Flags.FIXED | Flags.IF;
    c.mxcsr = 0x1f80;
    c.fpu.initialize();
    int code = is32Bit ? 0xc0fb : 0xa0fb;
    int data = 0xc0f3;
    int selector = is32Bit ? GuestThread.SS : 0;
    for (int i = 0; i < 6; i++) {
      boolean flat = is32Bit && i != X86Cpu.FS && i != X86Cpu.GS;
      c.segments[i].set(flat ? selector : 0, 0, flat ? 0xffff_ffffL : 0, flat ? data : 0);
    }
    c.segments[X86Cpu.CS].set(is32Bit ? GuestThread.CS32 : GuestThread.CS64, 0, 0xffff_ffffL, code);
    c.segments[X86Cpu.SS].set(GuestThread.SS, 0, 0xffff_ffffL, data);
    c.segments[X86Cpu.LDTR].set(0, 0, 0, 0);
    c.segments[X86Cpu.TR].set(0, 0, 0, 0x8b);
    c.idtr.limit = 0;
    c.gdtr.base = GuestThread.GDT_GVA;
    c.gdtr.limit = 0;
    java.util.Arrays.fill(c.home.r, 0);
    java.util.Arrays.fill(c.home.x, 0);
    java.util.Arrays.fill(c.home.y, 0);
    Flags.setArithmetic(c.home, 0);
    c.modeChanged();
  }

  // ---------------------------------------------------------------- one load

  private static final class Load {
    private final UserSystem system;
    private final GuestThread t;
    private final Limits limits;
    private UserMemory memory;

    Load(UserSystem system, GuestThread t, Limits limits) {
      this.system = system;
      this.t = t;
      this.limits = limits;
    }

    private String host(String path) {
      return t == null ? system.paths.inSysroot(path) : system.paths.host(t, path);
    }

    private int open(String path) {
      String host = host(path);
      int fd = Host.open(host, 0);
      if (fd < 0) {
        throw new ProgramException(-fd, path + ": " + Errno.name(-fd));
      }
      Host.Stat stat = Host.stat(fd);
      long executable = Host.withPath(Host.ACCESS, host, text -> new long[] {text, X_OK});
      if (stat == null || (stat.mode() & 0xf000) != 0x8000 || executable != 0) {
        Host.close(fd);
        throw new ProgramException(Errno.EACCES, path + ": not an executable file");
      }
      return fd;
    }

    Loaded program(String path, List<byte[]> arguments, List<byte[]> environment, int depth) {
      if (depth > MAX_SCRIPT_DEPTH) {
        throw new ProgramException(Errno.ELOOP, path + ": too many interpreters");
      }
      int fd = open(path);
      try {
        ByteBuffer start = ElfImage.read(fd, 0, MAX_SCRIPT_LINE);
        if (start.limit() > 2 && start.get(0) == '#' && start.get(1) == '!') {
          return script(path, start, arguments, environment, depth);
        }
        return elf(path, fd, arguments, environment);
      } finally {
        Host.close(fd);
      }
    }

    private Loaded script(
        String path,
        ByteBuffer start,
        List<byte[]> arguments,
        List<byte[]> environment,
        int depth) {
      String line = headLine(start);
      int end = line.indexOf('\n');
      if (end >= 0) {
        line = line.substring(0, end);
      }
      line = line.strip();
      if (line.isEmpty()) {
        throw new ProgramException(Errno.ENOEXEC, path + ": no interpreter after #!");
      }
      String[] words = line.split("[ \t]+", 2);
      List<byte[]> all = new ArrayList<>();
      all.add(words[0].getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
      if (words.length > 1) {
        all.add(words[1].getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
      }
      all.add(path.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
      all.addAll(arguments.subList(Math.min(1, arguments.size()), arguments.size()));
      return program(words[0], all, environment, depth + 1);
    }

    private static String headLine(ByteBuffer start) {
      byte[] bytes = new byte[start.limit() - 2];
      start.get(2, bytes);
      return Paths.text(bytes);
    }

    private Loaded elf(String path, int fd, List<byte[]> arguments, List<byte[]> environment) {
      ElfImage image = new ElfImage(fd, path);
      boolean narrow = image.is32Bit;
      memory =
          new UserMemory(
              system.arena,
              narrow ? LIMIT32 : LIMIT64,
              narrow ? MAP_TOP32 : MAP_TOP64,
              limits.stackBytes());
      boolean done = false;
      try {
        Loaded loaded = elf(path, fd, image, arguments, environment);
        done = true;
        return loaded;
      } catch (Errno e) {
        throw new ProgramException(e.number, path + ": cannot be loaded: " + e.getMessage());
      } finally {
        if (!done) {
          memory.abandon();
        }
      }
    }

    private Loaded elf(
        String path, int fd, ElfImage image, List<byte[]> arguments, List<byte[]> environment) {
      boolean narrow = image.is32Bit;
      String executable = system.paths.guest(Paths.canonical(fd));
      long bias = 0;
      if (image.type == ElfImage.ET_DYN) {
        long align = Math.max(PAGE, image.alignment());
        long base = narrow ? PROGRAM32 : PROGRAM64;
        bias = ((base + align - 1) & -align) - image.lowest();
      }
      map(image, fd, bias, executable);
      memory.heapStart = image.highest() + bias;
      memory.heapEnd = memory.heapStart;
      long pc = image.entry + bias;
      long interpreterBase = 0;
      if (image.interpreter != null) {
        int ld = open(image.interpreter);
        try {
          ElfImage loader = new ElfImage(ld, image.interpreter);
          if (loader.is32Bit != narrow) {
            throw new ProgramException(Errno.ELIBBAD, image.interpreter + ": wrong word size");
          }
          if (loader.type == ElfImage.ET_DYN) {
            interpreterBase = (narrow ? MAP_TOP32 : MAP_TOP64) - loader.highest() & -PAGE;
          }
          map(loader, ld, interpreterBase, system.paths.guest(Paths.canonical(ld)));
          pc = loader.entry + interpreterBase;
        } finally {
          Host.close(ld);
        }
      }
      InitialStack stack =
          new InitialStack(memory, narrow, narrow ? LIMIT32 : LIMIT64, FIRST_STACK_BYTES);
      long sp = stack.build(path, arguments, environment, image, bias, interpreterBase, system);
      if (narrow) {
        signalReturnPage();
      }
      if (stack.bytes() > MAX_ARGUMENT_BYTES) {
        throw new ProgramException(7, path + ": argument list too long");
      }
      return new Loaded(
          memory, pc, sp, narrow, executable, arguments, environment, stack.auxiliaryVector());
    }

    /** What handlers without SA_RESTORER return to; on a kernel it is in the vDSO. */
    private void signalReturnPage() {
      byte[] code = SignalFrame32.RETURN_CODE;
      memory.map(
          null,
          SignalFrame32.RETURN_PAGE,
          PAGE,
          UserMemory.PROT_WRITE,
          true,
          false,
          memory.limit,
          new UserMemory.Source(null, 0, false, "[sigpage]", 0, null));
      memory.write(null, SignalFrame32.RETURN_PAGE, code, 0, code.length);
      memory.protect(
          null, SignalFrame32.RETURN_PAGE, PAGE, UserMemory.PROT_READ | UserMemory.PROT_EXEC);
    }

    private void map(ElfImage image, int fd, long bias, String name) {
      Host.Stat stat = Host.stat(fd);
      for (ElfImage.Segment s : image.segments) {
        if (s.type() == ElfImage.PT_LOAD && s.memoryBytes() > 0) {
          mapSegment(s, fd, stat, bias, name);
        }
      }
    }

    private void mapSegment(ElfImage.Segment s, int fd, Host.Stat stat, long bias, String name) {
      int protection =
          ((s.flags() & 4) != 0 ? UserMemory.PROT_READ : 0)
              | ((s.flags() & 2) != 0 ? UserMemory.PROT_WRITE : 0)
              | ((s.flags() & 1) != 0 ? UserMemory.PROT_EXEC : 0);
      long start = (s.address() + bias) & -PAGE;
      long inPage = (s.address() + bias) & (PAGE - 1);
      long fileEnd = s.address() + bias + s.fileBytes();
      long end = (s.address() + bias + s.memoryBytes() + PAGE - 1) & -PAGE;
      long fileMapped = start;
      if (s.fileBytes() > 0) {
        fileMapped = (fileEnd + PAGE - 1) & -PAGE;
        Backing image = system.images.open(fd, stat);
        try {
          long offset = s.offset() - inPage;
          memory.map(
              null,
              start,
              fileMapped - start,
              protection,
              true,
              false,
              memory.limit,
              new UserMemory.Source(image, offset, false, name, offset, stat));
        } finally {
          image.drop();
        }
      }
      if (end > fileMapped) {
        // As Linux: what no file is behind can be written, whatever the header says.
        memory.map(
            null,
            fileMapped,
            end - fileMapped,
            protection | UserMemory.PROT_READ | UserMemory.PROT_WRITE,
            true,
            false,
            memory.limit,
            UserMemory.Source.ANONYMOUS);
      }
      boolean partial = s.fileBytes() > 0 && s.memoryBytes() > s.fileBytes();
      if (partial && (protection & UserMemory.PROT_WRITE) != 0 && fileMapped > fileEnd) {
        memory.write(
            null, fileEnd, new byte[(int) (fileMapped - fileEnd)], 0, (int) (fileMapped - fileEnd));
      }
    }
  }
}
