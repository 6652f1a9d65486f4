package org.tuber.core.backend;

/** The host side of keyboard and pointer: a window, a VNC client, a monitor command. */
public interface InputSource {
  /** Pointer button bit: left. */
  int BUTTON_LEFT = 1;

  /** Pointer button bit: right. */
  int BUTTON_RIGHT = 2;

  /** Pointer button bit: middle. */
  int BUTTON_MIDDLE = 4;

  /** What devices offer to input. Called on the machine's event loop, device lock held. */
  interface Sink {
    /** A key went down (also for each automatic repeat) or up. */
    default void key(KeyCode key, boolean down) {}

    /**
     * The pointer moved.
     *
     * @param dx to the right
     * @param dy downwards
     * @param wheel away from the user
     * @param buttons all buttons that are down now
     */
    default void pointer(int dx, int dy, int wheel, int buttons) {}
  }

  /** Sets who receives. */
  void setSink(Sink sink);
}
