package org.tuber.perf.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.perf.kernels.KernelBuild;
import org.tuber.perf.report.Pages;

class ProfileCommandTest {
  private static final String SCRIPT = "tuber.script";

  @TempDir Path folder;

  /** Starts the classes under test, without Truffle's compiler. */
  private Path script() throws Exception {
    Path script = folder.resolve("tuber");
    String java = Path.of(System.getProperty("java.home"), "bin/java").toString();
    Files.writeString(
        script,
        "#!/bin/sh\nexec "
            + java
            + " -cp "
            + System.getProperty("java.class.path")
            + " --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow"
            + " -Dpolyglot.engine.WarnInterpreterOnly=false $TUBER_JAVA_OPTS"
            + " org.tuber.launcher.Tuber \"$@\"\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
    return script;
  }

  @Test
  void findsTheHotFunction() throws Exception {
    assumeTrue(KernelBuild.compiler().isPresent(), "no gcc");
    Path source = folder.resolve("program.c");
    Files.writeString(
        source,
        """
        #include <stdio.h>
        __attribute__((noinline)) unsigned very_hot(unsigned x, unsigned n) {
          for (unsigned i = 0; i < n; i++) x = x * 1664525u + (x >> 7) + i;
          return x;
        }
        __attribute__((noinline)) unsigned lukewarm(unsigned x, unsigned n) {
          for (unsigned i = 0; i < n; i++) x ^= x * 31u + i;
          return x;
        }
        int main(void) {
          unsigned x = 1;
          for (int i = 0; i < 100; i++) x = very_hot(x, 900000) + lukewarm(x, 9000);
          printf("%u\\n", x);
          return 3;
        }
        """);
    Path program = folder.resolve("program");
    assertThat(
            new ProcessBuilder("gcc", "-O1", "-o", program.toString(), source.toString())
                .inheritIO()
                .start()
                .waitFor())
        .isZero();
    String before = System.getProperty(SCRIPT);
    System.setProperty(SCRIPT, script().toString());
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    int status;
    try (PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8)) {
      status =
          ProfileCommand.run(
              List.of("--out", folder.resolve("out").toString(), "--", "user", program.toString()),
              out);
    } finally {
      if (before == null) {
        System.clearProperty(SCRIPT);
      } else {
        System.setProperty(SCRIPT, before);
      }
    }
    assertThat(status).describedAs(said.toString(StandardCharsets.UTF_8)).isEqualTo(3);
    JsonNode json = new ObjectMapper().readTree(folder.resolve("out/profile.json").toFile());
    assertThat(json.at("/functions/0/name").asText()).isEqualTo("very_hot");
    assertThat(json.at("/functions/0/tiers/CLASS").asDouble()).isPositive();
    assertThat(json.at("/regions/0/name").asText()).isEqualTo("very_hot");
    assertThat(json.at("/states/INTERPRETER").asInt()).isPositive();
    Pages.parse(Files.readString(folder.resolve("out/profile.html")));
  }
}
