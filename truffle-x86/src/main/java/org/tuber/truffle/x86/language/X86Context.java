package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import com.oracle.truffle.api.nodes.Node;
import java.util.ArrayList;
import java.util.List;

/** One polyglot context: its settings and the machines that live until it is closed. */
final class X86Context implements AutoCloseable {
  private static final ContextReference<X86Context> REFERENCE =
      ContextReference.create(X86Language.class);

  private final X86Language language;
  private final BareMetal.Settings settings;
  private final List<BareMetal> machines = new ArrayList<>();

  X86Context(X86Language language, BareMetal.Settings settings) {
    this.language = language;
    this.settings = settings;
  }

  static X86Context get(Node node) {
    return REFERENCE.get(node);
  }

  /** A machine with {@code program} loaded, having run it if the settings say so. */
  @TruffleBoundary
  Object evaluate(byte[] program) {
    BareMetal machine = new BareMetal(language, settings, program);
    synchronized (machines) {
      machines.add(machine);
    }
    if (settings.run()) {
      machine.start();
    }
    return machine;
  }

  @Override
  public void close() {
    synchronized (machines) {
      machines.forEach(BareMetal::close);
      machines.clear();
    }
  }
}
