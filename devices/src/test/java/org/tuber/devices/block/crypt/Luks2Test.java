package org.tuber.devices.block.crypt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;

/** Volumes made by cryptsetup, and what it decrypts of ours. */
class Luks2Test {
  private static final String PASSPHRASE = "open sesame";
  private static final int DISK_BYTES = 2 << 20;

  @TempDir Path dir;

  private static OpenOptions options(String passphrase) {
    return OpenOptions.readWrite()
        .withSecrets(id -> passphrase.getBytes(StandardCharsets.UTF_8))
        .withSecretId("k");
  }

  private void cryptsetup(String... arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of("cryptsetup", "-q"));
    all.addAll(List.of(arguments));
    QemuTools.Result r = QemuTools.run(dir, all.toArray(String[]::new));
    assertThat(r.status()).as(String.join(" ", all) + "\n" + r.output()).isZero();
  }

  private byte[] makeVolume(String options) throws IOException {
    QemuTools.require("cryptsetup");
    Files.writeString(dir.resolve("key"), PASSPHRASE);
    byte[] plain = new byte[DISK_BYTES];
    new Random(3).nextBytes(plain);
    // The header takes what is cut from the end.
    Files.write(dir.resolve("v"), Arrays.copyOf(plain, DISK_BYTES + (32 << 20)));
    List<String> all = new ArrayList<>(List.of("reencrypt", "--encrypt", "--type", "luks2"));
    all.addAll(List.of("--reduce-device-size", "32M", "--key-file", "key"));
    all.addAll(List.of(options.split(" ")));
    all.add("v");
    cryptsetup(all.toArray(String[]::new));
    return plain;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--pbkdf argon2id --pbkdf-memory 8192 --pbkdf-force-iterations 4",
        "--pbkdf argon2i --pbkdf-memory 8192 --pbkdf-force-iterations 4 --sector-size 512",
        "--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --hash sha512 --key-size 256"
            + " --sector-size 4096",
      })
  void cryptsetupsVolumesAreReadAndWritten(String how) throws IOException {
    byte[] plain = makeVolume(how);
    String image = dir.resolve("v").toString();
    assertThatThrownBy(() -> Images.open(image, options("wrong")))
        .hasMessageContaining("Invalid password");
    byte[] expected;
    try (BlockNode node = Images.open(image, options(PASSPHRASE))) {
      assertThat(node.formatName()).isEqualTo("luks");
      byte[] now = new byte[(int) node.lengthBytes()];
      node.read(0, ByteBuffer.wrap(now));
      assertThat(Arrays.mismatch(plain, 0, DISK_BYTES, now, 0, DISK_BYTES)).isEqualTo(-1);
      RandomDisk disk = new RandomDisk(node, now, 1);
      disk.work(30);
      disk.verify();
      expected = disk.expected();
    }
    cryptsetup(
        "reencrypt",
        "--decrypt",
        "--force-offline-reencrypt",
        "--key-file",
        "key",
        "--header",
        "exported",
        "v");
    byte[] back = Files.readAllBytes(dir.resolve("v"));
    assertThat(Arrays.mismatch(expected, 0, expected.length, back, 0, expected.length))
        .isEqualTo(-1);
  }

  @Test
  void theSecondHeaderServesWhenTheFirstIsDamaged() throws IOException {
    byte[] plain = makeVolume("--pbkdf pbkdf2 --pbkdf-force-iterations 1000");
    Path v = dir.resolve("v");
    byte[] all = Files.readAllBytes(v);
    Random random = new Random(1);
    for (int i = 0; i < 12; i++) {
      byte[] bad = all.clone();
      int at = 20 + random.nextInt(16 << 10);
      bad[at] ^= (byte) (1 + random.nextInt(255));
      if (i % 2 == 1) {
        bad[(16 << 10) + 10 + random.nextInt(16 << 10)] ^= 0x41;
      }
      Files.write(v, bad);
      try (BlockNode node = Images.open(v.toString(), options(PASSPHRASE))) {
        byte[] now = new byte[4096];
        node.read(0, ByteBuffer.wrap(now));
        assertThat(Arrays.equals(now, 0, 4096, plain, 0, 4096)).isTrue();
      } catch (ImageException e) {
        assertThat(i % 2).as("one header is sound: " + e.getMessage()).isEqualTo(1);
      }
    }
  }

  @Test
  void bothImplementationsOfArgon2Agree() throws IOException {
    byte[] salt = "0123456789abcdef".getBytes(StandardCharsets.UTF_8);
    byte[] secret = "secret".getBytes(StandardCharsets.UTF_8);
    for (boolean id : new boolean[] {true, false}) {
      Argon2.Cost cost = new Argon2.Cost(id, 3, 256, 4);
      assertThat(Argon2.derive("i", cost, secret, salt, 64))
          .isEqualTo(Argon2.byLibrary("i", cost, secret, salt, 64));
    }
    assertThatThrownBy(
            () -> Argon2.byLibrary("i", new Argon2.Cost(true, 1, 1L << 32, 1), secret, salt, 64))
        .hasMessageContaining("heap");
  }
}
