package org.tuber.truffle.engine.special;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.classfile.Opcode;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The distances that {@link Nearby} takes addresses to have are those they have on one page. */
class DistanceTest {
  private static final long[] VALUES = {0x7fff_1234_5678L, 0xffff_fff8L, 0x8000_0010L, 0x1000, -8};
  private static final int SEEDS = 2000;

  private final Random random = new Random(1);

  private static Value j(long v) {
    return new Value.Constant('J', v);
  }

  private Value narrow(Value v) {
    return new Value.Operator(Opcode.L2I, 'I', v, null);
  }

  private Value wide(Value v) {
    return new Value.Operator(Opcode.I2L, 'J', v, null);
  }

  private Value operator(Opcode o, Value a, Value b) {
    return new Value.Operator(o, 'J', a, b);
  }

  /** A tree over two registers; {@code shape} decides all but the constants. */
  private Value tree(Random shape, int depth) {
    if (depth == 0) {
      return new Value.Register('J', shape.nextInt(2));
    }
    Value a = tree(shape, depth - 1);
    int constant = random.nextInt(3) * 8;
    return switch (shape.nextInt(8)) {
      case 0, 1 -> operator(Opcode.LADD, a, j(constant));
      case 2 -> operator(Opcode.LSUB, a, j(constant));
      case 3 -> operator(Opcode.LADD, a, tree(shape, depth - 1));
      case 4 -> operator(Opcode.LAND, a, j(0xffff_ffffL));
      case 5 -> wide(narrow(a));
      case 6 ->
          wide(new Value.Operator(Opcode.IADD, 'I', narrow(a), new Value.Constant('I', constant)));
      default -> new Value.Operator(Opcode.LSHL, 'J', a, new Value.Constant('I', 1));
    };
  }

  private static long evaluate(Value v, long[] registers) {
    return switch (v) {
      case Value.Constant c -> ((Number) c.value()).longValue();
      case Value.Register r -> registers[r.number()];
      case Value.Operator o -> {
        long a = evaluate(o.a(), registers);
        long b = o.b() == null ? 0 : evaluate(o.b(), registers);
        yield switch (o.opcode()) {
          case LADD -> a + b;
          case LSUB -> a - b;
          case LAND -> a & b;
          case LSHL -> a << b;
          case IADD -> (int) a + (int) b;
          default -> (int) a;
        };
      }
      default -> throw new IllegalArgumentException(v.toString());
    };
  }

  private record Found(Value address, long offset) {}

  @Test
  void areThoseOfTheAddresses() {
    int compared = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      Nearby nearby = new Nearby(0, true);
      Map<Nearby.Run, Found> first = new HashMap<>();
      for (int i = 0; i < 12; i++) {
        Value address = tree(new Random(seed), 4);
        Nearby.Hit hit = nearby.find(address, 1, false, true);
        Found other = first.putIfAbsent(hit.run(), new Found(address, hit.offset()));
        if (other == null) {
          continue;
        }
        for (long x : VALUES) {
          for (long y : VALUES) {
            long[] registers = {x, y};
            long to = evaluate(address, registers);
            long from = evaluate(other.address, registers);
            if (from >>> 12 == to >>> 12) {
              compared++;
              assertThat(to - from)
                  .as("%s from %s with %x and %x", address, other.address, x, y)
                  .isEqualTo(hit.offset() - other.offset);
            }
          }
        }
      }
    }
    assertThat(compared).isGreaterThan(100_000);
  }
}
