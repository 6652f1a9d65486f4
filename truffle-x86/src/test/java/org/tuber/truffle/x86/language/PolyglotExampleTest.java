package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of {@code docs/polyglot.md} does what the page says. */
class PolyglotExampleTest {
  @TempDir Path folder;

  @Test
  void theExamplePrintsWhatThePageSays() throws Exception {
    LinuxGuests.needsLinux();
    LinuxGuests.needs(LinuxGuests.AMD64 + "libz.so.1");
    Path docs = Path.of("../docs").toAbsolutePath().normalize();
    Path example = docs.resolve("polyglot/Zlib.java");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    List<String> options =
        List.of(
            "-d",
            folder.toString(),
            "--module-path",
            System.getProperty("jdk.module.path"),
            "--add-modules",
            "org.graalvm.polyglot");
    try (var files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
      var units = files.getJavaFileObjects(example);
      assertThat(compiler.getTask(null, files, null, options, null, units).call()).isTrue();
    }
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    URL[] path = {URI.create(folder.toUri().toString()).toURL()};
    try (URLClassLoader loader = new URLClassLoader(path)) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      String[] none = {};
      loader.loadClass("Zlib").getMethod("main", String[].class).invoke(null, (Object) none);
    } finally {
      System.setOut(out);
    }
    String page = Files.readString(docs.resolve("polyglot.md"));
    String said = printed.toString(StandardCharsets.UTF_8);
    assertThat(said).startsWith("crc32: ");
    assertThat(page).contains(said.indent(4));
  }
}
