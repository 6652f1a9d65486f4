package org.tuber.perf.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.kernels.KernelBuild;
import org.tuber.perf.measure.ProcessRun;

class SymbolTableTest {
  @TempDir Path folder;

  @Test
  void textOfTheKernel() throws Exception {
    Path map = folder.resolve("System.map");
    Files.writeString(
        map,
        """
        0000000000000000 A fixed_percpu_data
        ffffffff81000000 T _text
        ffffffff81000040 t start_it
        ffffffff81000050 D some_data
        ffffffff81000080 T next\t[module]
        """);
    SymbolTable table = SymbolTable.read(map);
    assertThat(table.find(0xffff_ffff_8100_0041L)).isEqualTo("start_it");
    assertThat(table.find(0xffff_ffff_8100_0055L)).isEqualTo("start_it");
    assertThat(table.find(0xffff_ffff_8100_0080L)).isEqualTo("next");
    assertThat(table.find(0x1000)).isNull();
    Symbolizer symbolizer = new Symbolizer(List.of(map + "@0x1000"), List.of());
    assertThat(symbolizer.name(new ProfileData.Frame("", 0xffff_ffff_8100_1041L)))
        .isEqualTo("start_it");
    assertThatThrownBy(() -> new Symbolizer(List.of(map + "@zz"), List.of()))
        .isInstanceOf(CommandLineException.class);
    assertThatThrownBy(() -> new Symbolizer(List.of("/no/such"), List.of()))
        .isInstanceOf(CommandLineException.class)
        .hasMessageContaining("/no/such");
  }

  @Test
  void aRealProgramByOffsetInItsFile() throws Exception {
    Path program = compile("int sought(int x) { return x * 3 + 1; }\nint main(void) { return 0; }");
    // The function's address by another tool, in a PIE whose file offsets equal its addresses.
    String names = nm(program);
    Matcher m = Pattern.compile("([0-9a-f]+) T sought").matcher(names);
    assertThat(m.find()).isTrue();
    long address = Long.parseLong(m.group(1), 16);
    SymbolTable table = SymbolTable.read(program);
    assertThat(table.find(table.address(address) + 2)).isEqualTo("sought");
    Symbolizer symbolizer = new Symbolizer(List.of(), List.of(Path.of("/")));
    assertThat(symbolizer.name(new ProfileData.Frame(program.toString(), address)))
        .isEqualTo("sought");
    assertThat(symbolizer.name(new ProfileData.Frame("/no/such", 0x1234))).contains("such+0x1200");
  }

  private Path compile(String source) throws IOException, InterruptedException {
    assumeTrue(KernelBuild.compiler().isPresent(), "no gcc");
    Path file = folder.resolve("program.c");
    Files.writeString(file, source);
    Path program = folder.resolve("program");
    Process gcc =
        new ProcessBuilder("gcc", "-O1", "-fno-inline", "-o", program.toString(), file.toString())
            .inheritIO()
            .start();
    assertThat(gcc.waitFor()).isZero();
    return program;
  }

  private static String nm(Path program) throws IOException, InterruptedException {
    ProcessRun run = ProcessRun.of(List.of("nm", program.toString()), java.util.Map.of(), 60);
    return String.join("\n", run.lines().stream().map(ProcessRun.Line::text).toList());
  }

  @Test
  void damagedFilesAreNoDisaster() throws Exception {
    Path bad = folder.resolve("bad");
    byte[] bytes = new byte[200];
    bytes[0] = 0x7f;
    bytes[1] = 'E';
    bytes[2] = 'L';
    bytes[3] = 'F';
    bytes[4] = 2;
    for (int i = 16; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 37);
    }
    Files.write(bad, bytes);
    assertThatThrownBy(() -> SymbolTable.read(bad)).isInstanceOf(IOException.class);
  }

  @Test
  void namesInsideADistributionsKernel() throws Exception {
    String guests = System.getenv("TUBER_GUESTS");
    assumeTrue(guests != null && Files.exists(Path.of(guests, "amd64/vmlinux")), "no kernel");
    SymbolTable table = SymbolTable.read(Path.of(guests, "amd64/vmlinux"));
    assertThat(table.find(0xffff_ffff_8100_0000L)).isNotNull();
    assertThat(table.isEmpty()).isFalse();
  }
}
