package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.RootNode;

/** What parsing raw code gives: each call makes a machine of its own with the program loaded. */
public final class CodeRoot extends RootNode {
  private final ContextReference<? extends GuestContext> context;
  private final String name;

  @CompilationFinal(dimensions = 0)
  private final byte[] program;

  public CodeRoot(
      TruffleLanguage<?> language,
      ContextReference<? extends GuestContext> context,
      String name,
      byte[] program) {
    super(language);
    this.context = context;
    this.name = name;
    this.program = program;
  }

  @Override
  public Object execute(VirtualFrame frame) {
    return context.get(this).evaluateCode(program);
  }

  @Override
  public String getName() {
    return name;
  }
}
