package org.tuber.devices.block.fat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;

/** Directories as disks: what fsck.fat and mtools find on them is what is in the directory. */
class FatFileTest {
  private static final int SECTOR = 512;
  private static final long PARTITION = 63L * SECTOR;

  @TempDir Path dir;

  @BeforeAll
  static void needsTools() {
    QemuTools.require("mtools");
    QemuTools.require("mkfs.fat", "--help");
  }

  private static BlockNode open(String name) throws IOException {
    return Images.open(name, OpenOptions.readOnly().withFormat("raw"));
  }

  /** Copies a disk into a file, holes as holes. */
  private Path copy(String name) throws IOException {
    Path file = dir.resolve("copy.raw");
    Files.deleteIfExists(file);
    try (BlockNode disk = open(name);
        RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(disk.lengthBytes());
      for (long at = 0; at < disk.lengthBytes(); ) {
        long most = Math.min(disk.lengthBytes() - at, 1 << 20);
        BlockStatus s = disk.status(at, most);
        if (s.kind() == BlockStatus.Kind.DATA) {
          ByteBuffer b = ByteBuffer.allocate((int) s.length());
          disk.read(at, b);
          out.getChannel().write(b.flip(), at);
        }
        at += s.length();
      }
    }
    return file;
  }

  /** The file system is sound, and holds exactly what is in the directory. */
  private void verify(String name, Path directory, boolean partition) throws IOException {
    Path disk = copy(name);
    Path system = disk;
    if (partition) {
      system = dir.resolve("partition.raw");
      QemuTools.Result dd =
          QemuTools.run(
              dir,
              "dd",
              "if=" + disk,
              "of=" + system,
              "bs=512",
              "skip=63",
              "conv=sparse",
              "status=none");
      assertThat(dd.status()).as(dd.output()).isZero();
    }
    QemuTools.Result check = QemuTools.run(dir, "fsck.fat", "-n", "-v", system.toString());
    assertThat(check.status()).as(check.output()).isZero();
    assertThat(check.output()).doesNotContain("ifferences").doesNotContain("wrong");
    Path out = dir.resolve("out");
    QemuTools.run(dir, "rm", "-rf", out.toString());
    Files.createDirectory(out);
    String place = partition ? disk + "@@" + PARTITION : disk.toString();
    if (directory.toFile().list().length > 0) {
      QemuTools.Result mcopy =
          QemuTools.run(
              dir, "env", "LC_ALL=C.UTF-8", "mcopy", "-s", "-n", "-m", "-i", place, "::*", "out");
      assertThat(mcopy.status()).as(mcopy.output()).isZero();
    }
    assertThat(listing(out)).isEqualTo(listing(directory));
  }

  /** Names and content of all below. */
  private static List<String> listing(Path directory) throws IOException {
    List<String> all = new ArrayList<>();
    try (Stream<Path> files = Files.walk(directory, FileVisitOption.FOLLOW_LINKS)) {
      for (Path p : files.sorted().toList()) {
        String name = directory.relativize(p).toString();
        if (Files.isDirectory(p)) {
          all.add(name + "/");
        } else if (Files.isRegularFile(p)) {
          all.add(name + " " + Arrays.hashCode(Files.readAllBytes(p)) + " " + Files.size(p));
        }
      }
    }
    return all;
  }

  private Path fill(long seed, int files, int most) throws IOException {
    Random random = new Random(seed);
    Path root = Files.createDirectory(dir.resolve("d" + seed));
    List<Path> directories = new ArrayList<>(List.of(root));
    String[] words = {
      "README", "read me", "a", "Long File Name with spaces", "x.tar", "ümlaut", "日本"
    };
    for (int i = 0; i < files; i++) {
      Path parent = directories.get(random.nextInt(directories.size()));
      String name = words[random.nextInt(words.length)] + i;
      name += random.nextInt(3) == 0 ? "" : "." + "TXT html c Jpeg".split(" ")[random.nextInt(4)];
      if (random.nextInt(6) == 0) {
        directories.add(Files.createDirectory(parent.resolve(name)));
        continue;
      }
      byte[] data = new byte[random.nextInt(4) == 0 ? 0 : random.nextInt(most)];
      random.nextBytes(data);
      Files.write(parent.resolve(name), data);
    }
    return root;
  }

