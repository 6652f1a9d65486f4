package org.tuber.truffle.x86.user;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

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

  /** getdents64: {@code .}, {@code ..} and the numbers. */
  synchronized long entries(GuestThread t, long at, int size) {
    ByteBuffer b = ByteBuffer.allocate(Math.min(size, 32768)).order(ByteOrder.LITTLE_ENDIAN);
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
    t.memory.write(t, at, b.array(), 0, b.position());
    return b.position();
  }
}
