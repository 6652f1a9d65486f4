package org.tuber.devices.block.vhdx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * Replays the log of a VHDX image that was not closed cleanly ([MS-VHDX] 2.3): finds the newest
 * complete sequence of entries and carries out their writes.
 */
final class VhdxLog {
  private static final int SECTOR = 4096;
  private static final int ENTRY_HEADER_BYTES = 64;
  private static final int DESCRIPTOR_BYTES = 32;
  private static final int MAX_ENTRY_BYTES = 16 << 20;

  private final ImageFile file;
  private final long offset;
  private final int length;
  private final byte[] guid;

  /** One valid entry. */
  private static final class Entry {
    int at;
    int length;
    int tail;
    long sequence;
    byte[] bytes;
  }

  VhdxLog(ImageFile file, long offset, int length, byte[] guid) {
    this.file = file;
    this.offset = offset;
    this.length = length;
    this.guid = guid;
  }

  /** Replays; nothing to do if there is no valid sequence. */
  void replay() throws IOException {
    List<Entry> best = List.of();
    for (int at = 0; at < length; ) {
      List<Entry> run = runFrom(at);
      List<Entry> active = active(run);
      if (!active.isEmpty()
          && (best.isEmpty() || active.getLast().sequence > best.getLast().sequence)) {
        best = active;
      }
      // What lies inside a run can only begin shorter ones.
      at = run.isEmpty() ? at + SECTOR : at + covered(run);
    }
    for (Entry e : best) {
      apply(e);
    }
    file.flush();
  }

  private static int covered(List<Entry> run) {
    long bytes = 0;
    for (Entry e : run) {
      bytes += e.length;
    }
    return (int) bytes;
  }

  /** The entries from a place on whose numbers follow each other. */
  private List<Entry> runFrom(int start) throws IOException {
    List<Entry> run = new ArrayList<>();
    int at = start;
    long covered = 0;
    Entry e = read(at);
    while (e != null
        && (run.isEmpty() || e.sequence == run.getLast().sequence + 1)
        && covered + e.length <= length) {
      e.at = at;
      run.add(e);
      covered += e.length;
      at = (at + e.length) % length;
      e = covered < length ? read(at) : null;
    }
    return run;
  }

  /** The part of a run that its last entry says is still needed; empty if that is not all there. */
  private static List<Entry> active(List<Entry> run) {
    for (int i = 0; i < run.size(); i++) {
      if (run.get(i).at == run.getLast().tail) {
        return run.subList(i, run.size());
      }
    }
    return List.of();
  }

  private byte[] readRing(int at, int bytes) throws IOException {
    byte[] b = new byte[bytes];
    int first = Math.min(bytes, length - at);
    file.read(offset + at, ByteBuffer.wrap(b, 0, first));
    if (first < bytes) {
      file.read(offset, ByteBuffer.wrap(b, first, bytes - first));
    }
    return b;
  }

  private Entry read(int at) throws IOException {
    byte[] h = readRing(at, ENTRY_HEADER_BYTES);
    if (!Bytes.startsWith(h, 0, "loge") || !Arrays.equals(h, 32, 48, guid, 0, 16)) {
      return null;
    }
    long bytes = Bytes.leU32(h, 8);
    if (bytes == 0 || bytes % SECTOR != 0 || bytes > Math.min(length, MAX_ENTRY_BYTES)) {
      return null;
    }
    Entry e = new Entry();
    e.bytes = readRing(at, (int) bytes);
    if (!crcIsRight(e.bytes, e.bytes.length, 4)) {
      return null;
    }
    e.length = (int) bytes;
    e.tail = Bytes.le32(h, 12);
    e.sequence = Bytes.le64(h, 16);
    return e.sequence == 0 ? null : e;
  }

  static boolean crcIsRight(byte[] b, int length, int crcAt) {
    return Bytes.le32(b, crcAt) == crc(b, length, crcAt);
  }

  static int crc(byte[] b, int length, int crcAt) {
    CRC32C crc = new CRC32C();
    crc.update(b, 0, crcAt);
    crc.update(new byte[4]);
    crc.update(b, crcAt + 4, length - crcAt - 4);
    return (int) crc.getValue();
  }

  private void apply(Entry e) throws IOException {
    int count = Bytes.le32(e.bytes, 24);
    int descriptorSectors = (ENTRY_HEADER_BYTES + count * DESCRIPTOR_BYTES + SECTOR - 1) / SECTOR;
    if (count < 0 || count > e.length / DESCRIPTOR_BYTES) {
      throw bad("descriptor_count", "impossible: " + count);
    }
    int data = descriptorSectors * SECTOR;
    for (int i = 0; i < count; i++) {
      int d = ENTRY_HEADER_BYTES + i * DESCRIPTOR_BYTES;
      long to = Bytes.le64(e.bytes, d + 16);
      if (to < 0 || to % SECTOR != 0 || to > 1L << 46) {
        throw bad("descriptor", "impossible file offset " + to);
      }
      if (Bytes.startsWith(e.bytes, d, "zero")) {
        long n = Bytes.le64(e.bytes, d + 8);
        if (n < 0 || n > 1L << 40) {
          throw bad("zero descriptor", "impossible length " + n);
        }
        file.writeZeroes(to, n, false);
      } else if (Bytes.startsWith(e.bytes, d, "desc") && data + SECTOR <= e.length) {
        byte[] sector = new byte[SECTOR];
        System.arraycopy(e.bytes, d + 8, sector, 0, 8);
        System.arraycopy(e.bytes, data + 8, sector, 8, SECTOR - 12);
        System.arraycopy(e.bytes, d + 4, sector, SECTOR - 4, 4);
        file.write(to, ByteBuffer.wrap(sector));
        data += SECTOR;
      } else {
        throw bad("descriptor", "unknown, or without data");
      }
    }
    long last = Bytes.le64(e.bytes, 56);
    if (last > file.size() && last < 1L << 46) {
      file.setSize(last);
    }
  }

  private ImageException bad(String field, String problem) {
    return new ImageException(file.name(), "log " + field, problem);
  }
}
