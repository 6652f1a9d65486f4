package org.tuber.devices.display;

import java.util.concurrent.BlockingQueue;
import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;

/** Says what keys and pointer do, in words. */
public record RecordedInput(BlockingQueue<String> events) implements InputSource.Sink {
  @Override
  public void key(KeyCode key, boolean down) {
    events.add(key.qcode() + (down ? " down" : " up"));
  }

  @Override
  public void pointer(int dx, int dy, int wheel, int buttons) {
    events.add("pointer " + dx + " " + dy + " " + wheel + " " + buttons);
  }
}
