package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.exception.AbstractTruffleException;
import com.oracle.truffle.api.interop.ExceptionType;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;

/** A guest program ended with a status other than 0, or a library called exit. */
@ExportLibrary(InteropLibrary.class)
final class GuestExit extends AbstractTruffleException {
  private static final long serialVersionUID = 1L;

  private final int status;

  GuestExit(String message, int status) {
    super(message);
    this.status = status;
  }

  @ExportMessage
  ExceptionType getExceptionType() {
    return ExceptionType.EXIT;
  }

  @ExportMessage
  int getExceptionExitStatus() {
    return status;
  }
}
