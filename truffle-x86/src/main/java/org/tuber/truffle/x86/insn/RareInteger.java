package org.tuber.truffle.x86.insn;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** Second level of the interpreter's switch, and the small rare instructions themselves. */
final class RareInteger {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;

  private RareInteger() {}

  static int run(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case IntegerRows.ILLEGAL -> throw c.ud();
      case IntegerRows.FORBIDDEN -> throw c.gp(0);
      case IntegerRows.NO_FPU -> throw c.exception(X86Cpu.NM);
      case IntegerRows.NO_SSE -> throw noSse(c, w1);
      case IntegerRows.SHLD_IMM -> Shift.doubleShift(s, c, w0, w1, (int) w1 & 0xff, true);
      case IntegerRows.SHLD_CL -> Shift.doubleShift(s, c, w0, w1, (int) s.r[RCX] & 0xff, true);
      case IntegerRows.SHRD_IMM -> Shift.doubleShift(s, c, w0, w1, (int) w1 & 0xff, false);
      case IntegerRows.SHRD_CL -> Shift.doubleShift(s, c, w0, w1, (int) s.r[RCX] & 0xff, false);
      case IntegerRows.NOT -> Alu.not(s, c, w0, w1);
      case IntegerRows.NEG -> Alu.neg(s, c, w0, w1);
      case IntegerRows.ADCX -> Alu.adx(s, c, w0, w1, false);
      case IntegerRows.ADOX -> Alu.adx(s, c, w0, w1, true);
      case IntegerRows.MUL -> MulDiv.mul(s, c, w0, w1);
      case IntegerRows.IMUL1 -> MulDiv.imul1(s, c, w0, w1);
      case IntegerRows.DIV -> MulDiv.div(s, c, w0, w1);
      case IntegerRows.IDIV -> MulDiv.idiv(s, c, w0, w1);
      case IntegerRows.XCHG -> xchg(s, c, w0, w1);
      case IntegerRows.XADD -> xadd(s, c, w0, w1);
      case IntegerRows.CMPXCHG -> cmpxchg(s, c, w0, w1);
      case IntegerRows.CMPXCHG8B -> cmpxchg8b(s, c, w0, w1);
      case IntegerRows.CMPXCHG16B -> cmpxchg16b(s, c, w0, w1);
      case IntegerRows.BSWAP -> BitOps.bswap(s, w0);
      case IntegerRows.BT -> BitOps.bit(s, c, w0, w1, BitOps.TEST, false);
      case IntegerRows.BTS -> BitOps.bit(s, c, w0, w1, BitOps.SET, false);
      case IntegerRows.BTR -> BitOps.bit(s, c, w0, w1, BitOps.RESET, false);
      case IntegerRows.BTC -> BitOps.bit(s, c, w0, w1, BitOps.COMPLEMENT, false);
      case IntegerRows.BT_IMM -> BitOps.bit(s, c, w0, w1, BitOps.TEST, true);
      case IntegerRows.BTS_IMM -> BitOps.bit(s, c, w0, w1, BitOps.SET, true);
      case IntegerRows.BTR_IMM -> BitOps.bit(s, c, w0, w1, BitOps.RESET, true);
      case IntegerRows.BTC_IMM -> BitOps.bit(s, c, w0, w1, BitOps.COMPLEMENT, true);
      case IntegerRows.BSF -> BitOps.scan(s, c, w0, w1, true);
      case IntegerRows.BSR -> BitOps.scan(s, c, w0, w1, false);
      case IntegerRows.TZCNT -> BitOps.tzcnt(s, c, w0, w1);
      case IntegerRows.LZCNT -> BitOps.lzcnt(s, c, w0, w1);
      case IntegerRows.POPCNT -> BitOps.popcnt(s, c, w0, w1);
      case IntegerRows.PUSHA -> Stack.pusha(s, c, w0);
      case IntegerRows.POPA -> Stack.popa(s, c, w0);
      case IntegerRows.ENTER -> Stack.enter(s, c, w0, w1);
      case IntegerRows.LOOP -> {
        return Branch.loop(s, w0, -1);
      }
      case IntegerRows.LOOPE -> {
        return Branch.loop(s, w0, 1);
      }
      case IntegerRows.LOOPNE -> {
        return Branch.loop(s, w0, 0);
      }
      case IntegerRows.JCXZ -> {
        return Branch.jcxz(s, w0);
      }
      default -> flagsAndDecimal(s, c, w0, w1, op);
    }
    return Block.TO_FALL;
  }

  private static void flagsAndDecimal(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case IntegerRows.CBW -> cbw(s, w0);
      case IntegerRows.CWD -> cwd(s, w0);
      case IntegerRows.SAHF -> sahf(s);
      case IntegerRows.LAHF -> lahf(s);
      case IntegerRows.CLC -> Flags.carry(s, false);
      case IntegerRows.STC -> Flags.carry(s, true);
      case IntegerRows.CMC -> Flags.carry(s, !Flags.cf(s));
      case IntegerRows.FENCE -> GuestRam.fullFence();
      // There are no caches, but the address must be readable.
      case IntegerRows.TOUCH -> SoftTlb.load8(s, c, Operand.address(s, c, w0, w1, 1));
      case IntegerRows.XLAT -> xlat(s, c, w0);
      case IntegerRows.MOV_LOAD_ABS -> {
        int size = Word.size(w0);
        Operand.setRegister(s, RAX, size, Operand.load(s, c, absolute(c, w0, w1), size));
      }
      case IntegerRows.MOV_STORE_ABS -> {
        int size = Word.size(w0);
        Operand.store(s, c, absolute(c, w0, w1), size, s.r[RAX]);
      }
      case IntegerRows.MOVBE_LOAD -> {
        int size = Word.size(w0);
        long v = Operand.load(s, c, Operand.address(s, c, w0, w1), size);
        Operand.setG(s, w0, size, BitOps.reversed(v, size));
      }
      case IntegerRows.MOVBE_STORE -> {
        int size = Word.size(w0);
        long v = BitOps.reversed(Operand.g(s, w0, size), size);
        Operand.store(s, c, Operand.address(s, c, w0, w1), size, v);
      }
      case IntegerRows.DAA -> Decimal.daa(s);
      case IntegerRows.DAS -> Decimal.das(s);
      case IntegerRows.AAA -> Decimal.aaa(s);
      case IntegerRows.AAS -> Decimal.aas(s);
      case IntegerRows.AAM -> Decimal.aam(s, c, (int) w1 & 0xff);
      case IntegerRows.AAD -> Decimal.aad(s, (int) w1 & 0xff);
      case IntegerRows.SALC -> Operand.setRegister(s, RAX, 0, Flags.cf(s) ? -1 : 0);
      case IntegerRows.BOUND -> bound(s, c, w0, w1);
      default -> throw c.ud();
    }
  }

  /** What SSE (immediate 1) or MMX raises while CR0 or CR4 disable it: #UD goes before #NM. */
  private static GuestFault noSse(X86Cpu c, long w1) {
    boolean noSupport = (w1 & 1) != 0 && (c.cr4 & Cr.CR4_OSFXSR) == 0;
    return (c.cr0 & Cr.CR0_EM) != 0 || noSupport ? c.ud() : c.exception(X86Cpu.NM);
  }

  private static long absolute(X86Cpu c, long w0, long w1) {
    int segment = Word.segment(w0);
    return segment < 0 ? w1 : Operand.linear(c, segment, w1, 1 << Word.size(w0));
  }

  /** With memory XCHG is atomic with or without LOCK. */
  private static void xchg(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long g = Operand.g(s, w0, size);
    if (!Word.isMemory(w0)) {
      long e = Operand.register(s, Word.rm(w0), size);
      Operand.setRegister(s, Word.rm(w0), size, g);
      Operand.setG(s, w0, size, e);
      return;
    }
    long gva = Operand.address(s, c, w0, w1);
    long host = SoftTlb.writableHost(s, c, gva, 1 << size);
    long e;
    if (host != 0 && c.shared) {
      e = Atomic.exchange(host, size, g);
    } else if (host != 0) {
      e = Alu.hostLoad(host, size);
      Alu.hostStore(host, size, g);
    } else {
      e = Operand.load(s, c, gva, size);
      Operand.store(s, c, gva, size, g);
    }
    Operand.setG(s, w0, size, e);
  }

  private static void xadd(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long g = Operand.g(s, w0, size);
    long e;
    long sum;
    if (Word.isMemory(w0)) {
      long gva = Operand.address(s, c, w0, w1);
      long host = SoftTlb.writableHost(s, c, gva, 1 << size);
      if (host != 0 && Atomic.isWanted(c, w0)) {
        e = Atomic.add(host, size, g);
        sum = Operand.sext(e + g, size);
      } else {
        e = host != 0 ? Alu.hostLoad(host, size) : Operand.load(s, c, gva, size);
        sum = Operand.sext(e + g, size);
        if (host != 0) {
          Alu.hostStore(host, size, sum);
        } else {
          Operand.store(s, c, gva, size, sum);
        }
      }
      Operand.setG(s, w0, size, e);
    } else {
      e = Operand.register(s, Word.rm(w0), size);
      sum = Operand.sext(e + g, size);
      Operand.setG(s, w0, size, e);
      Operand.setRegister(s, Word.rm(w0), size, sum);
    }
    Flags.add(s, e, g, sum);
  }

  /** The destination is written in both cases, so it must be writable in both. */
  private static void cmpxchg(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long a = Operand.register(s, RAX, size);
    long g = Operand.g(s, w0, size);
    long e;
    if (Word.isMemory(w0)) {
      long gva = Operand.address(s, c, w0, w1);
      long host = SoftTlb.writableHost(s, c, gva, 1 << size);
      if (host != 0 && Atomic.isWanted(c, w0)) {
        e = Atomic.compareExchange(host, size, a, g);
      } else {
        e = host != 0 ? Alu.hostLoad(host, size) : Operand.load(s, c, gva, size);
        long v = e == a ? g : e;
        if (host != 0) {
          Alu.hostStore(host, size, v);
        } else {
          Operand.store(s, c, gva, size, v);
        }
      }
    } else {
      e = Operand.register(s, Word.rm(w0), size);
      if (e == a) {
        Operand.setRegister(s, Word.rm(w0), size, g);
      }
    }
    if (e != a) {
      Operand.setRegister(s, RAX, size, e);
    }
    Flags.sub(s, a, e, Operand.sext(a - e, size));
  }

  private static void cmpxchg8b(X86State s, X86Cpu c, long w0, long w1) {
    long gva = Operand.address(s, c, w0, w1, 8);
    long host = SoftTlb.writableHost(s, c, gva, 8);
    long a = s.r[RDX] << 32 | (s.r[RAX] & 0xffff_ffffL);
    long wanted = s.r[RCX] << 32 | (s.r[RBX] & 0xffff_ffffL);
    long e;
    if (host != 0 && Atomic.isWanted(c, w0)) {
      e = Atomic.compareExchange(host, 3, a, wanted);
    } else {
      e = host != 0 ? GuestRam.hostLoad64(host) : SoftTlb.load64(s, c, gva);
      long v = e == a ? wanted : e;
      if (host != 0) {
        GuestRam.hostStore64(host, v);
      } else {
        SoftTlb.store64(s, c, gva, v);
      }
    }
    boolean equal = e == a;
    if (!equal) {
      s.r[RAX] = e & 0xffff_ffffL;
      s.r[RDX] = e >>> 32;
    }
    zero(s, equal);
  }

  private static void cmpxchg16b(X86State s, X86Cpu c, long w0, long w1) {
    long gva = Operand.address(s, c, w0, w1);
    if ((gva & 15) != 0) {
      throw c.gp(0);
    }
    if (Atomic.isWanted(c, w0)) {
      zero(s, Atomic.compareExchange16(s, c, gva));
      return;
    }
    // All of it: once the first half is stored nothing may start over.
    SoftTlb.writableHost(s, c, gva, 16);
    long low = SoftTlb.load64(s, c, gva);
    long high = SoftTlb.load64(s, c, gva + 8);
    boolean equal = low == s.r[RAX] && high == s.r[RDX];
    SoftTlb.store64(s, c, gva, equal ? s.r[RBX] : low);
    SoftTlb.store64(s, c, gva + 8, equal ? s.r[RCX] : high);
    if (!equal) {
      s.r[RAX] = low;
      s.r[RDX] = high;
    }
    zero(s, equal);
  }

  /** Sets ZF only. */
  private static void zero(X86State s, boolean zf) {
    boolean sf = Flags.sf(s);
    boolean pf = Flags.pf(s);
    s.fr = zf ? 0 : 0x100;
    s.fd = (sf ? Long.MIN_VALUE : 0) | (pf ? 0 : 1);
  }

  private static void cbw(X86State s, long w0) {
    int size = Word.size(w0);
    Operand.setRegister(s, RAX, size, Operand.register(s, RAX, size - 1));
  }

  private static void cwd(X86State s, long w0) {
    int size = Word.size(w0);
    Operand.setRegister(s, RDX, size, Operand.register(s, RAX, size) >> 63);
  }

  private static void sahf(X86State s) {
    boolean of = Flags.of(s);
    Flags.setArithmetic(s, (s.r[RAX] >> 8 & 0xd5) | (of ? Flags.OF : 0));
  }

  private static void lahf(X86State s) {
    long flags = (Flags.arithmetic(s) & 0xd5) | Flags.FIXED;
    s.r[RAX] = (s.r[RAX] & ~0xff00L) | flags << 8;
  }

  private static void xlat(X86State s, X86Cpu c, long w0) {
    long a = s.r[RBX] + (s.r[RAX] & 0xff);
    if ((w0 & Word.ADDR32) != 0) {
      a &= 0xffff_ffffL;
    } else if ((w0 & Word.ADDR16) != 0) {
      a &= 0xffff;
    }
    int segment = Word.segment(w0);
    if (segment >= 0) {
      a = Operand.linear(c, segment, a, 1);
    }
    Operand.setRegister(s, RAX, 0, SoftTlb.load8(s, c, a));
  }

  private static void bound(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long gva = Operand.address(s, c, w0, w1, 2 << size);
    long index = Operand.g(s, w0, size);
    long low = Operand.load(s, c, gva, size);
    long high = Operand.load(s, c, gva + (1 << size), size);
    if (index < low || index > high) {
      throw c.exception(X86Cpu.BR);
    }
  }
}
