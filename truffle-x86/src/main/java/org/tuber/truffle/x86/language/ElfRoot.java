package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.RootNode;

/** What parsing an ELF file gives: each call starts the program or loads the library anew. */
final class ElfRoot extends RootNode {
  private final String name;
  private final String path;

  @CompilationFinal(dimensions = 0)
  private final byte[] image;

  ElfRoot(X86Language language, String name, String path, byte[] image) {
    super(language);
    this.name = name;
    this.path = path;
    this.image = image;
  }

  @Override
  public Object execute(VirtualFrame frame) {
    return X86Context.get(this).evaluateElf(name, path, image);
  }

  @Override
  public String getName() {
    return name;
  }
}
