package org.tuber.truffle.engine;

/** Which file the code at an address comes from, for profiles. Asked by the CPU's own thread. */
public interface CodeMap {
  /**
   * A mapped range.
   *
   * @param start first address
   * @param end exclusive
   * @param file path, or a name like {@code [heap]}; never null
   * @param fileOffset offset in the file of {@code start}
   */
  record Range(long start, long end, String file, long fileOffset) {}

  /** The range around {@code address}, or null where nothing is mapped. */
  Range at(long address);

  /** Identity of the address space as it is now: what was learned of another does not hold. */
  Object space();

  /** Name of the program. */
  String program();
}
