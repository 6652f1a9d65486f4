package org.tuber.truffle.arm;

import com.oracle.truffle.api.CallTarget;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.exception.AbstractTruffleException;

/**
 * Truffle language {@code arm}: a source is the raw bytes of an AArch64 program. The language is
 * registered, so that embedders can ask for it; there is no CPU behind it yet, and parsing says so.
 */
@TruffleLanguage.Registration(
    id = ArmLanguage.ID,
    name = "arm",
    implementationName = "Tuber",
    byteMimeTypes = ArmLanguage.CODE,
    defaultMimeType = ArmLanguage.CODE,
    contextPolicy = TruffleLanguage.ContextPolicy.EXCLUSIVE)
public final class ArmLanguage extends TruffleLanguage<ArmLanguage.Context> {
  /** Language id. */
  public static final String ID = "arm";

  /** MIME type of raw code bytes. */
  public static final String CODE = "application/x-aarch64-code";

  /** One polyglot context; nothing is kept in it. */
  static final class Context {}

  private static final class NotExecutable extends AbstractTruffleException {
    private static final long serialVersionUID = 1L;

    NotExecutable() {
      super("AArch64 code is not executable yet");
    }
  }

  @Override
  protected Context createContext(Env env) {
    return new Context();
  }

  @Override
  protected CallTarget parse(ParsingRequest request) {
    throw new NotExecutable();
  }
}
