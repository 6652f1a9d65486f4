package org.tuber.machine.firmware.fdt;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class FdtWriterTest {
  @Test
  void writesHeaderStructureAndNames() {
    FdtNode root = FdtNode.root().cells("#size-cells", 2);
    root.child("cpu@0").strings("compatible", "a", "bc").flag("on").cells("#size-cells", 1);
    ByteBuffer b = ByteBuffer.wrap(FdtWriter.write(root));
    assertThat(b.getInt(0)).isEqualTo(0xd00d_feed);
    assertThat(b.getInt(4)).isEqualTo(b.capacity());
    assertThat(b.getInt(20)).as("version").isEqualTo(17);
    int names = b.getInt(12);
    String strings =
        new String(b.array(), names, b.getInt(32), StandardCharsets.US_ASCII).replace('\0', ' ');
    assertThat(strings).as("each name once").isEqualTo("#size-cells compatible on ");
    int at = b.getInt(8);
    int[] words = {
      1,
      0,
      3,
      4,
      0,
      2, // root, its property
      1,
      0x63707540,
      0x30000000, // cpu@0
      3,
      5,
      12,
      0x61006263,
      0, // "a", "bc"
      3,
      0,
      23, // on
      3,
      4,
      0,
      1, // #size-cells
      2,
      2,
      9
    };
    for (int i = 0; i < words.length; i++) {
      assertThat(b.getInt(at + 4 * i)).as("word %s", i).isEqualTo(words[i]);
    }
    assertThat(b.getInt(36)).isEqualTo(4 * words.length);
  }

  @Test
  void writesLongsAsTwoCells() {
    byte[] blob = FdtWriter.write(FdtNode.root().longs("reg", 0x40_1000_0000L));
    ByteBuffer b = ByteBuffer.wrap(blob);
    assertThat(b.getLong(b.getInt(8) + 20)).isEqualTo(0x40_1000_0000L);
  }
}
