package org.tuber.devices.block.fat;

import org.tuber.devices.block.ImageException;

/**
 * Where everything is on the disk: a partition table unless it is a floppy disk, boot sector, two
 * copies of the table, the root directory (FAT12 and FAT16), clusters. Sizes and geometries are
 * those of QEMU's disks, but for FAT32, which grows with the directory.
 *
 * @param bits width of the table's entries
 * @param sectors of the disk
 * @param start of the partition, in sectors
 * @param sectorsPerTrack of the geometry
 * @param heads of the geometry
 * @param clusterSectors sectors of a cluster
 * @param reserved sectors before the tables
 * @param tableSectors of each of the two
 * @param rootEntries of the root directory; 0 for FAT32, where it is in clusters
 * @param clusters number of clusters
 */
record FatLayout(
    int bits,
    long sectors,
    int start,
    int sectorsPerTrack,
    int heads,
    int clusterSectors,
    int reserved,
    int tableSectors,
    int rootEntries,
    int clusters) {
  static final int SECTOR = 512;
  static final int TABLES = 2;
  private static final int DISK_HEADS = 16;
  private static final int DISK_TRACK = 63;
  private static final int DISK_CYLINDERS = 1024;
  private static final int SMALL_CYLINDERS = 64;
  private static final int FLOPPY_CYLINDERS = 80;
  private static final int MAX_CLUSTERS_12 = 4084;
  private static final int MAX_CLUSTERS_16 = 65524;
  private static final int MAX_CLUSTERS_32 = 1 << 26;
  private static final int ROOT_ENTRIES = 512;
  private static final int FLOPPY_ROOT_ENTRIES = 224;
  private static final int MAX_ROOT_ENTRIES = 65520;
  private static final int RESERVED_32 = 32;

  /** A third of the FAT32 disk is free, at least. */
  private static final double ROOM = 1.5;

  /** What the files ask for: how many clusters of a size. */
  interface Demand {
    /** Clusters that all takes, the root directory of FAT32 included if asked for. */
    long clusters(int clusterBytes, boolean withRoot);
  }

  /** The disk for a directory. */
  static FatLayout of(String image, FatAddress a, int rootBytes, Demand demand)
      throws ImageException {
    // The label's entry is in the root, too.
    int entries = rootBytes / FatNames.ENTRY_BYTES + 1;
    if (a.floppy()) {
      // 2.88 MB, or 1.44 MB if FAT12 was asked for.
      int track = a.bits() == 12 ? 18 : 36;
      int cluster = a.bits() == 0 ? 2 : 1;
      long sectors = (long) FLOPPY_CYLINDERS * 2 * track;
      int bits = a.bits() == 16 ? 16 : 12;
      int root = Math.max(FLOPPY_ROOT_ENTRIES, entries + 15 & -16);
      return fitting(image, demand, fixed(bits, sectors, 0, new int[] {track, 2}, cluster, root));
    }
    int[] geometry = {DISK_TRACK, DISK_HEADS};
    int root = Math.max(ROOT_ENTRIES, entries + 15 & -16);
    if (a.bits() == 12 || a.bits() == 16) {
      int cylinders = a.bits() == 12 ? SMALL_CYLINDERS : DISK_CYLINDERS;
      long sectors = (long) cylinders * DISK_HEADS * DISK_TRACK;
      return fitting(image, demand, fixed(a.bits(), sectors, DISK_TRACK, geometry, 16, root));
    }
    FatLayout sixteen =
        fixed(16, (long) DISK_CYLINDERS * DISK_HEADS * DISK_TRACK, DISK_TRACK, geometry, 16, root);
    boolean fits =
        root <= MAX_ROOT_ENTRIES && demand.clusters(16 * SECTOR, false) <= sixteen.clusters;
    return a.bits() == 0 && fits ? sixteen : large(image, demand);
  }

  private static FatLayout fitting(String image, Demand demand, FatLayout layout)
      throws ImageException {
    long wanted = demand.clusters(layout.clusterSectors * SECTOR, false);
    if (wanted > layout.clusters || layout.rootEntries > MAX_ROOT_ENTRIES) {
      throw new ImageException(
          image,
          "dir",
          "Directory does not fit in FAT"
              + layout.bits
              + " (capacity "
              + layout.clusters * (long) layout.clusterSectors * SECTOR / 1e6
              + " MB)");
    }
    return layout;
  }

  private static FatLayout fixed(
      int bits, long sectors, int start, int[] geometry, int cluster, int root) {
    long rest = sectors - start - 1 - root * FatNames.ENTRY_BYTES / SECTOR;
    int max = bits == 12 ? MAX_CLUSTERS_12 : MAX_CLUSTERS_16;
    int clusters = (int) Math.min(max, rest / cluster);
    int table = tableSectors(bits, clusters);
    clusters = (int) Math.min(clusters, (rest - (long) TABLES * table) / cluster);
    return new FatLayout(
        bits, sectors, start, geometry[0], geometry[1], cluster, 1, table, root, clusters);
  }

  private static FatLayout large(String image, Demand demand) throws ImageException {
    int cluster = 8;
    while (cluster < 64 && demand.clusters(cluster * SECTOR, true) * ROOM > 1 << 21) {
      cluster *= 2;
    }
    long wanted = (long) (demand.clusters(cluster * SECTOR, true) * ROOM);
    if (wanted > MAX_CLUSTERS_32) {
      throw new ImageException(image, "dir", "Directory does not fit in FAT32");
    }
    long cylinder = (long) DISK_HEADS * DISK_TRACK;
    long sectors = wanted * cluster + TABLES * (long) tableSectors(32, wanted);
    sectors = (sectors + RESERVED_32 + DISK_TRACK + cylinder) / cylinder * cylinder;
    sectors = Math.max(sectors, DISK_CYLINDERS * cylinder);
    long rest = sectors - DISK_TRACK - RESERVED_32;
    int table = tableSectors(32, rest / cluster);
    int clusters = (int) ((rest - (long) TABLES * table) / cluster);
    return new FatLayout(
        32, sectors, DISK_TRACK, DISK_TRACK, DISK_HEADS, cluster, RESERVED_32, table, 0, clusters);
  }

  private static int tableSectors(int bits, long clusters) {
    return (int) (((clusters + 2) * bits / 8 + SECTOR) / SECTOR);
  }

  int clusterBytes() {
    return clusterSectors * SECTOR;
  }

  /** First sector of the first table. */
  long tables() {
    return (long) start + reserved;
  }

  /** First sector of the root directory of FAT12 and FAT16. */
  long root() {
    return tables() + (long) TABLES * tableSectors;
  }

  /** First sector of the first cluster, which has number 2. */
  long data() {
    return root() + rootEntries * FatNames.ENTRY_BYTES / SECTOR;
  }
}