  @ParameterizedTest
  @CsvSource({
    "'fat:', 40000, true",
    "'fat:16:', 40000, true",
    "'fat:32:', 40000, true",
    "'fat:12:', 40000, true",
    "'fat:floppy:', 8000, false",
    "'fat:floppy:12:', 4000, false",
    "'fat:floppy:16:', 8000, false"
  })
  void allFilesAreThere(String prefix, int most, boolean partition) throws IOException {
    Path d = fill(most + prefix.length(), 120, most);
    verify(prefix + d, d, partition);
  }

  @Test
  void anEmptyDirectoryIsAnEmptyDisk() throws IOException {
    Path d = Files.createDirectory(dir.resolve("empty"));
    verify("fat:" + d, d, true);
    verify("fat:32:" + d, d, true);
  }

  @Test
  void manyFilesInOneDirectoryAndWhatDoesNotFitSixteenBits() throws IOException {
    Path d = Files.createDirectory(dir.resolve("many"));
    Path sub = Files.createDirectory(d.resolve("below"));
    for (int i = 0; i < 3000; i++) {
      Files.write(sub.resolve("a file with a long name, number " + i), new byte[] {(byte) i});
      Files.createFile(d.resolve("in the root number " + i));
    }
    verify("fat:" + d, d, true);
    // More than 504 MiB, most of it a hole: FAT32 by itself.
    try (RandomAccessFile f = new RandomAccessFile(d.resolve("large").toFile(), "rw")) {
      f.setLength(700L << 20);
    }
    try (BlockNode disk = open("fat:" + d)) {
      assertThat(disk.lengthBytes()).isGreaterThan(1L << 30);
      ByteBuffer b = ByteBuffer.allocate(SECTOR);
      disk.read(PARTITION, b);
      assertThat(new String(b.array(), 82, 8, StandardCharsets.US_ASCII)).isEqualTo("FAT32   ");
    }
    assertThatThrownBy(() -> open("fat:16:" + d)).hasMessageContaining("does not fit in FAT16");
    assertThatThrownBy(() -> open("fat:floppy:" + d)).hasMessageContaining("does not fit");
  }

  @Test
  void namesThatFatDoesNotHave() throws IOException {
    Path d = Files.createDirectory(dir.resolve("names"));
    String[] hostile = {
      "a:b*c?",
      "A:B*C?",
      "same",
      "SAME",
      "Same",
      "trailing.",
      "trailing",
      "dots...",
      ".hidden",
      "CON",
      "x".repeat(255),
      "X".repeat(255),
      "tab\there",
      "back\\slash",
      " ",
      "~1",
      "LONGNA~1.TXT",
      "longnameone.txt",
      "longnametwo.txt",
      "longnamethree.txt",
      "longname4.txt",
      "longname5.txt",
      "longname6.txt",
      "longname7.txt",
      "é",
      "É",
      "\ud83d\ude00"
    };
    for (String name : hostile) {
      Files.writeString(d.resolve(name), name);
    }
    Path disk = copy("fat:32:" + d);
    Path out = Files.createDirectory(dir.resolve("out"));
    QemuTools.Result r =
        QemuTools.run(
            dir,
            "env",
            "LC_ALL=C.UTF-8",
            "mcopy",
            "-s",
            "-n",
            "-i",
            disk + "@@" + PARTITION,
            "::*",
            "out");
    assertThat(r.status()).as(r.output()).isZero();
    List<String> contents = new ArrayList<>();
    List<String> names = new ArrayList<>();
    try (Stream<Path> all = Files.list(out)) {
      for (Path p : all.toList()) {
        contents.add(Files.readString(p));
        names.add(p.getFileName().toString().toUpperCase(java.util.Locale.ROOT));
      }
    }
    assertThat(contents).containsExactlyInAnyOrder(hostile);
    assertThat(names).doesNotHaveDuplicates();
    verify("fat:" + out, out, true);
  }

