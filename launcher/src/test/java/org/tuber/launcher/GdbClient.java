package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A GDB of the host's, driven by a file of commands.
 *
 * @param program its name
 * @param architecture what {@code set architecture} gets
 * @param folder for its files
 * @param patienceSeconds it fails the test when it takes longer
 */
record GdbClient(String program, String architecture, Path folder, long patienceSeconds) {
  /** Runs {@code commands} on the machine behind {@code socket}; what GDB says. */
  String run(Path socket, String... commands) throws IOException, InterruptedException {
    Path script = folder.resolve("commands");
    String head =
        "set pagination off\nset confirm off\nset width 0\nset architecture " + architecture + "\n";
    String body = "target remote " + socket + "\n" + String.join("\n", commands) + "\n";
    Files.writeString(script, head + body);
    Path out = folder.resolve("gdb.out");
    Process gdb =
        new ProcessBuilder(program, "-nx", "-batch", "-x", script.toString())
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    gdb.getOutputStream().close();
    boolean ended = gdb.waitFor(patienceSeconds, TimeUnit.SECONDS);
    gdb.destroyForcibly();
    assertThat(ended).as(Files.readString(out)).isTrue();
    return Files.readString(out);
  }
}
