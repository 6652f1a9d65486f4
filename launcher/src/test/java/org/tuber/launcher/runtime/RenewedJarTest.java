package org.tuber.launcher.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.classfile.ClassFile;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class RenewedJarTest {
  @TempDir Path folder;

  private Path copyOfPicocli() throws Exception {
    URL place = CommandLine.class.getProtectionDomain().getCodeSource().getLocation();
    Path jar = folder.resolve("picocli.jar");
    Files.copy(Path.of(place.toURI()), jar);
    return jar;
  }

  @Test
  void aJarOfOldClassesGetsStackMapsThatHold() throws Exception {
    Path jar = copyOfPicocli();
    assertThat(RenewedJar.renew(jar)).isTrue();
    try (ZipFile zip = new ZipFile(jar.toFile());
        URLClassLoader loader =
            new URLClassLoader(
                new URL[] {jar.toUri().toURL()}, ClassLoader.getPlatformClassLoader())) {
      int classes = 0;
      for (ZipEntry e : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
        if (!e.getName().startsWith("picocli/") || !e.getName().endsWith(".class")) {
          continue;
        }
        classes++;
        var model = ClassFile.of().parse(zip.getInputStream(e).readAllBytes());
        assertThat(model.majorVersion()).as(e.getName()).isGreaterThanOrEqualTo(50);
        String name = e.getName().replace('/', '.').replaceFirst("\\.class$", "");
        // Initialising links, and linking verifies with the maps: these versions allow no other
        // way.
        Class.forName(name, true, loader);
      }
      assertThat(classes).isGreaterThan(100);
    }
  }

  @Test
  void aJarThatIsNewEnoughStaysAsItIs() throws Exception {
    Path jar = copyOfPicocli();
    RenewedJar.renew(jar);
    byte[] once = Files.readAllBytes(jar);
    assertThat(RenewedJar.renew(jar)).isFalse();
    assertThat(Files.readAllBytes(jar)).isEqualTo(once);
  }
}
