package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.CallTarget;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.source.Source;
import java.util.Map;
import org.graalvm.options.OptionDescriptors;
import org.graalvm.options.OptionValues;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.interop.CodeRoot;
import org.tuber.truffle.engine.interop.ElfRoot;
import org.tuber.truffle.engine.interop.GuestContext;
import org.tuber.truffle.engine.interop.GuestException;
import org.tuber.truffle.engine.interop.GuestLibrary;
import org.tuber.truffle.engine.interop.GuestOptions;
import org.tuber.truffle.engine.interop.GuestProgram;
import org.tuber.truffle.engine.linux.ElfKind;
import org.tuber.truffle.x86.sys.CpuModel;

/**
 * Truffle language {@code x86}: a source is the bytes of a Linux program, of a shared library, or
 * of raw code.
 *
 * <p>Evaluating an ELF program runs it ({@link GuestProgram}); evaluating a shared library gives it
 * as an object whose members are its functions ({@link GuestLibrary}). Evaluating other bytes
 * builds a bare machine (flat RAM, one CPU at privilege level 0 in the mode of option {@code
 * x86.Mode}, no devices, no IDT), puts the bytes at the load address, runs until HLT, an exception,
 * or the end of the instruction budget, and returns the {@link BareMetal} as an object whose
 * members are the registers.
 */
@TruffleLanguage.Registration(
    id = X86Language.ID,
    name = "x86",
    implementationName = "Tuber",
    byteMimeTypes = {X86Language.CODE, X86Language.ELF},
    defaultMimeType = X86Language.CODE,
    contextPolicy = TruffleLanguage.ContextPolicy.EXCLUSIVE)
public final class X86Language extends TruffleLanguage<X86Context> {
  /** Language id. */
  public static final String ID = "x86";

  /** MIME type of raw code bytes. */
  public static final String CODE = "application/x-x86-code";

  /** MIME type of Linux programs and libraries; says that bytes are not code as such. */
  public static final String ELF = GuestContext.ELF;

  @Override
  protected X86Context createContext(Env env) {
    OptionValues options = env.getOptions();
    return new X86Context(this, env, settings(options), options.get(GuestOptions.SYSROOT));
  }

  @Override
  protected void finalizeContext(X86Context context) {
    context.finish();
  }

  private static BareMetal.Settings settings(OptionValues o) {
    int mode = o.get(X86Options.MODE);
    long memory = o.get(X86Options.MEMORY_SIZE);
    long load = o.get(X86Options.LOAD_ADDRESS);
    long stack = o.get(X86Options.STACK);
    String cpu = o.get(X86Options.CPU);
    Engine.Options tier = GuestOptions.engine(o);
    if (stack == X86Options.UNSET) {
      stack = mode == 16 ? 0xfff0 : memory;
    }
    try {
      return new BareMetal.Settings(
          mode,
          load,
          stack,
          memory,
          o.get(X86Options.INSTRUCTION_BUDGET),
          o.get(GuestOptions.RUN),
          tier,
          CpuModel.of(Map.of("model", cpu)));
    } catch (IllegalArgumentException e) {
      throw new GuestException(e.getMessage());
    }
  }

  @Override
  protected void disposeContext(X86Context context) {
    context.close();
  }

  @Override
  protected CallTarget parse(ParsingRequest request) {
    Source source = request.getSource();
    if (!source.hasBytes()) {
      throw new GuestException(
          "an x86 source is the bytes of a program: build it from a ByteSequence");
    }
    byte[] bytes = source.getBytes().toByteArray();
    if (ELF.equals(source.getMimeType()) || ElfKind.isElf(bytes)) {
      return new ElfRoot(this, X86Context.REFERENCE, source, bytes).getCallTarget();
    }
    return new CodeRoot(this, X86Context.REFERENCE, source.getName(), bytes).getCallTarget();
  }

  @Override
  protected OptionDescriptors getOptionDescriptors() {
    return X86Options.DESCRIPTORS;
  }
}
