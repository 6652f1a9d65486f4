package org.tuber.core.mem;

/**
 * A window of device registers, in memory or in the port space.
 *
 * <p>Called under the device lock. Never throws on guest input: an offset nobody decodes reads as
 * all ones and swallows writes (and is logged once by the device).
 */
public interface MmioDevice {
  /**
   * Reads {@code size} bytes (1, 2, 4 or 8) at {@code offset} from the window's start.
   *
   * @return the value, zero-extended; bits above {@code size} are ignored by the caller
   */
  long read(long offset, int size);

  /** Writes the low {@code size} bytes (1, 2, 4 or 8) of {@code value} at {@code offset}. */
  void write(long offset, long value, int size);

  /** Smallest access the device decodes, in bytes; smaller ones are not widened. */
  default int minAccessSize() {
    return 1;
  }

  /**
   * Largest access the device decodes, in bytes; the address space splits wider ones into ascending
   * accesses of this size.
   */
  default int maxAccessSize() {
    return 8;
  }
}