  @Test
  void linksAreFollowedButNotInCircles() throws IOException {
    Path d = Files.createDirectory(dir.resolve("links"));
    Path sub = Files.createDirectory(d.resolve("sub"));
    Files.writeString(sub.resolve("file"), "content");
    Files.createSymbolicLink(sub.resolve("up"), d);
    Files.createSymbolicLink(d.resolve("here"), Path.of("sub/file"));
    Files.createSymbolicLink(d.resolve("nowhere"), Path.of("no such file"));
    assertThat(QemuTools.run(d, "mkfifo", "pipe").status()).isZero();
    Path expected = Files.createDirectory(dir.resolve("expected"));
    Files.createDirectory(expected.resolve("sub"));
    Files.writeString(expected.resolve("sub/file"), "content");
    Files.writeString(expected.resolve("here"), "content");
    verify("fat:" + d, expected, true);
  }

  @Test
  void filesMayChangeMeanwhile() throws IOException {
    Path d = Files.createDirectory(dir.resolve("change"));
    byte[] data = new byte[100_000];
    Arrays.fill(data, (byte) 7);
    for (String name : new String[] {"gone", "longer", "shorter"}) {
      Files.write(d.resolve(name), data);
    }
    try (BlockNode disk = open("fat:" + d)) {
      Files.delete(d.resolve("gone"));
      Files.write(d.resolve("longer"), new byte[200_000]);
      Files.write(d.resolve("shorter"), Arrays.copyOf(data, 10_000));
      byte[] all = new byte[2 << 20];
      int failed = 0;
      int sevens = 0;
      for (int at = 0; at < all.length; at += SECTOR) {
        try {
          ByteBuffer b = ByteBuffer.wrap(all, at, SECTOR);
          disk.read(at, b);
          for (int i = at; i < at + SECTOR; i++) {
            sevens += all[i] == 7 ? 1 : 0;
          }
        } catch (IOException e) {
          assertThat(e).hasMessageContaining("gone");
          failed++;
        }
      }
      assertThat(failed).isEqualTo((data.length + SECTOR - 1) / SECTOR);
      assertThat(sevens).isBetween(10_000, 10_500);
    }
  }

  @Test
  void whatCannotBeIsRefused() throws IOException {
    Path d = Files.createDirectory(dir.resolve("d"));
    try (RandomAccessFile f = new RandomAccessFile(d.resolve("huge").toFile(), "rw")) {
      f.setLength(4L << 30);
    }
    assertThatThrownBy(() -> open("fat:" + d)).hasMessageContaining("huge is larger");
    assertThatThrownBy(() -> open("fat:" + dir.resolve("nope"))).hasMessageContaining("nope");
    Files.delete(d.resolve("huge"));
    assertThatThrownBy(() -> open("fat:rw:" + d)).hasMessageContaining("read-only");
    assertThatThrownBy(() -> open("fat:floppy:32:" + d)).hasMessageContaining("too small");
    assertThatThrownBy(() -> open("fat:label=lower:" + d)).hasMessageContaining("label");
    assertThatThrownBy(() -> Images.createFile("fat:" + d)).hasMessageContaining("fat:");
    OpenOptions writable = OpenOptions.readWrite().withFormat("raw");
    try (BlockNode disk = Images.open("fat:" + d, writable)) {
      assertThat(disk.isReadOnly()).isTrue();
      assertThatThrownBy(() -> disk.write(0, ByteBuffer.allocate(SECTOR)))
          .hasMessageContaining("read-only");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fat:", "fat:12:", "fat:floppy:", "fat:floppy:12:", "fat:floppy:16:"})
  void disksAreAsLargeAsQemus(String prefix) throws IOException {
    QemuTools.require("qemu-img");
    Path d = fill(1, 10, 1000);
    try (BlockNode disk = open(prefix + d)) {
      assertThat(QemuTools.img(dir, "info", prefix + d))
          .contains("(" + disk.lengthBytes() + " bytes)");
    }
  }
}
