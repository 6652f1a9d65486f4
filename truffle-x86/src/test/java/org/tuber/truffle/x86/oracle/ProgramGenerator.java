package org.tuber.truffle.x86.oracle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.SplittableRandom;
import org.tuber.truffle.x86.decode.Row;

/**
 * Straight programs of many instructions, for the tier that compiles. Registers that an instruction
 * needs are loaded by MOVs in front of it; every instruction is tried on the host as soon as it is
 * appended, so that a program runs to its end or faults in its last instruction.
 */
final class ProgramGenerator {
  /** A program that fails before it was ever compiled; see {@link #make}. */
  static final class EarlyDifference extends Exception {
    private static final long serialVersionUID = 1L;

    final transient Sample program;

    EarlyDifference(Sample program, String difference) {
      super(difference);
      this.program = program;
    }
  }

  private static final int MOV_BYTES = 10;
  private static final int STORE_BYTES = 11;
  private static final int PUSH_BYTES = 5;
  private static final int MAX_BYTES = 1000;
  private static final int ATTEMPTS = 6;

  /** From the first byte of a branch to the first place it may go to. */
  private static final int BRANCH_BYTES = 16;

  /** CMP RAX,RCX: gives the flags a value after an instruction that leaves them undefined. */
  private static final byte[] DEFINE_FLAGS = {0x48, 0x39, (byte) 0xc8};

  private final SplittableRandom random;
  private final Values values;
  private final Oracle oracle;
  private Sample program;
  private CpuState now;

  /** Registers whose initial values the first instruction relies on. */
  private int firstPins;

  ProgramGenerator(SplittableRandom random, Oracle oracle) {
    this.random = random;
    this.values = new Values(random);
    this.oracle = oracle;
  }

  /** Whether programs may have the row. */
  static boolean isSuitable(Encoding e) {
    return !e.has(Row.SYSTEM) && !Judgement.hasLiberties(e);
  }

  /**
   * A program of up to {@code length} instructions.
   *
   * @throws EarlyDifference when the interpreter already disagrees with the host
   */
  Sample make(Iterator<Encoding> rows, int length) throws EarlyDifference {
    CpuState state = new CpuState();
    values.fill(state);
    if (values.once(2)) {
      state.mxcsr = 0x1fa0;
      state.fcw = 0x37f;
      state.fsw &= 0x3800;
    }
    int at = values.once(4) ? 4096 - 100 - values.below(100) : 256 + values.below(500);
    state.rip = CpuState.CODE + at;
    program = new Sample(null, true, new byte[0], at, state);
    program.steps = new ArrayList<>();
    now = state.copy();
    while (program.steps.size() < length && program.bytes.length < MAX_BYTES) {
      Encoding e = rows.next();
      for (int i = 0; i < ATTEMPTS; i++) {
        if (append(e)) {
          break;
        }
      }
      if (now == null) {
        break;
      }
    }
    return program;
  }

  private boolean append(Encoding e) throws EarlyDifference {
    long seed = random.nextLong();
    boolean first = program.steps.isEmpty();
    int from = program.bytes.length;
    int gap = values.below(4);
    int loads = 0;
    if (!first) {
      // Once to see which registers have to be loaded, once more at the right place.
      CpuState probe = now.copy();
      loads = make(e, seed, program.at + from, gap, probe).pinned();
      for (int i = 0; i < 16; i++) {
        loads |= probe.r[i] != now.r[i] ? 1 << i : 0;
      }
    }
    int at = program.at + from + (first ? 0 : prefixBytes(e, loads));
    CpuState wanted = now.copy();
    SampleGenerator generator = make(e, seed, at, gap, wanted);
    Sample sample = generator.last();
    if (!first && !isReachable(wanted) || first && isReturn(e)) {
      return false;
    }
    byte[] prefix = first ? new byte[0] : prefix(e, loads, wanted, sample);
    Sample trial = program.copy();
    trial.steps = new ArrayList<>(program.steps);
    if (first) {
      firstPins = generator.pinned();
      trial.in = wanted;
      trial.in.rip = CpuState.CODE + trial.at;
    }
    byte[] padding = padding(e, sample, gap);
    trial.bytes = concatenate(program.bytes, prefix, sample.bytes, padding);
    trial.steps.add(new Sample.Step(from, trial.bytes.length, e));
    return accept(trial);
  }

  private static SampleGenerator make(Encoding e, long seed, int at, int gap, CpuState state) {
    SampleGenerator generator = new SampleGenerator(new SplittableRandom(seed));
    generator.setBranchTarget(CpuState.CODE + at + BRANCH_BYTES + gap);
    Sample unused = generator.make(e, true, at, state);
    return generator;
  }

  private static boolean isBranch(Encoding e) {
    return (e.row.attributes >> Row.KIND_SHIFT & 15) != 0;
  }

  private static boolean isReturn(Encoding e) {
    return e.mnemonic().equals("ret");
  }

