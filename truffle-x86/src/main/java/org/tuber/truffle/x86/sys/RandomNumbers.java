package org.tuber.truffle.x86.sys;

import java.security.SecureRandom;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86State;

/**
 * RDRAND and RDSEED (SDM vol. 2; vol. 1, 7.3.17). Numbers come from the host's generator and never
 * run out: CF is always set.
 */
final class RandomNumbers {
  private static final SecureRandom SOURCE = new SecureRandom();

  private RandomNumbers() {}

  static void next(X86State s, long w0) {
    Operand.setRegister(s, Word.rm(w0), Word.size(w0), SOURCE.nextLong());
    Flags.setArithmetic(s, Flags.CF);
  }
}
