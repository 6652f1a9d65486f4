package org.tuber.truffle.arm.sys;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.engine.GuestFault;

/** The table of system registers (Arm ARM D17), by encoding and by name. */
public final class SystemRegisters {
  private static final Logger LOG = LoggerFactory.getLogger(SystemRegisters.class);
  private static final int MAX_REPORTS = 256;
  private static final Set<Integer> REPORTED = ConcurrentHashMap.newKeySet();

  private static final SystemRegister[] BY_KEY = new SystemRegister[1 << 16];
  private static final Map<String, SystemRegister> BY_NAME = new HashMap<>();

  static {
    IdentificationRegisters.addAll();
    El1Registers.addAll();
    UpperLevelRegisters.addAll();
    DebugRegisters.addAll();
    TimerRegisters.addAll();
  }

  private SystemRegisters() {}

  static SystemRegister add(String name, int op0, int op1, int crn, int crm, int op2) {
    SystemRegister r = new SystemRegister(name, op0, op1, crn, crm, op2);
    if (BY_KEY[r.key] != null || BY_NAME.put(name.toLowerCase(Locale.ROOT), r) != null) {
      throw new IllegalStateException(name + " is registered twice");
    }
    BY_KEY[r.key] = r;
    return r;
  }

  /** The encoding in an MRS, MSR or SYS instruction: op0, op1, CRn, CRm, op2. */
  public static int key(long insn) {
    return (int) (insn >>> 5) & 0xffff;
  }

  // ---------------------------------------------------------------- MRS, MSR

  /** MRS: {@code insn} is the instruction. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public static long read(ArmCpu c, long insn) {
    int key = key(insn);
    SystemRegister r = BY_KEY[key];
    if (r != null && r.existsFor(c) && r.isPermitted(c, true)) {
      if (r.isTrappedFromEl0(c)) {
        throw trap(c, insn, true);
      }
      checkTrap(c, r, insn, true);
      return r.read(c);
    }
    if (c.platform.hasSystemRegister(key)) {
      if (c.el == 0) {
        throw c.undefined();
      }
      return c.platform.readSystemRegister(key, c.el);
    }
    if (isIdentification(key) && c.el > 0) {
      return 0;
    }
    if (r == null) {
      report(c, key, "read");
    }
    throw c.undefined();
  }

  /** MSR: {@code insn} is the instruction. */
  public static void write(ArmCpu c, long insn, long value) {
    int key = key(insn);
    SystemRegister r = BY_KEY[key];
    if (r != null && r.existsFor(c) && r.isPermitted(c, false)) {
      if (r.isTrappedFromEl0(c)) {
        throw trap(c, insn, false);
      }
      checkTrap(c, r, insn, false);
      r.write(c, value);
      return;
    }
    if (c.platform.hasSystemRegister(key) && c.el > 0) {
      c.platform.writeSystemRegister(key, value, c.el);
      return;
    }
    if (r == null) {
      report(c, key, "write");
    }
    throw c.undefined();
  }

  private static void checkTrap(ArmCpu c, SystemRegister r, long insn, boolean isRead) {
    int level = r.trapLevel(c);
    if (level != 0) {
      trap(c, insn, isRead);
      c.fault.address = level;
      throw c.fault;
    }
  }

  /** The space of identification registers reads as zero where none is allocated. */
  private static boolean isIdentification(int key) {
    return key >>> 7 == SystemRegister.key(3, 0, 0, 0, 0) >>> 7 && (key >>> 3 & 15) <= 7;
  }

  private static void report(ArmCpu c, int key, String what) {
    if (REPORTED.size() < MAX_REPORTS && REPORTED.add(key)) {
      LOG.warn(
          "{} of unknown system register S{}_{}_C{}_C{}_{} at 0x{}: undefined",
          what,
          key >>> 14,
          key >>> 11 & 7,
          key >>> 7 & 15,
          key >>> 3 & 15,
          key & 7,
          Long.toHexString(c.home.pc + c.home.pcOffset));
    }
  }

  /** The trap of MRS, MSR and SYS from EL0, ready to throw. */
  public static GuestFault trap(ArmCpu c, long insn, boolean isRead) {
    int key = key(insn);
    long iss = (long) (key >>> 14 & 3) << 20 | (long) (key & 7) << 17;
    iss |= (key >>> 11 & 7) << 14 | (key >>> 7 & 15) << 10 | (key >>> 3 & 15) << 1;
    return c.exception(Syndrome.SYSTEM_REGISTER, iss | (insn & 31) << 5 | (isRead ? 1 : 0));
  }

  // ---------------------------------------------------------------- debuggers

  /** Reads the register with the manual's name in lower case. */
  public static long read(ArmCpu c, String name) {
    return named(name).read(c);
  }

  /** Writes the register with the manual's name in lower case. */
  public static void write(ArmCpu c, String name, long value) {
    named(name).write(c, value);
  }

  private static SystemRegister named(String name) {
    SystemRegister r = BY_NAME.get(name);
    if (r == null) {
      throw new IllegalArgumentException("no register '" + name + "'");
    }
    return r;
  }

  /** State after reset: the highest level that exists, everything masked, MMU off. */
  public static void reset(ArmCpu c) {
    Arrays.fill(c.sys, 0);
    Arrays.fill(c.sp, 0);
    Arrays.fill(c.elr, 0);
    Arrays.fill(c.spsr, 0);
    for (SystemRegister r : BY_NAME.values()) {
      r.reset(c);
    }
  }
}
