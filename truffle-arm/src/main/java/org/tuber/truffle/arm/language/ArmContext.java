package org.tuber.truffle.arm.language;

import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.TruffleLanguage.ContextReference;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.arm.user.ArmLinux;
import org.tuber.truffle.engine.interop.CallingConvention;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.LibraryProcess;

/** One polyglot context of {@link ArmLanguage}. */
final class ArmContext extends GuestContext {
  static final ContextReference<ArmContext> REFERENCE = ContextReference.create(ArmLanguage.class);

  private final CpuModel model;

  ArmContext(TruffleLanguage.Env env, Settings settings, CpuModel model) {
    super(env, settings);
    this.model = model;
  }

  @Override
  protected Architecture architecture() {
    return new ArmLinux(model);
  }

  @Override
  protected CallingConvention convention(LibraryProcess process) {
    return new Aapcs64(process);
  }
}
