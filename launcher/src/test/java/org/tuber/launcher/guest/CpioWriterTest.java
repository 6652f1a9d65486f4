package org.tuber.launcher.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;

/** Reads back with an independent reader. */
class CpioWriterTest {
  private static Map<String, CpioArchiveEntry> entries(InputStream in) throws Exception {
    Map<String, CpioArchiveEntry> result = new LinkedHashMap<>();
    try (CpioArchiveInputStream cpio = new CpioArchiveInputStream(in)) {
      CpioArchiveEntry entry;
      while ((entry = cpio.getNextEntry()) != null) {
        result.put(entry.getName(), entry);
      }
    }
    return result;
  }

  @Test
  void everyKindOfEntryComesBack() throws Exception {
    CpioWriter writer = new CpioWriter();
    writer.directory("dev", 0755);
    writer.characterDevice("dev/console", 0600, 5, 1);
    writer.file("a", 0755, "hello".getBytes(StandardCharsets.US_ASCII));
    writer.link("b", "a");
    byte[] archive = writer.finish();
    assertThat(archive.length % 512).isZero();
    Map<String, CpioArchiveEntry> entries = entries(new ByteArrayInputStream(archive));
    assertThat(entries.keySet()).containsExactly("dev", "dev/console", "a", "b");
    assertThat(entries.get("dev").isDirectory()).isTrue();
    assertThat(entries.get("dev/console").isCharacterDevice()).isTrue();
    assertThat(entries.get("dev/console").getRemoteDeviceMaj()).isEqualTo(5);
    assertThat(entries.get("a").getSize()).isEqualTo(5);
    assertThat(entries.get("a").getMode() & 0777).isEqualTo(0755);
    assertThat(entries.get("b").isSymbolicLink()).isTrue();
  }

  @Test
  void initramfsHoldsAStartScriptAndBusybox() throws Exception {
    byte[] initramfs = Initramfs.of(new byte[] {1, 2, 3});
    Map<String, CpioArchiveEntry> entries =
        entries(new GZIPInputStream(new ByteArrayInputStream(initramfs)));
    assertThat(entries.get("init").getMode() & 0111).isEqualTo(0111);
    assertThat(entries.get("bin/busybox").getSize()).isEqualTo(3);
    assertThat(entries).containsKeys("dev/console", "proc", "sys");
    assertThat(Initramfs.of(new byte[] {1, 2, 3})).isEqualTo(initramfs);
  }
}
