package org.tuber.launcher.user;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs for i386 of a sysroot, what {@code .ci/fetch-i386} puts there, and some built with it.
 */
class UserProgram32Test {
  @TempDir Path folder;
  private static String sysroot;

  @BeforeAll
  static void hostFits() {
    Programs.needsHost();
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"));
    Path all = guests == null ? home.resolve(".cache/tuber/guests") : Path.of(guests);
    sysroot = all.resolve("i386").toString();
    Programs.needs(sysroot + "/lib/ld-linux.so.2");
    Programs.needs(sysroot + "/usr/bin/perl");
  }

  /** The sysroot's program by its own dynamic linker, and emulated with the sysroot. */
  private void same(String program, String... arguments) throws Exception {
    String libraries = sysroot + "/lib/i386-linux-gnu:" + sysroot + "/usr/lib/i386-linux-gnu";
    List<String> plain =
        new ArrayList<>(
            List.of(
                sysroot + "/lib/ld-linux.so.2",
                "--library-path",
                libraries,
                "--argv0",
                program,
                sysroot + program));
    plain.addAll(List.of(arguments));
    List<String> emulated = new ArrayList<>(List.of("-L", sysroot, program));
    emulated.addAll(List.of(arguments));
    Programs.same(folder, plain, emulated);
  }

  /** Options that make the host's gcc build static programs for i386. */
  private static List<String> options() throws Exception {
    Path gcc;
    try (var versions = Files.list(Path.of(sysroot, "usr/lib/gcc/i686-linux-gnu"))) {
      gcc = versions.findFirst().orElseThrow();
    }
    String libraries = sysroot + "/usr/lib/i386-linux-gnu";
    return List.of(
        "-m32",
        "-static",
        "-w",
        "-pthread",
        "-isystem",
        sysroot + "/usr/include/i386-linux-gnu",
        "-isystem",
        sysroot + "/usr/include",
        "-B" + libraries,
        "-B" + gcc,
        "-L" + libraries,
        "-L" + gcc);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"calls", "descriptors", "tasks", "sizes", "usage", "limits", "segments", "faults"})
  void systemCallsOfManyKinds(String name) throws Exception {
    String source = Files.readString(Programs.resource(name + ".c"));
    String program = Programs.compile(folder, name, source, options()).toString();
    Programs.same(folder, List.of(program), List.of(program));
  }

  @Test
  void damagedHeaders() throws Exception {
    Programs.damaged("/usr/bin/gcc", folder, options());
  }

  @Test
  void bashSortsAndPacks() throws Exception {
    String script =
        "ls /proc/sys | sort | head -5; x=$(echo sub; (exit 3)); echo $x $?; "
            + "trap 'echo usr1' USR1; kill -USR1 $$; cat < <(echo fifo); echo $((7 ** 20)); "
            + "head -c 200000 /etc/services /etc/passwd | bzip2 -9 | sha256sum; "
            + "sleep 0.2 & wait $!; echo $?; (kill -9 $BASHPID); echo $?; exit 7";
    same("/bin/bash", "-c", script);
  }

  @Test
  void perl() throws Exception {
    same("/usr/bin/perl", "-e", Programs.PERL);
  }
}
