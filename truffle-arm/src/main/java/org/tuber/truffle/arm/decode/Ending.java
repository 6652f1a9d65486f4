package org.tuber.truffle.arm.decode;

import java.io.Serializable;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;

/** What an instruction does that may end a block; gives one of the {@code Block.TO_} outcomes. */
@FunctionalInterface
public interface Ending extends Serializable {
  int run(ArmState s, ArmCpu c, long w0, long w1);
}
