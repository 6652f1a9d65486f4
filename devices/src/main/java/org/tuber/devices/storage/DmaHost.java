package org.tuber.devices.storage;

import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.RamPieces;

/** A controller's side of the cable whose DMA goes through a list of regions in guest memory. */
abstract class DmaHost implements AtaDrive.Host {
  final DmaView memory;

  DmaHost(DmaView memory) {
    this.memory = memory;
  }

  /** Something done with bytes {@code at} to {@code at + n} of a transfer. */
  interface Step {
    void at(long gpa, int at, int n);
  }

  /** Takes steps along the list; gives how many of the bytes found a region. */
  abstract int move(int length, Step step);

  /** The place in the list, as what leads back there. */
  abstract Runnable place();

  @Override
  public final int toMemory(byte[] bytes, int offset, int length) {
    return move(length, (gpa, at, n) -> memory.write(gpa, bytes, offset + at, n));
  }

  @Override
  public final int fromMemory(byte[] bytes, int offset, int length) {
    return move(length, (gpa, at, n) -> memory.read(gpa, bytes, offset + at, n));
  }

  @Override
  public final boolean toMemoryAtOnce(int length, RamPieces.Source source) {
    Runnable back = place();
    RamPieces pieces = memory.pieces();
    int found = move(length, (gpa, at, n) -> pieces.add(gpa, n));
    // What is no RAM is missing among the pieces.
    boolean done = found == length && pieces.bytes() == length && pieces.fill(source);
    if (!done) {
      back.run();
    }
    return done;
  }
}
