package org.tuber.perf.measure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A way to run a Linux program without a kernel of its own.
 *
 * @param name in reports
 * @param prefix what stands before the program's own command line
 */
public record UserMode(String name, List<String> prefix) {
  /** The host itself. */
  public static final UserMode HOST = new UserMode("host", List.of());

  /** Tuber's, with more options. */
  public static UserMode tuber(Emulator.Tuber tuber, List<String> options) {
    List<String> prefix = new ArrayList<>(List.of(tuber.script().toString(), "user"));
    prefix.addAll(options);
    return new UserMode("tuber", prefix);
  }

  /** QEMU's, with more options. */
  public static UserMode qemu(String program, List<String> options) {
    List<String> prefix = new ArrayList<>(List.of(program));
    prefix.addAll(options);
    return new UserMode("qemu", prefix);
  }

  private List<String> whole(List<String> command) {
    List<String> whole = new ArrayList<>(prefix);
    whole.addAll(command);
    return whole;
  }

  private static Map<String, String> with(Map<String, String> environment) {
    Map<String, String> all = new HashMap<>(environment);
    all.put("TUBER_NO_BUILD", "1");
    return all;
  }

  /** Runs a program and keeps its lines. */
  public ProcessRun run(List<String> command, Map<String, String> environment, int limit)
      throws IOException, InterruptedException {
    return ProcessRun.of(whole(command), with(environment), limit);
  }

  /** Runs a program; its output goes to a file byte by byte. */
  public ProcessRun into(Path output, List<String> command, int limit)
      throws IOException, InterruptedException {
    return ProcessRun.into(output, whole(command), with(Map.of()), limit);
  }
}
