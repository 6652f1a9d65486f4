package org.tuber.devices.character;

import org.tuber.core.backend.CharBackend;

/** A line that leads nowhere. */
public final class NullCharBackend implements CharBackend {
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
