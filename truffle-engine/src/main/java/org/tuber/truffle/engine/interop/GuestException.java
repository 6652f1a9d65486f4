package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.exception.AbstractTruffleException;

/** A mistake of the embedder: no program bytes, a setting that does not fit. */
public final class GuestException extends AbstractTruffleException {
  private static final long serialVersionUID = 1L;

  public GuestException(String message) {
    super(message);
  }
}
