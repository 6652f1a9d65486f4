package org.tuber.machine.board;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletionException;
import org.tuber.core.backend.BlockBackend;
import org.tuber.machine.MachineException;

/** What an image of {@code -drive if=pflash} holds when the machine is built. */
public final class FlashContents {
  private FlashContents() {}

  /**
   * Reads an image in full.
   *
   * @param image null for a drive without file
   * @param bank for messages
   * @param maxBytes size of the bank
   */
  public static byte[] read(BlockBackend image, int bank, int maxBytes) throws MachineException {
    String option = "-drive if=pflash,unit=" + bank;
    if (image == null) {
      throw new MachineException(option + ": needs file=");
    }
    if (image.lengthBytes() > maxBytes) {
      throw new MachineException(
          "%s: a flash bank has %d MiB, the image is bigger".formatted(option, maxBytes >> 20));
    }
    byte[] contents = new byte[(int) image.lengthBytes()];
    try (Arena arena = Arena.ofShared()) {
      MemorySegment all = arena.allocate(Math.max(1, contents.length));
      image.read(0, all.asSlice(0, contents.length)).join();
      MemorySegment.copy(all, 0, MemorySegment.ofArray(contents), 0, contents.length);
    } catch (CompletionException e) {
      throw new MachineException(option + ": cannot be read: " + e.getCause(), e);
    }
    return contents;
  }
}
