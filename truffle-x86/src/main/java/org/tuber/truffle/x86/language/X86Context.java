package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import com.oracle.truffle.api.nodes.Node;
import java.util.ArrayList;
import java.util.List;
import org.tuber.truffle.engine.interop.CallingConvention;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.x86.user.X86Linux;

/** One polyglot context: its settings, and the machines and libraries that live until its end. */
final class X86Context extends GuestContext {
  static final ContextReference<X86Context> REFERENCE = ContextReference.create(X86Language.class);

  private final X86Language language;
  private final BareMetal.Settings settings;
  private final List<BareMetal> machines = new ArrayList<>();

  X86Context(
      X86Language language, TruffleLanguage.Env env, BareMetal.Settings settings, String sysroot) {
    super(env, new Settings(X86Language.ID, sysroot, settings.tier(), settings.run()));
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
  protected Architecture architecture() {
    return new X86Linux(settings.model());
  }

  @Override
  protected CallingConvention convention(LibraryProcess process) {
    return X86Convention.of(process);
  }

  @Override
  public void close() {
    synchronized (machines) {
      machines.forEach(BareMetal::close);
      machines.clear();
    }
    super.close();
  }
}
