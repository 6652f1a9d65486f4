package org.tuber.truffle.engine.linux;

/** A range of a process's addresses with one protection and one source of pages. */
final class Vma {
  long start;
  long end;

  /** Linux PROT_ bits, which equal the engine's PERMIT_ bits. */
  int protection;

  final boolean shared;

  /** Null: private anonymous memory. */
  final Backing backing;

  /** Offset in {@link #backing} of {@link #start}. */
  long offset;

  final boolean growsDown;

  /** For /proc/self/maps: path or {@code [heap]}, never null. */
  final String name;

  /** For /proc/self/maps: offset in the file of {@link #start}. */
  long fileOffset;

  /** For /proc/self/maps, or null. */
  final Host.Stat file;

  Vma(
      long start,
      long end,
      int protection,
      boolean shared,
      Backing backing,
      long offset,
      boolean growsDown,
      String name,
      long fileOffset,
      Host.Stat file) {
    this.start = start;
    this.end = end;
    this.protection = protection;
    this.shared = shared;
    this.backing = backing;
    this.offset = offset;
    this.growsDown = growsDown;
    this.name = name;
    this.fileOffset = fileOffset;
    this.file = file;
    if (backing != null) {
      backing.retain();
    }
  }

  /** The part [from, to) of it, as another one with a reference of its own. */
  Vma part(long from, long to) {
    return moved(from, to, from);
  }

  /** The part [from, to) of it at another address. */
  Vma moved(long from, long to, long target) {
    return new Vma(
        target,
        target + (to - from),
        protection,
        shared,
        backing,
        offset + (from - start),
        growsDown,
        name,
        fileOffset + (from - start),
        file);
  }

  void drop() {
    if (backing != null) {
      backing.drop();
    }
  }

  long bytes() {
    return end - start;
  }

  /** Counts for RLIMIT_DATA. */
  boolean isData() {
    return isData(protection, shared, growsDown);
  }

  static boolean isData(int protection, boolean shared, boolean growsDown) {
    return (protection & UserMemory.PROT_WRITE) != 0 && !shared && !growsDown;
  }

  boolean isPrivateAnonymous() {
    return backing == null;
  }

  /** Can one mapping take the place of this and {@code next}, which follows it? */
  boolean continues(Vma next) {
    return end == next.start
        && protection == next.protection
        && shared == next.shared
        && backing == null
        && next.backing == null
        && growsDown == next.growsDown
        && name.equals(next.name);
  }

  /** Its line of /proc/self/maps up to the name. */
  String describe() {
    long device = file == null ? 0 : file.device();
    return String.format(
        "%08x-%08x %c%c%c%c %08x %02x:%02x %d ",
        start,
        end,
        (protection & UserMemory.PROT_READ) != 0 ? 'r' : '-',
        (protection & UserMemory.PROT_WRITE) != 0 ? 'w' : '-',
        (protection & UserMemory.PROT_EXEC) != 0 ? 'x' : '-',
        shared ? 's' : 'p',
        fileOffset,
        device >>> 8 & 0xfff,
        device & 0xff | device >>> 12 & 0xfff00,
        file == null ? 0 : file.inode());
  }
}
