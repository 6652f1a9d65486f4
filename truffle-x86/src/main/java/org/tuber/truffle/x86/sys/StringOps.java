package org.tuber.truffle.x86.sys;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS (SDM vol. 1, 7.3.9; vol. 2): one element each as {@link
 * #moveOne} and so on, ordinary instructions within a block; and with their repeat prefixes.
 *
 * <p>Registers are committed after each element or run of elements, so that a fault and an
 * interrupt leave the instruction to be started again where it was. MOVS and STOS work a page at a
 * time where both sides have a valid TLB entry.
 */
public final class StringOps {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RSI = 6;
  private static final int RDI = 7;
  private static final long PAGE = 4096;

  /** Elements after which pending interrupts are looked at. */
  private static final int POLL = 64;

  private StringOps() {}

  // ---------------------------------------------------------------- addresses and counts

  private static long addressMask(long w0) {
    if ((w0 & Word.ADDR32) != 0) {
      return 0xffff_ffffL;
    }
    return (w0 & Word.ADDR16) != 0 ? 0xffff : -1L;
  }

  private static void setRegister(X86State s, int n, long mask, long v) {
    s.r[n] = mask == 0xffff ? (s.r[n] & ~mask) | (v & mask) : v & mask;
  }

  private static int sourceSegment(long w0) {
    int segment = Word.segment(w0);
    return segment < 0 ? X86Cpu.DS : segment;
  }

  private static long source(X86State s, X86Cpu c, long w0, long mask, int size) {
    int segment = sourceSegment(w0);
    if (segment == X86Cpu.CS && (c.mode & X86Cpu.MODE_CS_UNREADABLE) != 0) {
      throw c.gp(0);
    }
    return Operand.linear(c, segment, s.r[RSI] & mask, 1 << size);
  }

  private static long second(X86State s, X86Cpu c, long mask, int size) {
    return Operand.linear(c, X86Cpu.ES, s.r[RDI] & mask, 1 << size);
  }

  private static long destination(X86State s, X86Cpu c, long mask, int size) {
    if ((c.mode & X86Cpu.readOnly(X86Cpu.ES)) != 0) {
      throw c.gp(0);
    }
    return second(s, c, mask, size);
  }

  private static boolean isRepeated(long w0) {
    return (w0 & (Word.REP | Word.REPNE)) != 0;
  }

  private static long step(X86Cpu c, int size) {
    return (c.eflagsHigh & Flags.DF) != 0 ? -(1L << size) : 1L << size;
  }

  private static void advance(X86State s, int n, long mask, long by) {
    setRegister(s, n, mask, s.r[n] + by);
  }

  /** Counts elements off RCX; true when none are left or the instruction has to be left now. */
  private static boolean done(X86State s, X86Cpu c, long w0, long mask, long elements, int turn) {
    long left = (s.r[RCX] & mask) - elements;
    setRegister(s, RCX, mask, left);
    if (left == 0) {
      return true;
    }
    boolean poll = elements > 1 || turn % POLL == POLL - 1;
    if (poll && c.pending != 0 || (c.eflagsHigh & Flags.TF) != 0 || c.debugHits != 0) {
      startOver(s, c, w0);
      return true;
    }
    return false;
  }

  /** The next instruction is this one again. */
  private static void startOver(X86State s, X86Cpu c, long w0) {
    s.pc = s.r[X86State.BLOCK_PC] + Word.offset(w0);
    if (c.hasBreakpoints()) {
      c.eflagsHigh |= Flags.RF;
    }
  }

  private static boolean isCountZero(X86State s, long w0, long mask) {
    return isRepeated(w0) && (s.r[RCX] & mask) == 0;
  }

  // ---------------------------------------------------------------- one element

  // Segments that do not allow what the instruction does there are the decoder's business.

  private static long sourceOfOne(X86State s, X86Cpu c, long w0, int size) {
    long offset = s.r[RSI] & addressMask(w0);
    int segment = Word.segment(w0);
    return segment < 0 ? offset : Operand.linear(c, segment, offset, 1 << size);
  }

  private static long secondOfOne(X86State s, X86Cpu c, long w0, int size) {
    long offset = s.r[RDI] & addressMask(w0);
    return Word.segment(w0) < 0 ? offset : Operand.linear(c, X86Cpu.ES, offset, 1 << size);
  }

  private static void advanceOne(X86State s, X86Cpu c, long w0, int n, int size) {
    advance(s, n, addressMask(w0), step(c, size));
  }

  /** MOVS without prefix. */
  public static void moveOne(X86State s, X86Cpu c, long w0, int size) {
    long v = Operand.load(s, c, sourceOfOne(s, c, w0, size), size);
    Operand.store(s, c, secondOfOne(s, c, w0, size), size, v);
    advanceOne(s, c, w0, RSI, size);
    advanceOne(s, c, w0, RDI, size);
  }

  /** STOS without prefix. */
  public static void storeOne(X86State s, X86Cpu c, long w0, int size) {
    Operand.store(s, c, secondOfOne(s, c, w0, size), size, s.r[RAX]);
    advanceOne(s, c, w0, RDI, size);
  }

  /** LODS without prefix. */
  public static void loadOne(X86State s, X86Cpu c, long w0, int size) {
    Operand.setRegister(s, RAX, size, Operand.load(s, c, sourceOfOne(s, c, w0, size), size));
    advanceOne(s, c, w0, RSI, size);
  }

  /** SCAS without prefix. */
  public static void scanOne(X86State s, X86Cpu c, long w0, int size) {
    long b = Operand.load(s, c, secondOfOne(s, c, w0, size), size);
    advanceOne(s, c, w0, RDI, size);
    compare(s, Operand.register(s, RAX, size), b, size);
  }

  /** CMPS without prefix. */
  public static void compareOne(X86State s, X86Cpu c, long w0, int size) {
    long a = Operand.load(s, c, sourceOfOne(s, c, w0, size), size);
    long b = Operand.load(s, c, secondOfOne(s, c, w0, size), size);
    advanceOne(s, c, w0, RSI, size);
    advanceOne(s, c, w0, RDI, size);
    compare(s, a, b, size);
  }

  // ---------------------------------------------------------------- MOVS

  static void movs(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    long step = step(c, size);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long n;
    int turn = 0;
    do {
      n = step > 0 ? moveRun(s, c, w0, size, mask) : 0;
      if (n == 0) {
        moveChecked(s, c, w0, size, mask, step);
        n = 1;
      }
    } while (!done(s, c, w0, mask, n, turn++));
  }

  /** One element of a repeated instruction, whose segments are checked as it runs. */
  private static void moveChecked(X86State s, X86Cpu c, long w0, int size, long mask, long step) {
    long v = Operand.load(s, c, source(s, c, w0, mask, size), size);
    Operand.store(s, c, destination(s, c, mask, size), size, v);
    advance(s, RSI, mask, step);
    advance(s, RDI, mask, step);
  }

  /** Host address of {@code gva} when its page has the TLB tag at {@code tag}, else 0. */
  private static long host(X86State s, long gva, int tag) {
    long e = SoftTlb.entry(s.tlb, gva);
    return GuestRam.hostLoad64(e + tag) == (gva & -PAGE)
        ? gva + GuestRam.hostLoad64(e + SoftTlb.ADDEND)
        : 0;
  }

  /** Elements until {@code offset} leaves its page, its segment or wraps; at most {@code most}. */
  private static long room(
      X86Cpu c, int segment, long gva, long offset, long mask, int size, long most) {
    long n = Math.min(most, (PAGE - (gva & (PAGE - 1))) >>> size);
    if (mask != -1L) {
      long end = mask;
      if (!c.is64Bit() && !c.segments[segment].isExpandDown()) {
        end = Math.min(end, c.segments[segment].limit);
      }
      n = Math.min(n, (end + 1 - (offset & mask)) >>> size);
    }
    return n;
  }

  /** Count of elements as far as one run can go; single steps are of one element. */
  private static long most(X86State s, X86Cpu c, long mask) {
    if ((c.eflagsHigh & Flags.TF) != 0) {
      return 1;
    }
    long count = s.r[RCX] & mask;
    return count < 0 || count > PAGE ? PAGE : count;
  }

  private static long moveRun(X86State s, X86Cpu c, long w0, int size, long mask) {
    long from = source(s, c, w0, mask, size);
    long to = destination(s, c, mask, size);
    long n = room(c, sourceSegment(w0), from, s.r[RSI], mask, size, most(s, c, mask));
    n = room(c, X86Cpu.ES, to, s.r[RDI], mask, size, n);
    if (n < 2) {
      return 0;
    }
    long hostFrom = host(s, from, SoftTlb.READ);
    long hostTo = host(s, to, SoftTlb.WRITE);
    if (hostFrom == 0 || hostTo == 0) {
      return 0;
    }
    long bytes = n << size;
    long distance = hostTo - hostFrom;
    if (distance > 0 && distance < bytes) {
      replicate(hostFrom, hostTo, n, size);
    } else {
      GuestRam.hostCopy(hostFrom, hostTo, bytes);
    }
    advance(s, RSI, mask, bytes);
    advance(s, RDI, mask, bytes);
    return n;
  }

  /** Copies element by element: what was stored is read again where the ranges overlap. */
  private static void replicate(long from, long to, long n, int size) {
    for (long i = 0; i < n << size; i += 1L << size) {
      switch (size) {
        case 0 -> GuestRam.hostStore8(to + i, GuestRam.hostLoad8(from + i));
        case 1 -> GuestRam.hostStore16(to + i, GuestRam.hostLoad16(from + i));
        case 2 -> GuestRam.hostStore32(to + i, GuestRam.hostLoad32(from + i));
        default -> GuestRam.hostStore64(to + i, GuestRam.hostLoad64(from + i));
      }
    }
  }

  // ---------------------------------------------------------------- STOS

  static void stos(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    long step = step(c, size);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long n;
    int turn = 0;
    do {
      n = step > 0 ? storeRun(s, c, size, mask) : 0;
      if (n == 0) {
        storeChecked(s, c, size, mask, step);
        n = 1;
      }
    } while (!done(s, c, w0, mask, n, turn++));
  }

  /** The same for STOS. */
  private static void storeChecked(X86State s, X86Cpu c, int size, long mask, long step) {
    Operand.store(s, c, destination(s, c, mask, size), size, s.r[RAX]);
    advance(s, RDI, mask, step);
  }

  private static long storeRun(X86State s, X86Cpu c, int size, long mask) {
    long to = destination(s, c, mask, size);
    long n = room(c, X86Cpu.ES, to, s.r[RDI], mask, size, most(s, c, mask));
    if (n < 2) {
      return 0;
    }
    long host = host(s, to, SoftTlb.WRITE);
    if (host == 0) {
      return 0;
    }
    long bytes = n << size;
    fill(host, bytes, s.r[RAX], size);
    advance(s, RDI, mask, bytes);
    return n;
  }

  private static void fill(long host, long bytes, long value, int size) {
    long repeated = (value & 0xff) * 0x0101_0101_0101_0101L;
    if (Operand.zext(repeated ^ value, size) == 0) {
      GuestRam.hostFill(host, bytes, (byte) value);
      return;
    }
    for (long a = host; a < host + bytes; a += 1L << size) {
      switch (size) {
        case 1 -> GuestRam.hostStore16(a, (int) value);
        case 2 -> GuestRam.hostStore32(a, (int) value);
        default -> GuestRam.hostStore64(a, value);
      }
    }
  }

  // ---------------------------------------------------------------- LODS

  static void lods(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long step = step(c, size);
    int turn = 0;
    do {
      long v = Operand.load(s, c, source(s, c, w0, mask, size), size);
      Operand.setRegister(s, RAX, size, v);
      advance(s, RSI, mask, step);
    } while (!done(s, c, w0, mask, 1, turn++));
  }

  // ---------------------------------------------------------------- SCAS, CMPS

  // Flags are set at the end only: a fault leaves them as they were before the instruction.

  private static void compare(X86State s, long a, long b, int size) {
    Flags.sub(s, a, b, Operand.sext(a - b, size));
  }

  static void scas(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long step = step(c, size);
    long a = Operand.register(s, RAX, size);
    int turn = 0;
    long b;
    do {
      b = Operand.load(s, c, second(s, c, mask, size), size);
      advance(s, RDI, mask, step);
    } while (!endComparison(s, c, w0, mask, turn++, a == b));
    compare(s, a, b, size);
  }

  static void cmps(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long step = step(c, size);
    int turn = 0;
    long a;
    long b;
    do {
      a = Operand.load(s, c, source(s, c, w0, mask, size), size);
      b = Operand.load(s, c, second(s, c, mask, size), size);
      advance(s, RSI, mask, step);
      advance(s, RDI, mask, step);
    } while (!endComparison(s, c, w0, mask, turn++, a == b));
    compare(s, a, b, size);
  }

  private static boolean endComparison(
      X86State s, X86Cpu c, long w0, long mask, int turn, boolean equal) {
    if (equal != ((w0 & Word.REP) != 0)) {
      advance(s, RCX, mask, -1);
      return true;
    }
    return done(s, c, w0, mask, 1, turn);
  }

  // ---------------------------------------------------------------- INS, OUTS

  static void ins(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    int port = (int) s.r[RDX] & 0xffff;
    PortIo.check(c, port, size);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long step = step(c, size);
    int turn = 0;
    do {
      long gva = destination(s, c, mask, size);
      // Faults must come before the port is read.
      SoftTlb.writableHost(s, c, gva, 1 << size);
      Operand.store(s, c, gva, size, PortIo.read(c, port, size));
      advance(s, RDI, mask, step);
    } while (isRepeated(w0) && !done(s, c, w0, mask, 1, turn++));
  }

  static void outs(X86State s, X86Cpu c, long w0, int size) {
    long mask = addressMask(w0);
    int port = (int) s.r[RDX] & 0xffff;
    PortIo.check(c, port, size);
    if (isCountZero(s, w0, mask)) {
      return;
    }
    long step = step(c, size);
    int turn = 0;
    do {
      long v = Operand.load(s, c, source(s, c, w0, mask, size), size);
      PortIo.write(c, port, size, v);
      advance(s, RSI, mask, step);
    } while (isRepeated(w0) && !done(s, c, w0, mask, 1, turn++));
  }
}
