package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.decode.A64Rows;

/** The families of A64 instructions, in the order of the manual's index (Arm ARM C4). */
public final class Families {
  private Families() {}

  /** Registers every row. */
  public static void addTo(A64Rows rows) {
    Unallocated.addTo(rows);
    AddSub.addTo(rows);
    Logic.addTo(rows);
    MoveWide.addTo(rows);
    Bitfield.addTo(rows);
    Multiply.addTo(rows);
    OneTwoSource.addTo(rows);
    ConditionalSelect.addTo(rows);
    FlagManipulation.addTo(rows);
    Branch.addTo(rows);
    PointerCodes.addTo(rows);
    ExceptionCalls.addTo(rows);
    Hints.addTo(rows);
    SystemMove.addTo(rows);
    SystemOperations.addTo(rows);
    LoadStore.addTo(rows);
    LoadStorePair.addTo(rows);
    LoadStoreUnprivileged.addTo(rows);
    Exclusive.addTo(rows);
    AtomicMemory.addTo(rows);
    VectorLoadStore.addTo(rows);
    VectorStructures.addTo(rows);
    FloatScalar.addTo(rows);
    FloatConvert.addTo(rows);
    VectorSame.addTo(rows);
    VectorWide.addTo(rows);
    VectorMisc.addTo(rows);
    VectorShift.addTo(rows);
    VectorPermute.addTo(rows);
    VectorFloat.addTo(rows);
    VectorElement.addTo(rows);
    VectorComplex.addTo(rows);
    ByteProducts.addTo(rows);
    Crypto.addTo(rows);
    Absent.addTo(rows);
  }
}
