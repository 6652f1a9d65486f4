package org.tuber.core.irq;

/** Where message-signalled interrupts go: a write of {@code data} to {@code address}. */
@FunctionalInterface
public interface MsiSink {
  /** Delivers one message. */
  void send(long address, int data);
}
