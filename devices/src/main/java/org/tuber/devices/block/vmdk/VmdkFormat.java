package org.tuber.devices.block.vmdk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/** VMware images: sparse and flat ones, in one file or several. */
public final class VmdkFormat implements ImageFormat {
  private static final int GRAIN_SECTORS = 128;
  private static final int GT_ENTRIES = 512;
  private static final int DESCRIPTOR_SECTORS = 20;
  private static final String DESCRIPTOR = "# Disk DescriptorFile";

  @Override
  public String name() {
    return "vmdk";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return Bytes.le32(head, 0) == VmdkSparse.MAGIC || Bytes.startsWith(head, 0, DESCRIPTOR)
        ? 100
        : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    byte[] head = Bytes.readArray(file, 0, 512);
    if (Bytes.le32(head, 0) == VmdkSparse.MAGIC) {
      return VmdkSparse.open(file, options);
    }
    if (!Bytes.startsWith(head, 0, DESCRIPTOR)) {
      throw new ImageException(file.name(), "magic", "Image not in VMDK format");
    }
    int n = (int) Math.min(file.size(), VmdkDescriptor.MAX_BYTES);
    VmdkDescriptor d = VmdkDescriptor.parse(file.name(), Bytes.readArray(file, 0, n));
    if (d.parent() != null) {
      throw new ImageException(
          file.name(), "parentCID", "a split image with a parent is not supported");
    }
    if (d.extents.isEmpty()) {
      throw new ImageException(file.name(), "extents", "there are none");
    }
    List<VmdkSpan.Part> parts = new ArrayList<>();
    try {
      for (VmdkDescriptor.Extent e : d.extents) {
        parts.add(part(file, e, options));
      }
      return new VmdkSpan(file, parts, d.createType());
    } catch (IOException | RuntimeException e) {
      for (VmdkSpan.Part p : parts) {
        p.close();
      }
      throw e;
    }
  }

  private static VmdkSpan.Part part(ImageFile file, VmdkDescriptor.Extent e, OpenOptions options)
      throws IOException {
    if (e.type().equals("ZERO")) {
      return new VmdkSpan.Part(e.sectors() * 512, null, 0, null);
    }
    ImageFile f = Images.openFile(Images.resolve(file.name(), e.file()), options);
    try {
      return switch (e.type()) {
        case "FLAT", "VMFS" ->
            new VmdkSpan.Part(e.sectors() * 512, f, e.offsetSectors() * 512, null);
        case "SPARSE" -> new VmdkSpan.Part(e.sectors() * 512, null, 0, VmdkSparse.open(f, options));
        default -> throw new ImageException(file.name(), "extent", "unsupported type " + e.type());
      };
    } catch (IOException | RuntimeException x) {
      f.close();
      throw x;
    }
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    String name = o.filename();
    long sectors = o.sizeBytes() + 511 >>> 9;
    if (sectors > 62L << 31) {
      throw new ImageException(name, "size", "VMDK images hold at most 62 TiB");
    }
    String backing = o.options().get("backing_file");
    String base = Path.of(name).getFileName().toString();
    int cid = ThreadLocalRandom.current().nextInt() & 0x7fffffff;
    switch (o.get("subformat", "monolithicSparse")) {
      case "monolithicSparse" -> {
        String line = "RW " + sectors + " SPARSE \"" + base + "\"";
        String parentCid = backing == null ? "ffffffff" : parentCid(o, backing);
        String text =
            VmdkDescriptor.text("monolithicSparse", cid, line, sectors, parentCid, backing);
        createSparse(name, sectors, text);
      }
      case "monolithicFlat" -> {
        if (backing != null) {
          throw new ImageException(name, "backing_file", "flat images cannot have one");
        }
        String flat = base.replaceFirst("(\\.vmdk)?$", "-flat.vmdk");
        String line = "RW " + sectors + " FLAT \"" + flat + "\" 0";
        String text = VmdkDescriptor.text("monolithicFlat", cid, line, sectors, "ffffffff", null);
        try (ImageFile data = Images.createFile(Images.resolve(name, flat))) {
          data.setSize(sectors * 512);
        }
        try (ImageFile file = Images.createFile(name)) {
          file.write(0, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
        }
      }
      default ->
          throw new ImageException(
              name, "subformat", "can be made as monolithicSparse or monolithicFlat");
    }
  }

  private static String parentCid(CreateOptions o, String backing) throws IOException {
    String path = Images.resolve(o.filename(), backing);
    try (ImageFile f = Images.openFile(path, OpenOptions.readOnly())) {
      byte[] h = Bytes.readArray(f, 0, 512);
      long at = Bytes.le32(h, 0) == VmdkSparse.MAGIC ? Bytes.le64(h, 28) * 512 : 0;
      if (at < 0 || at > f.size()) {
        throw new ImageException(path, "descriptor_offset", "outside the file");
      }
      return VmdkDescriptor.parse(path, Bytes.readArray(f, at, VmdkDescriptor.MAX_BYTES))
          .values
          .getOrDefault("CID", "ffffffff");
    }
  }

  private static void createSparse(String name, long sectors, String text) throws IOException {
    long grains = (sectors + GRAIN_SECTORS - 1) / GRAIN_SECTORS;
    int tables = (int) ((grains + GT_ENTRIES - 1) / GT_ENTRIES);
    int gtSectors = GT_ENTRIES * 4 / 512;
    int gdSectors = (tables * 4 + 511) / 512;
    long rgd = 1 + DESCRIPTOR_SECTORS;
    long gd = rgd + gdSectors + (long) gtSectors * tables;
    long overhead = gd + gdSectors + (long) gtSectors * tables;
    overhead = (overhead + GRAIN_SECTORS - 1) / GRAIN_SECTORS * GRAIN_SECTORS;
    byte[] h = new byte[512];
    Bytes.putLe32(h, 0, VmdkSparse.MAGIC);
    Bytes.putLe32(h, 4, 1);
    Bytes.putLe32(h, 8, 1 | VmdkSparse.FLAG_RGD);
    Bytes.putLe64(h, 12, sectors);
    Bytes.putLe64(h, 20, GRAIN_SECTORS);
    Bytes.putLe64(h, 28, 1);
    Bytes.putLe64(h, 36, DESCRIPTOR_SECTORS);
    Bytes.putLe32(h, 44, GT_ENTRIES);
    Bytes.putLe64(h, 48, rgd);
    Bytes.putLe64(h, 56, gd);
    Bytes.putLe64(h, 64, overhead);
    h[73] = '\n';
    h[74] = ' ';
    h[75] = '\r';
    h[76] = '\n';
    byte[] desc = text.getBytes(StandardCharsets.UTF_8);
    if (desc.length > VmdkDescriptor.MAX_BYTES) {
      throw new ImageException(name, "descriptor", "too long");
    }
    try (ImageFile file = Images.createFile(name)) {
      file.setSize(overhead * 512);
      file.write(0, ByteBuffer.wrap(h));
      file.write(512, ByteBuffer.wrap(desc));
      for (long directory : new long[] {rgd, gd}) {
        byte[] d = new byte[tables * 4];
        for (int i = 0; i < tables; i++) {
          Bytes.putLe32(d, i * 4, (int) (directory + gdSectors + (long) i * gtSectors));
        }
        file.write(directory * 512, ByteBuffer.wrap(d));
      }
    }
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("subformat", "backing_file", "backing_fmt", "adapter_type", "hwversion");
  }
}
