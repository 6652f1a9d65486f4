package org.tuber.truffle.arm.decode;

import java.io.Serializable;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;

/** What an instruction does that goes on to the next one, or faults. */
@FunctionalInterface
public interface Step extends Serializable {
  void run(ArmState s, ArmCpu c, long w0, long w1);
}
