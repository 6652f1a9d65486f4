package org.tuber.truffle.engine.special;

import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * A method that finds guest memory fast or does something slow instead. Written code does the fast
 * part itself and leaves where that is not possible: a call in the midst of it would cost every
 * value its host register, even if it is never made.
 *
 * @param isWrite it stores, or what it finds may be stored to
 * @param test {@code boolean (long table, long address, long last)}: the slow part is needed
 * @param host {@code long (long table, long address)}: where the bytes are
 * @param raw loads from there or stores there; null where the host address is the result
 */
public record Access(Kind kind, int bytes, boolean isWrite, Member test, Member host, Member raw) {
  /** What there is. The method's first argument is the table; a CPU among the others is ignored. */
  public enum Kind {
    /** Result: the value at the address, the last argument, sign-extended to 64 bits. */
    LOAD,
    /** Stores the last argument at the address, the one before. */
    STORE,
    /** Result: host address of the bytes from the last argument but one to the last; not zero. */
    ADDRESS,
    /** A load or store at a host address, which does not throw. */
    RAW
  }

  /** The method {@code name}. */
  public static Member method(ClassDesc owner, String name, ClassDesc result, ClassDesc... types) {
    return new Member(owner, name, MethodTypeDesc.of(result, types), null, false);
  }
}
