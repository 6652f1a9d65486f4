package org.tuber.truffle.engine.special;

import java.lang.classfile.Opcode;
import java.lang.constant.ClassDesc;

/** Bytecode operators on values: computed where everything is known, simplified where possible. */
final class Folding {
  private static final Value ZERO = new Value.Constant('J', 0L);

  private static final Value LOW_HALF = new Value.Constant('J', 0xffff_ffffL);

  private Folding() {}

  /** A condition, or its known outcome. */
  record Test(Boolean known, Opcode jump, Value a, Value b) {}

  static char typeOf(ClassDesc type) {
    return switch (type.descriptorString().charAt(0)) {
      case 'J' -> 'J';
      case 'F' -> 'F';
      case 'D' -> 'D';
      case 'L', '[' -> 'A';
      default -> 'I';
    };
  }

  static char elementType(Opcode load) {
    return switch (load) {
      case LALOAD -> 'J';
      case FALOAD -> 'F';
      case DALOAD -> 'D';
      case AALOAD -> 'A';
      default -> 'I';
    };
  }

  static boolean isUnary(Opcode o) {
    return switch (o) {
      case INEG, LNEG, FNEG, DNEG -> true;
      default -> o.name().indexOf('2') == 1;
    };
  }

  static boolean mayThrow(Opcode o) {
    return switch (o) {
      case IDIV, IREM, LDIV, LREM -> true;
      default -> false;
    };
  }

  static boolean comparesTwo(Opcode jump) {
    return switch (jump) {
      case IF_ICMPEQ, IF_ICMPNE, IF_ICMPLT, IF_ICMPGE, IF_ICMPGT, IF_ICMPLE, IF_ACMPEQ, IF_ACMPNE ->
          true;
      default -> false;
    };
  }

  private static char resultType(Opcode o) {
    return switch (o) {
      case LCMP, FCMPL, FCMPG, DCMPL, DCMPG, I2B, I2C, I2S, L2I, F2I, D2I -> 'I';
      case I2L, F2L, D2L -> 'J';
      case I2F, L2F, D2F -> 'F';
      case I2D, L2D, F2D -> 'D';
      default -> o.name().charAt(0) == 'L' ? 'J' : o.name().charAt(0);
    };
  }

  static Value operator(Opcode o, Value a, Value b) {
    if (a instanceof Value.Constant x && (b == null || b instanceof Value.Constant)) {
      Value known = compute(o, x, (Value.Constant) b);
      if (known != null) {
        return known;
      }
    }
    Value simple = simplify(o, a, b);
    return simple != null ? simple : new Value.Operator(o, resultType(o), a, b);
  }

  private static Value simplify(Opcode o, Value a, Value b) {
    if (b instanceof Value.Constant c) {
      if (c.type() == 'J') {
        long v = c.asLong();
        switch (o) {
          case LADD, LSUB, LOR, LXOR -> {
            if (v == 0) {
              return a;
            }
          }
          case LAND -> {
            if (v == -1) {
              return a;
            }
            if (v == 0) {
              return c;
            }
          }
          case LMUL -> {
            if (v == 1) {
              return a;
            }
          }
          default -> {}
        }
      } else if (c.type() == 'I') {
        int v = c.asInt();
        switch (o) {
          case IADD, ISUB, IOR, IXOR, ISHL, ISHR, IUSHR, LSHL, LSHR, LUSHR -> {
            if (v == 0) {
              return a;
            }
          }
          case IAND -> {
            if (v == -1) {
              return a;
            }
            if (v == 0) {
              return c;
            }
          }
          default -> {}
        }
      }
    }
    if (a.equals(ZERO) && (o == Opcode.LADD || o == Opcode.LOR || o == Opcode.LXOR)) {
      return b;
    }
    if (a instanceof Value.Operator inner) {
      Value narrow = narrow(o, inner, b);
      if (narrow != null) {
        return narrow;
      }
      // (int) (long) x, and one sign extension after the other.
      if (o == Opcode.L2I && inner.opcode() == Opcode.I2L) {
        return inner.a();
      }
      if (b instanceof Value.Constant c
          && inner.b() instanceof Value.Constant d
          && o == Opcode.LADD
          && inner.opcode() == Opcode.LADD) {
        return operator(o, inner.a(), new Value.Constant('J', c.asLong() + d.asLong()));
      }
    }
    return null;
  }

