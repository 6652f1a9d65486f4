package org.tuber.truffle.x86.user;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.ElfKind;
import org.tuber.truffle.engine.linux.ProgramException;
import org.tuber.truffle.x86.sys.CpuModel;

/** Damaged files are refused, whatever is wrong with them. */
class ObjectLinkerTest {
  private static final Architecture X86 = new X86Linux(CpuModel.of(Map.of()));

  @TempDir Path folder;

  @Test
  void damagedObjectsAndLibrariesAreRefused() throws Exception {
    Path gcc = Path.of("/usr/bin/gcc");
    assumeTrue(Files.exists(gcc) || System.getenv("CI") != null, "gcc is not there");
    Path c =
        Files.writeString(
            folder.resolve("a.c"), "int v[3]; extern int w; int f(int i) { return v[i] + w; }");
    Path object = folder.resolve("a.o");
    Process p =
        new ProcessBuilder(gcc.toString(), "-fPIC", "-c", "-o", object.toString(), c.toString())
            .inheritIO()
            .start();
    assertThat(p.waitFor()).isZero();
    byte[] file = Files.readAllBytes(object);
    byte[] library = ObjectLinker.link(file, "a.o");
    assertThat(ElfKind.of(library, "a.so", X86).kind()).isEqualTo(ElfKind.Kind.LIBRARY);
    assertThat(ElfKind.of(library, "a.so", X86).needed()).containsExactly("libc.so.6", "libm.so.6");
    Random random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      boolean isObject = (i & 1) == 0;
      byte[] bad = (isObject ? file : library).clone();
      for (int n = random.nextInt(3); n >= 0; n--) {
        bad[random.nextInt(bad.length)] = (byte) (random.nextInt(3) - 1 << random.nextInt(8));
      }
      try {
        if (isObject) {
          ObjectLinker.link(bad, "bad");
        }
        ElfKind.of(bad, "bad", X86);
      } catch (ProgramException e) {
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }
}
