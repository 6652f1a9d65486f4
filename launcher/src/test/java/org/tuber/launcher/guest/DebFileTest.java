package org.tuber.launcher.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

class DebFileTest {
  @TempDir Path dir;

  private static byte[] tar() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      TarArchiveEntry folder = new TarArchiveEntry("./boot/");
      tar.putArchiveEntry(folder);
      tar.closeArchiveEntry();
      byte[] content = "kernel".getBytes(StandardCharsets.US_ASCII);
      TarArchiveEntry file = new TarArchiveEntry("./boot/vmlinuz-6.1");
      file.setSize(content.length);
      tar.putArchiveEntry(file);
      tar.write(content);
      tar.closeArchiveEntry();
    }
    return bytes.toByteArray();
  }

  private Path deb(String member, byte[] data) throws IOException {
    Path file = dir.resolve("p.deb");
    try (OutputStream out = Files.newOutputStream(file);
        ArArchiveOutputStream ar = new ArArchiveOutputStream(out)) {
      add(ar, "debian-binary", "2.0\n".getBytes(StandardCharsets.US_ASCII));
      add(ar, "control.tar.xz", new byte[] {1, 2, 3});
      add(ar, member, data);
    }
    return file;
  }

  private static void add(ArArchiveOutputStream ar, String name, byte[] data) throws IOException {
    ar.putArchiveEntry(new ArArchiveEntry(name, data.length));
    ar.write(data);
    ar.closeArchiveEntry();
  }

  private void check(Path deb) throws IOException {
    Path target = dir.resolve("out");
    new DebFile(deb).extract(name -> name.startsWith("boot/vmlinuz-"), target);
    assertThat(target).hasContent("kernel");
  }

  @Test
  void xzMember() throws Exception {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (XZOutputStream out = new XZOutputStream(packed, new LZMA2Options(1))) {
      out.write(tar());
    }
    check(deb("data.tar.xz", packed.toByteArray()));
  }

  @Test
  void zstdMember() throws Exception {
    check(deb("data.tar.zst", Zstd.compress(tar())));
  }

  @Test
  void plainMember() throws Exception {
    check(deb("data.tar", tar()));
  }

  @Test
  void missingFileIsSaid() throws Exception {
    Path deb = deb("data.tar", tar());
    assertThatThrownBy(() -> new DebFile(deb).extract(name -> false, dir.resolve("x")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("p.deb");
  }
}
