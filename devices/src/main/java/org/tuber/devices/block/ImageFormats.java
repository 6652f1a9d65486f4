package org.tuber.devices.block;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.tuber.devices.block.crypt.LuksFormat;
import org.tuber.devices.block.parallels.ParallelsFormat;
import org.tuber.devices.block.qcow.QcowFormat;
import org.tuber.devices.block.qcow2.Qcow2Format;
import org.tuber.devices.block.qed.QedFormat;
import org.tuber.devices.block.raw.RawFormat;
import org.tuber.devices.block.vdi.VdiFormat;
import org.tuber.devices.block.vhdx.VhdxFormat;
import org.tuber.devices.block.vmdk.VmdkFormat;
import org.tuber.devices.block.vpc.VpcFormat;

/** The formats there are, and how to tell which one a file has. */
public final class ImageFormats {
  private static final Map<String, ImageFormat> ALL = new LinkedHashMap<>();

  static {
    for (ImageFormat f :
        new ImageFormat[] {
          new Qcow2Format(),
          new RawFormat(),
          new VhdxFormat(),
          new VpcFormat(),
          new VmdkFormat(),
          new VdiFormat(),
          new QedFormat(),
          new QcowFormat(),
          new ParallelsFormat(),
          new LuksFormat()
        }) {
      ALL.put(f.name(), f);
    }
  }

  private ImageFormats() {}

  /** The format of that name. */
  public static ImageFormat byName(String image, String name) throws ImageException {
    ImageFormat f = ALL.get(name);
    if (f == null) {
      throw new ImageException(image, "format", "Unknown driver '" + name + "'");
    }
    return f;
  }

  /** True if there is a format of that name. */
  public static boolean isKnown(String name) {
    return ALL.containsKey(name);
  }

  /** All format names. */
  public static Set<String> names() {
    return ALL.keySet();
  }

  /** The format a file looks like; {@code raw} if like none. */
  public static String probe(ImageFile file) throws IOException {
    byte[] head = new byte[ImageFormat.PROBE_BYTES];
    file.read(0, ByteBuffer.wrap(head));
    return probe(head, file);
  }

  /** The same, for a given beginning of the file. */
  public static String probe(byte[] head, ImageFile file) throws IOException {
    String best = "raw";
    int score = 0;
    for (ImageFormat f : ALL.values()) {
      int s = f.probe(head, file);
      if (s > score) {
        score = s;
        best = f.name();
      }
    }
    return best;
  }
}
