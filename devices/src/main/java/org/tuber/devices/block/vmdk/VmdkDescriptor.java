package org.tuber.devices.block.vmdk;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.tuber.devices.block.ImageException;

/** The text part of a VMDK image: what it is and which extents it has. */
final class VmdkDescriptor {
  static final int MAX_BYTES = 20 * 512;
  private static final int MAX_EXTENTS = 1024;
  private static final String NO_PARENT = "ffffffff";

  /** One extent line. */
  record Extent(String access, long sectors, String type, String file, long offsetSectors) {}

  final Map<String, String> values = new LinkedHashMap<>();
  final List<Extent> extents = new ArrayList<>();

  static VmdkDescriptor parse(String image, byte[] text) throws ImageException {
    VmdkDescriptor d = new VmdkDescriptor();
    int n = 0;
    while (n < text.length && text[n] != 0) {
      n++;
    }
    for (String line : new String(text, 0, n, StandardCharsets.UTF_8).split("\r?\n", -1)) {
      String l = line.strip();
      if (l.isEmpty() || l.startsWith("#")) {
        continue;
      }
      if (l.startsWith("RW ") || l.startsWith("RDONLY ") || l.startsWith("NOACCESS ")) {
        d.extents.add(extent(image, l));
        if (d.extents.size() > MAX_EXTENTS) {
          throw new ImageException(image, "extents", "more than " + MAX_EXTENTS);
        }
        continue;
      }
      int eq = l.indexOf('=');
      if (eq > 0) {
        String v = l.substring(eq + 1).strip();
        if (v.length() >= 2 && v.startsWith("\"") && v.endsWith("\"")) {
          v = v.substring(1, v.length() - 1);
        }
        d.values.put(l.substring(0, eq).strip(), v);
      }
    }
    return d;
  }

  private static Extent extent(String image, String line) throws ImageException {
    int quote = line.indexOf('"');
    int close = quote < 0 ? -1 : line.indexOf('"', quote + 1);
    String[] head = (quote < 0 ? line : line.substring(0, quote)).strip().split("\\s+");
    try {
      if (head.length >= 3) {
        String file = close < 0 ? "" : line.substring(quote + 1, close);
        String rest = close < 0 ? "" : line.substring(close + 1).strip();
        long offset = rest.isEmpty() ? 0 : Long.parseLong(rest.split("\\s+")[0]);
        long sectors = Long.parseLong(head[1]);
        if (sectors >= 0 && sectors < 1L << 46 && offset >= 0 && offset < 1L << 46) {
          return new Extent(head[0], sectors, head[2], file, offset);
        }
      }
    } catch (NumberFormatException e) {
      throw new ImageException(image, "extent", "cannot read line: " + line, e);
    }
    throw new ImageException(image, "extent", "cannot read line: " + line);
  }

  String parent() {
    String cid = values.getOrDefault("parentCID", NO_PARENT);
    return cid.toLowerCase(Locale.ROOT).equals(NO_PARENT) ? null : values.get("parentFileNameHint");
  }

  String createType() {
    return values.getOrDefault("createType", "");
  }

  /** The text of a new image. */
  static String text(
      String type, int cid, String extentLine, long sectors, String parentCid, String parent) {
    StringBuilder s = new StringBuilder("# Disk DescriptorFile\nversion=1\n");
    s.append(String.format(Locale.ROOT, "CID=%08x%n", cid));
    s.append("parentCID=").append(parentCid).append('\n');
    s.append("createType=\"").append(type).append("\"\n");
    if (parent != null) {
      s.append("parentFileNameHint=\"").append(parent).append("\"\n");
    }
    s.append("\n# Extent description\n").append(extentLine).append('\n');
    s.append("\n# The Disk Data Base\n#DDB\n\n");
    s.append("ddb.virtualHWVersion = \"4\"\n");
    s.append("ddb.geometry.cylinders = \"")
        .append(Math.min(16383, sectors / (63 * 16)))
        .append("\"\n");
    s.append("ddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\n");
    s.append("ddb.adapterType = \"ide\"\n");
    return s.toString();
  }
}