  /** Extensions and truncations one after the other. */
  private static Value narrow(Opcode o, Value.Operator inner, Value b) {
    boolean isMasked = inner.opcode() == Opcode.LAND && LOW_HALF.equals(inner.b());
    if (o == Opcode.L2I && isMasked) {
      return operator(o, inner.a(), null);
    }
    if (o == Opcode.LAND && LOW_HALF.equals(b)) {
      if (isMasked) {
        return inner;
      }
      if (inner.opcode() == Opcode.I2L
          && inner.a() instanceof Value.Operator low
          && low.opcode() == Opcode.L2I) {
        return operator(o, low.a(), b);
      }
    }
    return null;
  }

  private static Value compute(Opcode o, Value.Constant x, Value.Constant y) {
    return switch (x.type()) {
      case 'I' -> ints(o, x.asInt(), y == null ? 0 : y.asInt());
      case 'J' ->
          switch (o) {
            case LSHL -> j(x.asLong() << y.asInt());
            case LSHR -> j(x.asLong() >> y.asInt());
            case LUSHR -> j(x.asLong() >>> y.asInt());
            default -> longs(o, x.asLong(), y == null ? 0 : y.asLong());
          };
      case 'D' -> doubles(o, (Double) x.value(), y == null ? 0 : (Double) y.value());
      case 'F' -> floats(o, (Float) x.value(), y == null ? 0 : (Float) y.value());
      default -> null;
    };
  }

  private static Value i(int v) {
    return new Value.Constant('I', v);
  }

  private static Value j(long v) {
    return new Value.Constant('J', v);
  }

  private static Value d(double v) {
    return new Value.Constant('D', v);
  }

  private static Value f(float v) {
    return new Value.Constant('F', v);
  }

  private static Value ints(Opcode o, int x, int y) {
    return switch (o) {
      case IADD -> i(x + y);
      case ISUB -> i(x - y);
      case IMUL -> i(x * y);
      case IDIV -> y == 0 ? null : i(x / y);
      case IREM -> y == 0 ? null : i(x % y);
      case INEG -> i(-x);
      case IAND -> i(x & y);
      case IOR -> i(x | y);
      case IXOR -> i(x ^ y);
      case ISHL -> i(x << y);
      case ISHR -> i(x >> y);
      case IUSHR -> i(x >>> y);
      case I2B -> i((byte) x);
      case I2C -> i((char) x);
      case I2S -> i((short) x);
      case I2L -> j(x);
      case I2D -> d(x);
      case I2F -> f((float) x);
      default -> null;
    };
  }

  private static Value longs(Opcode o, long x, long y) {
    return switch (o) {
      case LADD -> j(x + y);
      case LSUB -> j(x - y);
      case LMUL -> j(x * y);
      case LDIV -> y == 0 ? null : j(x / y);
      case LREM -> y == 0 ? null : j(x % y);
      case LNEG -> j(-x);
      case LAND -> j(x & y);
      case LOR -> j(x | y);
      case LXOR -> j(x ^ y);
      case LCMP -> i(Long.compare(x, y));
      case L2I -> i((int) x);
      case L2D -> d((double) x);
      case L2F -> f((float) x);
      default -> null;
    };
  }

  private static Value doubles(Opcode o, double x, double y) {
    return switch (o) {
      case DADD -> d(x + y);
      case DSUB -> d(x - y);
      case DMUL -> d(x * y);
      case DDIV -> d(x / y);
      case DNEG -> d(-x);
      case D2I -> i((int) x);
      case D2L -> j((long) x);
      case D2F -> f((float) x);
      default -> null;
    };
  }

