package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Loads programs as Linux does: segments, program interpreter, scripts, stack with arguments,
 * environment and auxiliary vector (System V ABI, 3.4). Addresses are those of Linux without
 * randomization. There is no vDSO: time comes by system calls.
 */
final class ProgramLoader {
  private static final long PAGE = 4096;
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
      Abi abi,
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
      p.abi = abi;
      p.is32Bit = abi.is32Bit;
      String base = executable.substring(executable.lastIndexOf('/') + 1);
      p.name = base.substring(0, Math.min(15, base.length()));
      t.cpu.begin(abi, pc, sp);
    }
  }

  /** The first program. */
  static Loaded load(
      UserSystem system, String path, List<byte[]> arguments, List<byte[]> environment) {
    return new Load(system, null).program(path, arguments, environment, 0);
  }

  /** A first program that is an open file; {@code name} is what it is called. */
  static Loaded load(
      UserSystem system, int fd, String name, List<byte[]> arguments, List<byte[]> environment) {
    return new Load(system, null).elf(name, fd, arguments, environment);
  }

  /** execve. */
  static Loaded load(
      UserSystem system,
      GuestThread t,
      String path,
      List<byte[]> arguments,
      List<byte[]> environment) {
    return new Load(system, t).program(path, arguments, environment, 0);
  }

  // ---------------------------------------------------------------- one load

  private static final class Load {
    private final UserSystem system;
    private final GuestThread t;
    private UserMemory memory;

    Load(UserSystem system, GuestThread t) {
      this.system = system;
      this.t = t;
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
      ElfImage image = new ElfImage(fd, path, system.settings.architecture());
      Abi.Layout layout = image.abi.layout;
      memory = new UserMemory(system.arena, layout.limit(), layout.mapTop());
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
      Abi.Layout layout = image.abi.layout;
      String executable = system.paths.guest(Paths.canonical(fd));
      long bias = 0;
      if (image.type == ElfImage.ET_DYN) {
        long align = Math.max(PAGE, image.alignment());
        long base = layout.program();
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
          ElfImage loader = new ElfImage(ld, image.interpreter, system.settings.architecture());
          if (loader.abi != image.abi) {
            throw new ProgramException(
                Errno.ELIBBAD, image.interpreter + ": for another kind of program");
          }
          if (loader.type == ElfImage.ET_DYN) {
            interpreterBase = layout.mapTop() - loader.highest() & -PAGE;
          }
          map(loader, ld, interpreterBase, system.paths.guest(Paths.canonical(ld)));
          pc = loader.entry + interpreterBase;
        } finally {
          Host.close(ld);
        }
      }
      InitialStack stack =
          new InitialStack(memory, image.is32Bit, layout.limit(), FIRST_STACK_BYTES);
      long sp = stack.build(path, arguments, environment, image, bias, interpreterBase, system);
      byte[] signalReturn = image.abi.signalReturnCode();
      if (signalReturn != null) {
        signalReturnPage(image.abi.signalReturnPage(), signalReturn);
      }
      if (stack.bytes() > MAX_ARGUMENT_BYTES) {
        throw new ProgramException(7, path + ": argument list too long");
      }
      return new Loaded(
          memory, pc, sp, image.abi, executable, arguments, environment, stack.auxiliaryVector());
    }

    /** What handlers without SA_RESTORER return to; on a kernel it is in the vDSO. */
    private void signalReturnPage(long page, byte[] code) {
      memory.map(
          null,
          page,
          PAGE,
          UserMemory.PROT_WRITE,
          true,
          false,
          memory.limit,
          new UserMemory.Source(null, 0, false, "[sigpage]", 0, null));
      memory.write(null, page, code, 0, code.length);
      memory.protect(null, page, PAGE, UserMemory.PROT_READ | UserMemory.PROT_EXEC);
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
