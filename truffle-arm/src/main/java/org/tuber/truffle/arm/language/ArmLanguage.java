package org.tuber.truffle.arm.language;

import com.oracle.truffle.api.CallTarget;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.source.Source;
import java.util.Map;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionValues;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.interop.ElfRoot;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.interop.GuestException;
import org.tuber.truffle.engine.interop.GuestOptions;
import org.tuber.truffle.engine.linux.ElfKind;

/**
 * Truffle language {@code arm}: a source is the bytes of a Linux program or of a shared library for
 * AArch64. Evaluating a program runs it; evaluating a library gives it as an object whose members
 * are its functions.
 */
@TruffleLanguage.Registration(
    id = ArmLanguage.ID,
    name = "arm",
    implementationName = "Tuber",
    byteMimeTypes = ArmLanguage.ELF,
    defaultMimeType = ArmLanguage.ELF,
    contextPolicy = TruffleLanguage.ContextPolicy.EXCLUSIVE)
public final class ArmLanguage extends TruffleLanguage<ArmContext> {
  /** Language id. */
  public static final String ID = "arm";

  /** MIME type of Linux programs and libraries. */
  public static final String ELF = GuestContext.ELF;

  @Override
  protected ArmContext createContext(Env env) {
    OptionValues options = env.getOptions();
    GuestContext.Settings settings =
        new GuestContext.Settings(
            ID,
            options.get(GuestOptions.SYSROOT),
            GuestOptions.engine(options),
            options.get(GuestOptions.RUN));
    CpuModel model = CpuModel.of(Map.of("model", options.get(ArmOptions.CPU)));
    return new ArmContext(env, settings, model);
  }

  @Override
  protected void finalizeContext(ArmContext context) {
    context.finish();
  }

  @Override
  protected void disposeContext(ArmContext context) {
    context.close();
  }

  @Override
  protected CallTarget parse(ParsingRequest request) {
    Source source = request.getSource();
    byte[] bytes = source.hasBytes() ? source.getBytes().toByteArray() : new byte[0];
    if (!ElfKind.isElf(bytes)) {
      throw new GuestException(
          "an arm source is the bytes of a Linux program or library: build it from a file or a"
              + " ByteSequence");
    }
    return new ElfRoot(this, ArmContext.REFERENCE, source, bytes).getCallTarget();
  }

  @Override
  protected OptionDescriptors getOptionDescriptors() {
    return ArmOptions.DESCRIPTORS;
  }
}
