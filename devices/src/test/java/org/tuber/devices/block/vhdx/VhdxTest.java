package org.tuber.devices.block.vhdx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.QemuTools;
import org.tuber.devices.block.RandomDisk;

/** What only VHDX has: the log, and images that hold the difference to a parent. */
class VhdxTest {
  private static final int DISK_BYTES = 9 << 20;
  private static final int LOG_GUID = 48;

  @TempDir Path dir;

  private static OpenOptions options() {
    return OpenOptions.readWrite().withFormat("vhdx").withCache(CacheMode.UNSAFE);
  }

  /** An image that QEMU wrote, put back to the moment before the log's entries were carried out. */
  private byte[] withLogToReplay() throws IOException {
    Path image = dir.resolve("q.vhdx");
    QemuTools.img(dir, "create", "-q", "-f", "vhdx", "-o", "block_size=1M", image.toString(), "9M");
    QemuTools.io(dir, "vhdx", image, "write -P 5 1M 3M", "write -P 6 8M 100k");
    byte[] b = Files.readAllBytes(image);
    int newest = Bytes.le64(b, 65536 + 8) > Bytes.le64(b, 131072 + 8) ? 65536 : 131072;
    int last = -1;
    int log = (int) Bytes.le64(b, newest + 72);
    for (int at = log; at < log + (1 << 20); at += 4096) {
      boolean entry = Bytes.startsWith(b, at, "loge");
      if (entry && (last < 0 || Bytes.le64(b, at + 16) > Bytes.le64(b, last + 16))) {
        last = at;
      }
    }
    assertThat(last).as("QEMU left no log").isPositive();
    // The sectors the newest entry is about are as if they had not been written.
    for (int i = 0; i < Bytes.le32(b, last + 24); i++) {
      int to = (int) Bytes.le64(b, last + 64 + i * 32 + 16);
      Arrays.fill(b, to, to + 4096, (byte) 0);
    }
    System.arraycopy(b, last + 32, b, newest + LOG_GUID, 16);
    Bytes.putLe32(
        b, newest + 4, VhdxLog.crc(Arrays.copyOfRange(b, newest, newest + 4096), 4096, 4));
    return b;
  }

  @Test
  void aLogIsReplayedAsQemuReplaysIt() throws IOException {
    QemuTools.require("qemu-img");
    byte[] dirty = withLogToReplay();
    Path ours = Files.write(dir.resolve("ours.vhdx"), dirty);
    Path theirs = Files.write(dir.resolve("theirs.vhdx"), dirty);
    assertThatThrownBy(() -> Images.open(ours.toString(), OpenOptions.readOnly()))
        .hasMessageContaining("needs to be replayed");
    try (BlockNode node = Images.open(ours.toString(), options())) {
      ByteBuffer b = ByteBuffer.allocate(DISK_BYTES);
      node.read(0, b);
      assertThat(b.get(1 << 20)).isEqualTo((byte) 5);
      assertThat(b.get((8 << 20) + 99_999)).isEqualTo((byte) 6);
      assertThat(node.check(CheckReport.Repair.NONE).isClean()).isTrue();
    }
    QemuTools.img(dir, "check", "-r", "all", "-f", "vhdx", theirs.toString());
    QemuTools.img(dir, "compare", "-s", ours.toString(), theirs.toString());
    QemuTools.img(dir, "check", "-f", "vhdx", ours.toString());
  }

  @Test
  void differencesToAParent() throws IOException {
    Path base = dir.resolve("base.vhdx");
    Path top = dir.resolve("top.vhdx");
    VhdxFormat format = new VhdxFormat();
    format.create(CreateOptions.of(base.toString(), DISK_BYTES).with("block_size", "1M"));
    RandomDisk below;
    try (BlockNode node = Images.open(base.toString(), options())) {
      below = new RandomDisk(node, new byte[DISK_BYTES], 1);
      below.work(60);
    }
    byte[] content = Files.readAllBytes(below.store(dir.resolve("e.raw")));
    format.create(
        CreateOptions.of(top.toString(), DISK_BYTES)
            .with("block_size", "1M")
            .with("backing_file", "base.vhdx"));
    makePartial(top, content);
    byte[] before = Files.readAllBytes(base);
    RandomDisk disk;
    try (BlockNode node = Images.open(top.toString(), options())) {
      assertThat(node.backingName()).isEqualTo("base.vhdx");
      disk = new RandomDisk(node, content, 2);
      disk.verify();
      disk.work(40);
      disk.verify();
      assertThat(node.check(CheckReport.Repair.NONE).isClean()).isTrue();
    }
    try (BlockNode node = Images.open(top.toString(), options())) {
      disk = new RandomDisk(node, Files.readAllBytes(disk.store(dir.resolve("e.raw"))), 3);
      disk.verify();
    }
    assertThat(Files.readAllBytes(base)).isEqualTo(before);
    try (BlockNode node = Images.open(base.toString(), options())) {
      node.write(0, ByteBuffer.wrap(new byte[512]));
    }
    assertThatThrownBy(() -> Images.open(top.toString(), options()))
        .hasMessageContaining("has been written to");
  }

  /** Makes block 3 one of which every other sector is the parent's, as Hyper-V leaves them. */
  private static void makePartial(Path top, byte[] content) throws IOException {
    byte[] b = Files.readAllBytes(top);
    int bat = 3 << 20;
    int ratio = 4096;
    int bitmap = b.length;
    byte[] more = Arrays.copyOf(b, b.length + (2 << 20));
    Bytes.putLe64(more, bat + ratio * 8, bitmap | 6L);
    Bytes.putLe64(more, bat + 3 * 8, bitmap + (1 << 20) | 7L);
    for (int i = 0; i < 2048; i += 2) {
      more[bitmap + 3 * 256 + i / 8] |= (byte) (1 << i % 8);
      Arrays.fill(more, bitmap + (1 << 20) + i * 512, bitmap + (1 << 20) + i * 512 + 512, (byte) i);
      Arrays.fill(content, (3 << 20) + i * 512, (3 << 20) + i * 512 + 512, (byte) i);
    }
    Files.write(top, more);
  }
}
