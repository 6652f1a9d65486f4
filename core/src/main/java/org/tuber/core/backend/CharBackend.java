package org.tuber.core.backend;

/** The host side of a serial line: a terminal, a file, a socket. */
public interface CharBackend extends AutoCloseable {
  /**
   * What the device offers to incoming bytes. Called on the machine's event loop, device lock held.
   */
  interface Receiver {
    /** How many bytes the device can take now. */
    int canReceive();

    /** Hands over {@code length} bytes, at most what {@link #canReceive} said. */
    void receive(byte[] bytes, int offset, int length);
  }

  /** Sends one byte from the guest; does not block for long. */
  void write(byte value);

  /** Sets who receives; the backend keeps bytes until there is room. */
  void setReceiver(Receiver receiver);

  /** The device has room again: the backend may deliver what it kept. */
  void acceptInput();

  /** Writes out what is buffered. */
  void flush();

  @Override
  void close();
}
