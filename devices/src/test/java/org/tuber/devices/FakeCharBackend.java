package org.tuber.devices;

import java.util.ArrayDeque;
import java.util.Deque;
import org.tuber.core.backend.CharBackend;

/** A line whose far end is a test: keeps output, and feeds input as the device makes room. */
public final class FakeCharBackend implements CharBackend {
  public final StringBuilder output = new StringBuilder();
  private final Deque<Byte> input = new ArrayDeque<>();
  private Receiver receiver;

  /** Types text. */
  public void type(String text) {
    for (int i = 0; i < text.length(); i++) {
      input.add((byte) text.charAt(i));
    }
    acceptInput();
  }

  @Override
  public void write(byte value) {
    output.append((char) (value & 0xff));
  }

  @Override
  public void setReceiver(Receiver newReceiver) {
    receiver = newReceiver;
  }

  @Override
  public void acceptInput() {
    while (!input.isEmpty() && receiver.canReceive() > 0) {
      receiver.receive(new byte[] {input.remove()}, 0, 1);
    }
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
