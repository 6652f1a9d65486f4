package org.tuber.devices.block.parallels;

import java.io.IOException;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/** Parallels expanding disks, version 2 ({@code docs/interop/parallels.txt}); read only. */
public final class ParallelsFormat implements ImageFormat {
  private static final String MAGIC = "WithoutFreeSpace";
  private static final String MAGIC_EXT = "WithouFreSpacExt";
  private static final int TABLE_OFFSET = 64;
  private static final int MAX_TRACK_SECTORS = (1 << 30) / 512;

  @Override
  public String name() {
    return "parallels";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    boolean magic = Bytes.startsWith(head, 0, MAGIC) || Bytes.startsWith(head, 0, MAGIC_EXT);
    return magic && Bytes.le32(head, 16) == 2 ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    String name = file.name();
    byte[] h = Bytes.readArray(file, 0, TABLE_OFFSET);
    boolean ext = Bytes.startsWith(h, 0, MAGIC_EXT);
    if (!ext && !Bytes.startsWith(h, 0, MAGIC) || Bytes.le32(h, 16) != 2) {
      throw new ImageException(name, "magic", "Image not in Parallels format");
    }
    int track = Bytes.le32(h, 28);
    if (track <= 0 || track > MAX_TRACK_SECTORS) {
      throw new ImageException(name, "tracks", "Invalid image: block of " + track + " sectors");
    }
    long entries = Bytes.leU32(h, 32);
    long sectors = ext ? Bytes.le64(h, 36) : Bytes.leU32(h, 36);
    if (sectors < 0 || sectors > 1L << 46 || sectors > entries * track) {
      throw new ImageException(name, "nb_sectors", "more than the block table covers");
    }
    if (TABLE_OFFSET + entries * 4 > file.size()) {
      throw new ImageException(name, "bat_entries", "the block table is past the end of the file");
    }
    return new Image(file, options, track, entries, sectors, ext);
  }

  @Override
  public void create(CreateOptions options) throws IOException {
    throw new ImageException(
        options.filename(), "format", "parallels images can only be read, not made");
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of();
  }

  /** An open image. */
  private static final class Image extends MappedImage {
    private final EntryTable table;
    private final long entries;
    private final long multiplier;

    Image(ImageFile file, OpenOptions options, int track, long entries, long sectors, boolean ext) {
      super("parallels", file, options, track * 512, sectors * 512);
      this.table = new EntryTable(file, EntryTable.Width.LE32);
      this.entries = entries;
      this.multiplier = ext ? track * 512L : 512L;
    }

    @Override
    protected String readOnlyReason() {
      return "parallels images are read-only here";
    }

    @Override
    protected long place(long block) throws IOException {
      long e = block < entries ? table.get(TABLE_OFFSET, entries, block) : 0;
      return e == 0 ? ABSENT : e * multiplier;
    }

    @Override
    protected long reserve(long block) throws IOException {
      throw bad("image", "is read-only");
    }

    @Override
    protected void enter(long block, long place) throws IOException {
      throw bad("image", "is read-only");
    }

    @Override
    protected void writeTables() {}
  }
}
