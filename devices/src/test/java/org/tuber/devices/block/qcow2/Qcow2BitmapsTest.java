package org.tuber.devices.block.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.QemuTools;

/** Bitmaps made by either program are read, kept up to date, and stored by the other. */
class Qcow2BitmapsTest {
  private static final int UNIT = 64 << 10;
  private static final int DISK_BYTES = 16 << 20;

  @TempDir Path dir;
  private String image;

  @BeforeEach
  void create() throws Exception {
    QemuTools.require("qemu-img");
    QemuTools.require("qemu-io");
    image = dir.resolve("a.qcow2").toString();
    qemu("qemu-img", "create", "-q", "-f", "qcow2", image, "16M");
  }

  private void qemu(String... command) throws IOException {
    QemuTools.Result r = QemuTools.run(dir, command);
    assertThat(r.status()).as(String.join(" ", command) + "\n" + r.output()).isZero();
  }

  private BlockNode open() throws IOException {
    return Images.open(image, OpenOptions.readWrite().withFormat("qcow2"));
  }

  private static DirtyBitmap find(BlockNode node, String name) throws IOException {
    List<DirtyBitmap> found = node.bitmaps().stream().filter(b -> b.name().equals(name)).toList();
    assertThat(found).hasSize(1);
    return found.get(0);
  }

  private static BitSet marks(DirtyBitmap b) {
    BitSet set = new BitSet();
    for (int i = 0; i < DISK_BYTES / UNIT; i++) {
      set.set(i, b.isSet((long) i * UNIT));
    }
    return set;
  }

  @Test
  void changesAreRecordedByBothInTurn() throws Exception {
    qemu("qemu-img", "bitmap", "--add", "-g", "64k", image, "theirs");
    Random random = new Random(5);
    BitSet expected = new BitSet();
    for (int round = 0; round < 6; round++) {
      int at = random.nextInt(DISK_BYTES - 200_000);
      int length = 1 + random.nextInt(200_000);
      if (round % 2 == 0) {
        qemu("qemu-io", "-c", "write " + (at & -512) + " " + (length + 511 & -512), image);
        expected.set((at & -512) / UNIT, ((at & -512) + (length + 511 & -512) - 1) / UNIT + 1);
      } else {
        try (BlockNode node = open()) {
          switch (round) {
            case 1 -> node.write(at, ByteBuffer.allocate(length));
            case 3 -> node.writeZeroes(at, length, true);
            default -> node.discard(at, length);
          }
          if (round == 1) {
            node.addBitmap(new DirtyBitmap("ours", DISK_BYTES, UNIT));
          }
        }
        expected.set(at / UNIT, (at + length - 1) / UNIT + 1);
      }
      qemu("qemu-img", "check", "-q", image);
      try (BlockNode node = Images.open(image, OpenOptions.readOnly().withFormat("qcow2"))) {
        assertThat(marks(find(node, "theirs"))).isEqualTo(expected);
      }
    }
    // QEMU merges what we recorded and we read what it made of that.
    qemu("qemu-img", "bitmap", "--add", "--disable", "-g", "64k", image, "sum");
    qemu("qemu-img", "bitmap", "--merge", "ours", "--merge", "theirs", image, "sum");
    try (BlockNode node = open()) {
      assertThat(marks(find(node, "sum"))).isEqualTo(expected);
      assertThat(find(node, "sum").isRecording()).isFalse();
    }
  }

  @Test
  void aCrashLeavesThemUntrusted() throws Exception {
    try (BlockNode node = open()) {
      node.addBitmap(new DirtyBitmap("b", DISK_BYTES, UNIT));
    }
    Path copy = dir.resolve("copy.qcow2");
    try (BlockNode node = open()) {
      node.write(0, ByteBuffer.allocate(UNIT));
      node.flush();
      Files.copy(Path.of(image), copy);
    }
    try (BlockNode node =
        Images.open(copy.toString(), OpenOptions.readWrite().withFormat("qcow2"))) {
      assertThat(find(node, "b").isInconsistent()).isTrue();
      node.write(UNIT, ByteBuffer.allocate(UNIT));
    }
    qemu("qemu-img", "check", "-q", copy.toString());
    try (BlockNode node =
        Images.open(copy.toString(), OpenOptions.readWrite().withFormat("qcow2"))) {
      assertThat(find(node, "b").isInconsistent()).isTrue();
      node.removeBitmap("b");
    }
    qemu("qemu-img", "check", "-q", copy.toString());
    qemu("qemu-img", "bitmap", "--add", copy.toString(), "b");
  }

  @Test
  void sizesFollowTheDisk() throws Exception {
    try (BlockNode node = open()) {
      DirtyBitmap b = new DirtyBitmap("b", DISK_BYTES, UNIT);
      node.addBitmap(b);
      node.write(DISK_BYTES - UNIT, ByteBuffer.allocate(UNIT));
      node.resize(DISK_BYTES * 8L, Preallocation.OFF);
      node.write(DISK_BYTES * 8L - UNIT, ByteBuffer.allocate(UNIT));
      assertThat(b.dirtyCount()).isEqualTo(2);
    }
    qemu("qemu-img", "check", "-q", image);
    try (BlockNode node = open()) {
      assertThat(find(node, "b").dirtyCount()).isEqualTo(2);
      assertThat(find(node, "b").isSet(DISK_BYTES * 8L - 1)).isTrue();
      assertThatThrownBy(() -> node.addBitmap(new DirtyBitmap("b", DISK_BYTES * 8L, UNIT)))
          .hasMessageContaining("already exists");
      node.resize(DISK_BYTES, Preallocation.OFF);
      node.removeBitmap("b");
    }
    qemu("qemu-img", "check", "-q", image);
  }
}
