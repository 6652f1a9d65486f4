package org.tuber.truffle.x86.language;

import java.util.HexFormat;
import java.util.Map;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;

/** Contexts and sources of the tests here: code as hexadecimal text. */
final class Programs {
  /** How the engine runs the code. */
  enum Tier {
    INTERP("interp"),
    DEFAULT("default"),
    IMMEDIATE("immediate"),
    CLASSES("classes");

    final String option;

    Tier(String option) {
      this.option = option;
    }
  }

  private Programs() {}

  /** True where even a short program runs in code that was made of it. */
  static boolean makesCodeAtOnce(Tier tier, boolean isOptimizing) {
    return tier == Tier.CLASSES || (tier == Tier.IMMEDIATE && isOptimizing);
  }

  /** What the engine's statistics do not contain when {@code tier} made code. */
  static String nothingMade(Tier tier) {
    return tier == Tier.IMMEDIATE ? " 0 entered compiled" : " 0 classes built";
  }

  static Context context(Tier tier, int mode, Map<String, String> options) {
    return Context.newBuilder("x86")
        .allowExperimentalOptions(true)
        .option("engine.WarnInterpreterOnly", "false")
        .option("x86.Tier", tier.option)
        .option("x86.Mode", Integer.toString(mode))
        .options(options)
        .build();
  }

  static Source source(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replaceAll("\\s+", ""));
    return Source.newBuilder("x86", ByteSequence.create(bytes), "program").buildLiteral();
  }

  /**
   * All registers and the exit, for comparison between tiers. The count of instructions is left
   * out: it is exact only between blocks, and tiers cut blocks differently.
   */
  static String registers(Value machine) {
    StringBuilder s = new StringBuilder();
    for (String name : machine.getMemberKeys()) {
      switch (name) {
        case "memory", "instructions", "statistics", "resume", "reset" -> {}
        case "exit" -> s.append(machine.getMember(name)).append(' ');
        default -> {
          Value v = machine.getMember(name);
          s.append(name)
              .append('=')
              .append(v.isString() ? v.asString() : Long.toHexString(v.asLong()))
              .append(' ');
        }
      }
    }
    return s.toString();
  }
}
