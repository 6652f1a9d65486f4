package org.tuber.perf.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import org.tuber.perf.Arguments;

/**
 * What every paired measurement begins and ends with: who is compared, how busy the host was, the
 * report, and with {@code --json FILE} the numbers for programs.
 */
public final class Measurement {
  private final PrintStream out;
  private final ObjectNode json = JsonFile.object();
  private final HostState before;

  /**
   * Says who is compared; the measurement starts.
   *
   * @param tuber how our build is called
   * @param qemu version of what we are compared with
   */
  public Measurement(PrintStream out, String tuber, Optional<String> qemu) {
    this.out = out;
    out.println("tuber: " + tuber);
    out.println("qemu: " + qemu.orElse("none"));
    before = HostState.now();
    // Their order in the file.
    json.putNull("host");
    json.put("tuber", tuber).put("qemu", qemu.orElse(null));
  }

  /** Adds a fact to the numbers for programs. */
  public Measurement with(String name, String value) {
    json.put(name, value);
    return this;
  }

  /**
   * Prints host and report, and writes the file if one is wanted.
   *
   * @param name of the results in the file
   */
  public void end(Arguments arguments, String text, String name, JsonNode results) {
    HostState after = HostState.now();
    out.println(before.line(after));
    out.println();
    out.print(text);
    if (arguments.has("--json")) {
      json.set("host", before.json(after));
      json.set(name, results);
      JsonFile.write(Path.of(arguments.text("--json", "")), json);
    }
  }
}
