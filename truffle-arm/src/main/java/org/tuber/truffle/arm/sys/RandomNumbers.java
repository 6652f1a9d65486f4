package org.tuber.truffle.arm.sys;

import java.security.SecureRandom;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Nzcv;

/** RNDR and RNDRRS (FEAT_RNG): numbers from the host; never fails, so the flags are cleared. */
public final class RandomNumbers {
  private static final SecureRandom SOURCE = new SecureRandom();

  private RandomNumbers() {}

  /** A number. */
  public static long next(ArmCpu c) {
    Nzcv.set(c.home, 0);
    return SOURCE.nextLong();
  }
}
