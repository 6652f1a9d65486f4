package org.tuber.machine;

import org.tuber.core.backend.CharBackend;

/** A line that nobody listens at. */
final class NullCharBackend implements CharBackend {
  @Override
  public void write(byte value) {}

  @Override
  public void setReceiver(Receiver receiver) {}

  @Override
  public void acceptInput() {}

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
