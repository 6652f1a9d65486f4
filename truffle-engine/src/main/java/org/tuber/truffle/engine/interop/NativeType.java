package org.tuber.truffle.engine.interop;

/**
 * Type of a parameter or result of a guest function.
 *
 * @param kind what it is
 * @param element of an array: kind of its elements, else null
 * @param function of a function pointer: its signature, else null
 */
public record NativeType(Kind kind, Kind element, Signature function) {
  /** Kinds, spelled as Truffle NFI does. */
  public enum Kind {
    VOID(0),
    SINT8(1),
    UINT8(1),
    SINT16(2),
    UINT16(2),
    SINT32(4),
    UINT32(4),
    SINT64(8),
    UINT64(8),
    FLOAT(4),
    DOUBLE(8),
    POINTER(0),
    STRING(0),
    ARRAY(0),
    FUNCTION(0);

    /** Size; 0 for pointers and VOID. */
    public final int bytes;

    Kind(int bytes) {
      this.bytes = bytes;
    }

    boolean isInteger() {
      return compareTo(SINT8) >= 0 && compareTo(UINT64) <= 0;
    }

    public boolean isFloating() {
      return this == FLOAT || this == DOUBLE;
    }

    private boolean isSigned() {
      return this == SINT8 || this == SINT16 || this == SINT32 || this == SINT64;
    }

    /** The value of an integer kind in the low bits of a register. */
    long extend(long raw) {
      int unused = 64 - 8 * bytes;
      return isSigned() ? raw << unused >> unused : raw << unused >>> unused;
    }

    /** A simple kind by NFI's name or a short one; null when there is none. */
    static Kind of(String name) {
      return switch (name) {
        case "void" -> VOID;
        case "sint8", "s8", "i8" -> SINT8;
        case "uint8", "u8" -> UINT8;
        case "sint16", "s16", "i16" -> SINT16;
        case "uint16", "u16" -> UINT16;
        case "sint32", "s32", "i32" -> SINT32;
        case "uint32", "u32" -> UINT32;
        case "sint64", "s64", "i64" -> SINT64;
        case "uint64", "u64" -> UINT64;
        case "float", "f32" -> FLOAT;
        case "double", "f64" -> DOUBLE;
        case "pointer" -> POINTER;
        case "string" -> STRING;
        default -> null;
      };
    }
  }

  static NativeType of(Kind kind) {
    return new NativeType(kind, null, null);
  }
}
