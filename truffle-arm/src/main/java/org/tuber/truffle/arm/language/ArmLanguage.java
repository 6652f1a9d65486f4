package org.tuber.truffle.arm.language;

import com.oracle.truffle.api.CallTarget;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.source.Source;
import java.util.Map;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionValues;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.interop.CodeRoot;
import org.tuber.truffle.engine.interop.ElfRoot;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.interop.GuestException;
import org.tuber.truffle.engine.interop.GuestOptions;
import org.tuber.truffle.engine.linux.ElfKind;

/**
 * Truffle language {@code arm}: a source is the bytes of a Linux program, of a shared library, or
 * of raw code, for AArch64. Evaluating a program runs it; evaluating a library gives it as an
 * object whose members are its functions. Evaluating other bytes builds a bare machine, puts them
 * at its load address, runs until WFI, an exception or the end of the instruction budget, and
 * returns the {@link BareMetal} as an object whose members are the registers.
 */
@TruffleLanguage.Registration(
    id = ArmLanguage.ID,
    name = "arm",
    implementationName = "Tuber",
    byteMimeTypes = {ArmLanguage.CODE, ArmLanguage.ELF},
    defaultMimeType = ArmLanguage.CODE,
    contextPolicy = TruffleLanguage.ContextPolicy.EXCLUSIVE)
public final class ArmLanguage extends TruffleLanguage<ArmContext> {
  /** Language id. */
  public static final String ID = "arm";

  /** MIME type of raw code bytes. */
  public static final String CODE = "application/x-arm-code";

  /** MIME type of Linux programs and libraries; says that bytes are not code as such. */
  public static final String ELF = GuestContext.ELF;

  @Override
  protected ArmContext createContext(Env env) {
    OptionValues options = env.getOptions();
    return new ArmContext(this, env, settings(options), options.get(GuestOptions.SYSROOT));
  }

  private static BareMetal.Settings settings(OptionValues o) {
    long memory = o.get(ArmOptions.MEMORY_SIZE);
    long stack = o.get(ArmOptions.STACK);
    try {
      return new BareMetal.Settings(
          o.get(ArmOptions.LOAD_ADDRESS),
          stack == ArmOptions.UNSET ? memory : stack,
          memory,
          o.get(ArmOptions.INSTRUCTION_BUDGET),
          o.get(GuestOptions.RUN),
          GuestOptions.engine(o),
          CpuModel.of(Map.of("model", o.get(ArmOptions.CPU))));
    } catch (IllegalArgumentException e) {
      throw new GuestException(e.getMessage());
    }
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
    if (!source.hasBytes()) {
      throw new GuestException(
          "an arm source is the bytes of a program: build it from a file or a ByteSequence");
    }
    byte[] bytes = source.getBytes().toByteArray();
    if (ELF.equals(source.getMimeType()) || ElfKind.isElf(bytes)) {
      return new ElfRoot(this, ArmContext.REFERENCE, source, bytes).getCallTarget();
    }
    return new CodeRoot(this, ArmContext.REFERENCE, source.getName(), bytes).getCallTarget();
  }

  @Override
  protected OptionDescriptors getOptionDescriptors() {
    return ArmOptions.DESCRIPTORS;
  }
}
