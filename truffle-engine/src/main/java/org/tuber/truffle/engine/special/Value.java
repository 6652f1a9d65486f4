package org.tuber.truffle.engine.special;

import java.lang.classfile.Opcode;
import java.lang.constant.ClassDesc;
import java.util.List;

/**
 * What a variable or stack slot of the code being specialised holds: something known, or how the
 * code that is being written computes it. All but what is kept in variables is free of side effects
 * and may be computed late, twice or never.
 */
public sealed interface Value {
  /** {@code I J F D} or {@code A}. */
  char type();

  /** Takes two stack slots. */
  default boolean isWide() {
    return type() == 'J' || type() == 'D';
  }

  /** Known now; also null. */
  record Constant(char type, Object value) implements Value {
    int asInt() {
      return (Integer) value;
    }

    long asLong() {
      return (Long) value;
    }
  }

  /** An object known now, such as a table. */
  record Known(Object object, ClassDesc declared, boolean isStable) implements Value {
    @Override
    public char type() {
      return 'A';
    }
  }

  /** The state whose registers are variables. */
  record State() implements Value {
    @Override
    public char type() {
      return 'A';
    }
  }

  /** An array of registers in the state. */
  record Registers(String field) implements Value {
    @Override
    public char type() {
      return 'A';
    }
  }

  /** The CPU, which is not null. */
  record Cpu() implements Value {
    @Override
    public char type() {
      return 'A';
    }
  }

  /** A variable of the written code that is assigned once on each path. */
  record Temporary(char type, int number) implements Value {}

  /** A variable of the written method that holds a long, as it is now. */
  record Local(int slot) implements Value {
    @Override
    public char type() {
      return 'J';
    }
  }

  /** The register with this number, as it is now. */
  record Register(char type, int number) implements Value {}

  /** An operator on one or two operands. */
  record Operator(Opcode opcode, char type, Value a, Value b) implements Value {}

  /** A call of a library method without side effects. */
  record Pure(Member method, char type, List<Value> arguments) implements Value {}

  /** {@code then} where the jump's condition on {@code a} and {@code b} holds, else the other. */
  record Choice(Opcode jump, Value a, Value b, char type, Value then, Value otherwise)
      implements Value {}

  /** Nodes of the tree. */
  default int size() {
    return switch (this) {
      case Operator o -> 1 + o.a.size() + (o.b == null ? 0 : o.b.size());
      case Pure p -> {
        int sum = 1;
        for (Value v : p.arguments) {
          sum += v.size();
        }
        yield sum;
      }
      case Choice c ->
          2 + c.a.size() + (c.b == null ? 0 : c.b.size()) + c.then.size() + c.otherwise.size();
      default -> 1;
    };
  }

  /** True when it is computed from register {@code number}. */
  default boolean uses(int number) {
    return switch (this) {
      case Register r -> r.number == number;
      case Operator o -> o.a.uses(number) || (o.b != null && o.b.uses(number));
      case Pure p -> {
        for (Value v : p.arguments) {
          if (v.uses(number)) {
            yield true;
          }
        }
        yield false;
      }
      case Choice c ->
          c.a.uses(number)
              || (c.b != null && c.b.uses(number))
              || c.then.uses(number)
              || c.otherwise.uses(number);
      default -> false;
    };
  }

  /** True when nothing has to be computed. */
  default boolean isSimple() {
    return !(this instanceof Operator || this instanceof Pure || this instanceof Choice);
  }
}
