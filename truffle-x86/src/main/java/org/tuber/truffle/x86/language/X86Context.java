package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import org.tuber.truffle.engine.interop.BareGuest;
import org.tuber.truffle.engine.interop.CallingConvention;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.LibraryProcess;
import org.tuber.truffle.x86.user.X86Linux;

/** One polyglot context and its settings. */
final class X86Context extends GuestContext {
  static final ContextReference<X86Context> REFERENCE = ContextReference.create(X86Language.class);

  private final X86Language language;
  private final BareMetal.Settings settings;

  X86Context(
      X86Language language, TruffleLanguage.Env env, BareMetal.Settings settings, String sysroot) {
    super(env, new Settings(X86Language.ID, sysroot, settings.tier(), settings.run()));
    this.language = language;
    this.settings = settings;
  }

  @Override
  protected BareGuest machine(byte[] program) {
    return new BareMetal(language, settings, program);
  }

  @Override
  protected Architecture architecture() {
    return new X86Linux(settings.model());
  }

  @Override
  protected CallingConvention convention(LibraryProcess process) {
    return X86Convention.of(process);
  }
}
