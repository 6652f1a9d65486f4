package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.RootNode;
import com.oracle.truffle.api.source.Source;

/** What parsing an ELF file gives: each call starts the program or loads the library anew. */
public final class ElfRoot extends RootNode {
  private final ContextReference<? extends GuestContext> context;
  private final String name;
  private final String path;

  @CompilationFinal(dimensions = 0)
  private final byte[] image;

  public ElfRoot(
      TruffleLanguage<?> language,
      ContextReference<? extends GuestContext> context,
      Source source,
      byte[] image) {
    super(language);
    this.context = context;
    name = source.getName();
    path = source.getPath();
    this.image = image;
  }

  @Override
  public Object execute(VirtualFrame frame) {
    return context.get(this).evaluateElf(name, path, image);
  }

  @Override
  public String getName() {
    return name;
  }
}
