package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.exception.AbstractTruffleException;

/** A mistake of the embedder: no program bytes, a setting that does not fit. */
final class X86Exception extends AbstractTruffleException {
  private static final long serialVersionUID = 1L;

  X86Exception(String message) {
    super(message);
  }
}
