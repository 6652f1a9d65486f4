package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.RootNode;

/** What parsing gives: each call makes a machine of its own with the program loaded. */
final class ProgramRoot extends RootNode {
  private final String name;

  @CompilationFinal(dimensions = 0)
  private final byte[] program;

  ProgramRoot(X86Language language, String name, byte[] program) {
    super(language);
    this.name = name;
    this.program = program;
  }

  @Override
  public Object execute(VirtualFrame frame) {
    return X86Context.get(this).evaluate(program);
  }

  @Override
  public String getName() {
    return name;
  }
}
