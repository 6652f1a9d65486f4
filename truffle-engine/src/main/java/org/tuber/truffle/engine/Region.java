package org.tuber.truffle.engine;

import com.oracle.truffle.api.RootCallTarget;

/** A compiled or compiling region with a few blocks where it can be entered. */
final class Region {
  /** Wait this many executions of the head in the interpreter between tries while compiling. */
  static final int RETRY = 16;

  final Block[] entries;
  final Block[] blocks;
  final RootCallTarget target;
  boolean valid = true;
  boolean compiled;
  long epoch;
  int countdown;
  long runs;

  Region(Block[] entries, Block[] blocks, RootCallTarget target) {
    this.entries = entries;
    this.blocks = blocks;
    this.target = target;
  }

  /** False once any of its blocks was overwritten. */
  boolean isValid() {
    return valid;
  }
}
