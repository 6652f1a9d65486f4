package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tuber.core.mem.GuestRam;

/** The directory /proc/self/fd: lists the guest's descriptors, not the host's. */
final class DescriptorList extends OpenFile {
  private static final byte DT_DIR = 4;
  private static final byte DT_LNK = 10;
  private static final int ENTRY_BYTES = 32;

  private final FdTable table;
  private int position;

  DescriptorList(int hostFd, FdTable table) {
    super(hostFd);
    this.table = table;
  }

  /** Fills native memory with struct linux_dirent64: {@code .}, {@code ..} and the numbers. */
  synchronized long entries(long host, int size) {
    ByteBuffer b = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    while (position < table.size() + 2 && b.remaining() >= ENTRY_BYTES) {
      int n = position++;
      String name = n == 0 ? "." : n == 1 ? ".." : Integer.toString(n - 2);
      if (n >= 2 && table.find(n - 2) == null) {
        continue;
      }
      int start = b.position();
      b.putLong(n + 1).putLong(position).putShort((short) ENTRY_BYTES);
      b.put(n < 2 ? DT_DIR : DT_LNK);
      b.put(name.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
      b.position(start + ENTRY_BYTES);
    }
    for (int i = 0; i < b.position(); i++) {
      GuestRam.hostStore8(host + i, b.get(i));
    }
    return b.position();
  }
}
