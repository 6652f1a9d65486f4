package org.tuber.devices.display;

/** What a video card shows at this moment. Called with the device lock held. */
public interface Display {
  /** Draws the present picture and sets the surface's size to it. */
  void render(DisplaySurface surface);

  /** The present picture's characters, a line for each row; empty unless in a text mode. */
  String text();

  /** Fills in what a text mode shows; false in other modes. */
  boolean render(TextScreen screen);
}