  private static boolean loadsControl(Encoding e) {
    return e.mnemonic().equals("ldmxcsr") || e.mnemonic().equals("fldcw");
  }

  /** False for what only another initial state could give. */
  private boolean isReachable(CpuState wanted) {
    return wanted.fsBase == now.fsBase
        && wanted.gsBase == now.gsBase
        && Arrays.equals(wanted.x, now.x)
        && Arrays.equals(wanted.yh, now.yh)
        && Arrays.equals(wanted.significand, now.significand);
  }

  private static int prefixBytes(Encoding e, int loads) {
    int bytes = MOV_BYTES * Integer.bitCount(loads);
    bytes += isReturn(e) ? PUSH_BYTES : 0;
    bytes += loadsControl(e) ? STORE_BYTES : 0;
    return bytes;
  }

  /** Loads of registers, and of memory where the instruction needs a certain value there. */
  private static byte[] prefix(Encoding e, int loads, CpuState wanted, Sample sample) {
    byte[] b = new byte[prefixBytes(e, loads)];
    int n = 0;
    if (loadsControl(e)) {
      // mov dword [address], value
      b[n++] = (byte) 0xc7;
      b[n++] = 0x04;
      b[n++] = 0x25;
      n = put(b, n, sample.areaAddress, 4);
      n = put(b, n, word(wanted.data, sample.areaAddress - CpuState.DATA), 4);
    }
    for (int i = 0; i < 16; i++) {
      if ((loads >> i & 1) != 0) {
        b[n++] = (byte) (i < 8 ? 0x48 : 0x49);
        b[n++] = (byte) (0xb8 + (i & 7));
        n = put(b, n, wanted.r[i], 8);
      }
    }
    if (isReturn(e)) {
      // push imm32: the address behind the instruction
      b[n++] = 0x68;
      put(b, n, CpuState.CODE + sample.at + sample.bytes.length, 4);
    }
    return b;
  }

  private static long word(byte[] data, long at) {
    long v = 0;
    for (int i = 0; i < 4 && at >= 0 && at + i < data.length; i++) {
      v |= (data[(int) at + i] & 0xffL) << (8 * i);
    }
    return v;
  }

  private static int put(byte[] b, int n, long v, int bytes) {
    for (int i = 0; i < bytes; i++) {
      b[n + i] = (byte) (v >>> (8 * i));
    }
    return n + bytes;
  }

  /** What follows the instruction: NOPs up to a branch's target, or a definition of the flags. */
  private static byte[] padding(Encoding e, Sample sample, int gap) {
    if (isBranch(e) && !isReturn(e)) {
      byte[] nops = new byte[BRANCH_BYTES + gap - sample.bytes.length];
      Arrays.fill(nops, (byte) 0x90);
      return nops;
    }
    return Judgement.leavesFlagsUndefined(e) ? DEFINE_FLAGS : new byte[0];
  }

  private static byte[] concatenate(byte[]... parts) {
    int length = 0;
    for (byte[] p : parts) {
      length += p.length;
    }
    byte[] all = new byte[length];
    int n = 0;
    for (byte[] p : parts) {
      System.arraycopy(p, 0, all, n, p.length);
      n += p.length;
    }
    return all;
  }

  private boolean accept(Sample trial) throws EarlyDifference {
    String difference = oracle.run(trial);
    if (difference.equals(Oracle.UNSAFE) || (oracle.hostOut.mxcsr & SaveAreas.MISALIGNED) != 0) {
      return false;
    }
    if (!difference.isEmpty()) {
      throw new EarlyDifference(trial, difference);
    }
    CpuState out = oracle.hostOut;
    boolean ran =
        out.vector == CpuState.BREAKPOINT
            && out.rip == CpuState.CODE + trial.at + trial.bytes.length + 1;
    if (!ran && (trial.steps.size() < 6 || !values.once(12))) {
      return false;
    }
    program = trial;
    now = ran ? out.copy() : null;
    return true;
  }

  /** Gives everything that the last program does not rely on other values. */
  CpuState variant(Sample p) {
    CpuState s = p.in.copy();
    CpuState fresh = new CpuState();
    values.fill(fresh);
    int changes = values.below(3);
    if (changes > 0) {
      System.arraycopy(fresh.x, 0, s.x, 0, 32);
      System.arraycopy(fresh.yh, 0, s.yh, 0, 32);
      s.rflags = fresh.rflags;
    }
    if (changes > 1) {
      s.mxcsr = fresh.mxcsr;
      s.fcw = fresh.fcw;
      s.fsw = fresh.fsw;
      s.tags = fresh.tags;
      System.arraycopy(fresh.significand, 0, s.significand, 0, 8);
      System.arraycopy(fresh.signExponent, 0, s.signExponent, 0, 8);
    }
    System.arraycopy(fresh.data, 0, s.data, 0, CpuState.DATA_BYTES);
    for (int i = 0; i < 16; i++) {
      s.r[i] = (firstPins >> i & 1) != 0 ? s.r[i] : fresh.r[i];
    }
    return s;
  }
}
