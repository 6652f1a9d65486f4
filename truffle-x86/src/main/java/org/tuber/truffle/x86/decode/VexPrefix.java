package org.tuber.truffle.x86.decode;

/**
 * The fields of a VEX prefix (SDM vol. 2, 2.3.5), in the terms of the prefixes they replace.
 * Inverted fields are stored the right way round.
 */
final class VexPrefix {
  /** Opcode map: 1 to 3 as 0F, 0F 38, 0F 3A; other values do not exist. */
  int map;

  /** 0, 66H, F3H or F2H. */
  int prefix;

  /** Register number; 0 also stands for "none". */
  int vvvv;

  boolean is256;
  boolean w;

  /** R, X and B where a REX prefix has them; W is {@link #w} alone. */
  int rxb;

  /** XMM number of a memory operand's index, once that is decoded. */
  int vsibIndex;

  private static final int[] PREFIXES = {0, 0x66, 0xf3, 0xf2};

  /** C5: R vvvv L pp. */
  void decode2(int b) {
    map = 1;
    w = false;
    rxb = (~b & 0x80) >> 5;
    common(b);
  }

  /** C4: R X B mmmmm, then W vvvv L pp. */
  void decode3(int b1, int b2) {
    map = b1 & 31;
    w = (b2 & 0x80) != 0;
    rxb = (~b1 & 0xe0) >> 5;
    common(b2);
  }

  private void common(int b) {
    vvvv = ~b >> 3 & 15;
    is256 = (b & 4) != 0;
    prefix = PREFIXES[b & 3];
  }
}
