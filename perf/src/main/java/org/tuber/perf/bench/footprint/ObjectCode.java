package org.tuber.perf.bench.footprint;

/** Instructions as objects: operands in fields, one virtual call each. */
final class ObjectCode {
  /** An instruction. */
  abstract static class Instruction {
    final int a;
    final int b;
    final long immediate;
    final int offset;

    Instruction(int a, int b, long immediate, int offset) {
      this.a = a;
      this.b = b;
      this.immediate = immediate;
      this.offset = offset;
    }

    abstract void execute(Machine m);
  }

  private static final class Block {
    final Instruction[] instructions;
    Block next;

    Block(Instruction[] instructions) {
      this.instructions = instructions;
    }
  }

  private final Block first;
  private final int blocks;

  ObjectCode(Program program) {
    blocks = program.blocks();
    Block[] all = new Block[blocks];
    for (int i = 0; i < blocks; i++) {
      Instruction[] instructions = new Instruction[program.operations()[i].length];
      for (int k = 0; k < instructions.length; k++) {
        int operands = program.operands()[i][k];
        instructions[k] =
            create(
                program.operations()[i][k],
                operands / Machine.REGISTERS,
                operands % Machine.REGISTERS,
                program.immediates()[i][k],
                4 * k);
      }
      all[i] = new Block(instructions);
    }
    int[] order = program.order();
    for (int i = 0; i < blocks; i++) {
      all[order[i]].next = all[order[(i + 1) % blocks]];
    }
    first = all[order[0]];
  }

  void round(Machine m) {
    Block block = first;
    for (int i = blocks; i > 0; i--) {
      for (Instruction instruction : block.instructions) {
        m.offset = instruction.offset;
        instruction.execute(m);
      }
      block = block.next;
    }
  }

  private static Instruction create(int operation, int a, int b, long immediate, int offset) {
    return switch (operation) {
      case Semantics.MOVE -> new Move(a, b, immediate, offset);
      case Semantics.MOVE_IMMEDIATE -> new MoveImmediate(a, b, immediate, offset);
      case Semantics.ADD -> new Add(a, b, immediate, offset);
      case Semantics.ADD_IMMEDIATE -> new AddImmediate(a, b, immediate, offset);
      case Semantics.SUBTRACT -> new Subtract(a, b, immediate, offset);
      case Semantics.AND -> new And(a, b, immediate, offset);
      case Semantics.EXCLUSIVE_OR -> new ExclusiveOr(a, b, immediate, offset);
      case Semantics.SHIFT -> new Shift(a, b, immediate, offset);
      case Semantics.LOAD -> new Load(a, b, immediate, offset);
      case Semantics.STORE -> new Store(a, b, immediate, offset);
      case Semantics.ADDRESS -> new Address(a, b, immediate, offset);
      case Semantics.COMPARE -> new Compare(a, b, immediate, offset);
      default -> throw new IllegalArgumentException("operation " + operation);
    };
  }

  private static final class Move extends Instruction {
    Move(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.move(m, a, b);
    }
  }

  private static final class MoveImmediate extends Instruction {
    MoveImmediate(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.moveImmediate(m, a, immediate);
    }
  }

  private static final class Add extends Instruction {
    Add(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.add(m, a, b);
    }
  }

  private static final class AddImmediate extends Instruction {
    AddImmediate(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.addImmediate(m, a, immediate);
    }
  }

  private static final class Subtract extends Instruction {
    Subtract(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.subtract(m, a, b);
    }
  }

  private static final class And extends Instruction {
    And(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.and(m, a, b);
    }
  }

  private static final class ExclusiveOr extends Instruction {
    ExclusiveOr(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.exclusiveOr(m, a, b);
    }
  }

  private static final class Shift extends Instruction {
    Shift(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.shift(m, a, immediate);
    }
  }

  private static final class Load extends Instruction {
    Load(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.load(m, a, b, immediate);
    }
  }

  private static final class Store extends Instruction {
    Store(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.store(m, a, b, immediate);
    }
  }

  private static final class Address extends Instruction {
    Address(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.address(m, a, b, immediate);
    }
  }

  private static final class Compare extends Instruction {
    Compare(int a, int b, long immediate, int offset) {
      super(a, b, immediate, offset);
    }

    @Override
    void execute(Machine m) {
      Semantics.compare(m, a, b);
    }
  }
}