  private static Value floats(Opcode o, float x, float y) {
    return switch (o) {
      case FADD -> f(x + y);
      case FSUB -> f(x - y);
      case FMUL -> f(x * y);
      case FDIV -> f(x / y);
      case FNEG -> f(-x);
      case F2I -> i((int) x);
      case F2L -> j((long) x);
      case F2D -> d(x);
      default -> null;
    };
  }

  /** The condition of {@code jump} on {@code a} and, where it takes two, {@code b}. */
  static Test test(Opcode jump, Value a, Value b) {
    if (jump == Opcode.IFNULL || jump == Opcode.IFNONNULL) {
      return switch (a) {
        case Value.Constant c -> new Test(jump == Opcode.IFNULL, jump, a, b);
        case Value.Temporary t -> new Test(null, jump, a, b);
        default -> new Test(jump == Opcode.IFNONNULL, jump, a, b);
      };
    }
    if (jump == Opcode.IF_ACMPEQ || jump == Opcode.IF_ACMPNE) {
      if (a instanceof Value.Known x && b instanceof Value.Known y) {
        return new Test((x.object() == y.object()) == (jump == Opcode.IF_ACMPEQ), jump, a, b);
      }
      if (a.equals(b) && !(a instanceof Value.Temporary)) {
        return new Test(jump == Opcode.IF_ACMPEQ, jump, a, b);
      }
      return new Test(null, jump, a, b);
    }
    if (a instanceof Value.Constant x && (b == null || b instanceof Value.Constant)) {
      int y = b == null ? 0 : ((Value.Constant) b).asInt();
      return new Test(holds(jump, x.asInt(), y), jump, a, b);
    }
    if (a instanceof Value.Choice c
        && c.then() instanceof Value.Constant t
        && c.otherwise() instanceof Value.Constant e
        && (b == null || b instanceof Value.Constant)
        && t.type() == 'I') {
      int y = b == null ? 0 : ((Value.Constant) b).asInt();
      boolean then = holds(jump, t.asInt(), y);
      boolean otherwise = holds(jump, e.asInt(), y);
      if (then == otherwise) {
        return new Test(then, jump, a, b);
      }
      return then ? new Test(null, c.jump(), c.a(), c.b()) : inverse(c.jump(), c.a(), c.b());
    }
    return new Test(null, jump, a, b);
  }

  private static Test inverse(Opcode jump, Value a, Value b) {
    return new Test(null, opposite(jump), a, b);
  }

  static Opcode opposite(Opcode jump) {
    return switch (jump) {
      case IFEQ -> Opcode.IFNE;
      case IFNE -> Opcode.IFEQ;
      case IFLT -> Opcode.IFGE;
      case IFGE -> Opcode.IFLT;
      case IFGT -> Opcode.IFLE;
      case IFLE -> Opcode.IFGT;
      case IF_ICMPEQ -> Opcode.IF_ICMPNE;
      case IF_ICMPNE -> Opcode.IF_ICMPEQ;
      case IF_ICMPLT -> Opcode.IF_ICMPGE;
      case IF_ICMPGE -> Opcode.IF_ICMPLT;
      case IF_ICMPGT -> Opcode.IF_ICMPLE;
      case IF_ICMPLE -> Opcode.IF_ICMPGT;
      case IF_ACMPEQ -> Opcode.IF_ACMPNE;
      case IF_ACMPNE -> Opcode.IF_ACMPEQ;
      case IFNULL -> Opcode.IFNONNULL;
      case IFNONNULL -> Opcode.IFNULL;
      default -> throw new IllegalArgumentException(jump.name());
    };
  }

  private static boolean holds(Opcode jump, int x, int y) {
    return switch (jump) {
      case IFEQ, IF_ICMPEQ -> x == y;
      case IFNE, IF_ICMPNE -> x != y;
      case IFLT, IF_ICMPLT -> x < y;
      case IFGE, IF_ICMPGE -> x >= y;
      case IFGT, IF_ICMPGT -> x > y;
      case IFLE, IF_ICMPLE -> x <= y;
      default -> throw new Unsuited(jump.name());
    };
  }
}
