package org.tuber.launcher.options;

import java.util.function.Consumer;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;

/**
 * A few options that belong together. Rows are built by hand, not from annotations: reading
 * annotations of this many options took longer than parsing them.
 */
public abstract class OptionTable {
  /** Adds this table's rows. */
  public abstract void addTo(CommandSpec spec);

  /** Hands over what was given, after parsing. */
  public abstract void apply(MachineConfig.Builder config);

  /** A row with one value; {@code taker} sees every occurrence in order. */
  protected static OptionSpec value(
      String name, String label, String description, Consumer<String> taker) {
    return row(new String[] {name}, label, description, taker);
  }

  /** A row with one value and two spellings. */
  protected static OptionSpec value(
      String name, String other, String label, String description, Consumer<String> taker) {
    return row(new String[] {name, other}, label, description, taker);
  }

  private static OptionSpec row(
      String[] names, String label, String description, Consumer<String> taker) {
    return OptionSpec.builder(names)
        .arity("1")
        .paramLabel(label)
        .type(String.class)
        .description(description)
        .setter(new Each(taker))
        .build();
  }

  /** A row without value. */
  protected static OptionSpec flag(String name, String description, Runnable taker) {
    return OptionSpec.builder(name)
        .arity("0")
        .type(boolean.class)
        .description(description)
        .setter(new Each(ignored -> taker.run()))
        .build();
  }

  /** Calls the taker for real values only: picocli also sets the initial null. */
  private static final class Each implements ISetter {
    private final Consumer<String> taker;

    Each(Consumer<String> taker) {
      this.taker = taker;
    }

    @Override
    public <T> T set(T value) {
      if (value != null && !Boolean.FALSE.equals(value)) {
        taker.accept(value.toString());
      }
      return null;
    }
  }
}
