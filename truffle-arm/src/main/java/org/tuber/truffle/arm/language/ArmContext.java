package org.tuber.truffle.arm.language;

import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import org.tuber.truffle.arm.user.ArmLinux;
import org.tuber.truffle.engine.interop.BareGuest;
import org.tuber.truffle.engine.interop.CallingConvention;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.LibraryProcess;

/** One polyglot context and its settings. */
final class ArmContext extends GuestContext {
  static final ContextReference<ArmContext> REFERENCE = ContextReference.create(ArmLanguage.class);

  private final ArmLanguage language;
  private final BareMetal.Settings settings;

  ArmContext(
      ArmLanguage language, TruffleLanguage.Env env, BareMetal.Settings settings, String sysroot) {
    super(env, new Settings(ArmLanguage.ID, sysroot, settings.tier(), settings.run()));
    this.language = language;
    this.settings = settings;
  }

  @Override
  protected BareGuest machine(byte[] program) {
    return new BareMetal(language, settings, program);
  }

  @Override
  protected Architecture architecture() {
    return new ArmLinux(settings.model());
  }

  @Override
  protected CallingConvention convention(LibraryProcess process) {
    return new Aapcs64(process);
  }
}
