package org.tuber.devices.pci;

import java.util.Arrays;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * MSI-X of a function: capability, vector table and pending bits, both in one BAR, their own or one
 * that the function has anyway.
 *
 * <p>PCI Local Bus specification 3.0, section 6.8.2. In a BAR of their own the table is at offset 0
 * and the pending bits at half its size. A vector that is notified while masked stays pending and
 * is sent when unmasked.
 */
public final class MsixTable implements MmioDevice, Snapshottable<MsixTable.State> {
  private static final int ID = 0x11;
  private static final int SIZE_BYTES = 12;
  private static final int CONTROL = 2;
  private static final int TABLE = 4;
  private static final int PENDING = 8;
  private static final int CONTROL_ENABLE = 0x8000;
  private static final int CONTROL_MASK_ALL = 0x4000;
  private static final int ENTRY_BYTES = 16;
  private static final int ENTRY_WORDS = 4;
  private static final int VECTOR_CONTROL = 3;
  private static final int MASKED = 1;
  private static final int MAX_VECTORS = 2048;

  /**
   * State; the control word is in configuration space.
   *
   * @param table four words for each vector
   * @param pending one bit for each vector
   */
  public record State(int[] table, long[] pending) {}

  private final PciFunction pci;
  private final int vectors;
  private final int offset;
  private final int pendingAt;
  private final int[] table;
  private final long[] pending;

  /**
   * Adds the capability and a BAR of its own.
   *
   * @param pci the function; its configuration hook must call {@link #configWritten} when it is
   *     replaced afterwards
   * @param vectors 1 to 2048
   * @param bar base address register for table and pending bits
   */
  public MsixTable(PciFunction pci, int vectors, int bar) {
    this(pci, vectors, bar, 0, ownWindowBytes(vectors) / 2);
    pci.addBar(bar, PciFunction.Space.MEMORY_32, ownWindowBytes(vectors), this);
  }

  /**
   * Adds the capability in a BAR of the function, which passes accesses behind {@code tableAt} on,
   * less that offset.
   *
   * @param tableAt where the table is in the BAR
   * @param pendingAt where the pending bits are in the BAR, behind the table
   */
  public MsixTable(PciFunction pci, int vectors, int bar, int tableAt, int pendingAt) {
    if (vectors < 1 || vectors > MAX_VECTORS) {
      throw new IllegalArgumentException(pci.name() + ": " + vectors + " vectors");
    }
    this.pci = pci;
    this.vectors = vectors;
    this.pendingAt = pendingAt - tableAt;
    table = new int[vectors * ENTRY_WORDS];
    pending = new long[(vectors + 63) / 64];
    offset = pci.addCapability(ID, SIZE_BYTES);
    pci.define(offset + CONTROL, vectors - 1, 2);
    pci.allowWrite(offset + CONTROL, CONTROL_ENABLE | CONTROL_MASK_ALL, 2);
    pci.define(offset + TABLE, tableAt | bar, 4);
    pci.define(offset + PENDING, pendingAt | bar, 4);
    pci.onConfigWrite(this::configWritten);
    reset();
  }

  private static int ownWindowBytes(int vectors) {
    return Math.max(0x1000, Integer.highestOneBit(2 * ENTRY_BYTES * vectors - 1) << 1);
  }

  /** True when the guest switched MSI-X on; INTx is then silent. */
  public boolean enabled() {
    return (pci.config16(offset + CONTROL) & CONTROL_ENABLE) != 0;
  }

  private boolean masked(int n) {
    return (pci.config16(offset + CONTROL) & CONTROL_MASK_ALL) != 0
        || (table[n * ENTRY_WORDS + VECTOR_CONTROL] & MASKED) != 0;
  }

  /** Sends vector {@code n}, or keeps it pending while masked. */
  public void notify(int n) {
    if (n < 0 || n >= vectors || !enabled()) {
      return;
    }
    if (masked(n)) {
      pending[n >>> 6] |= 1L << n;
    } else {
      send(n);
    }
  }

  private void send(int n) {
    int at = n * ENTRY_WORDS;
    long address = table[at] & 0xffff_fffcL | (long) table[at + 1] << 32;
    pci.sendMessage(address, table[at + 2]);
  }

  /** Sends what became unmasked; called after configuration writes. */
  public void configWritten(int at, int size) {
    if (at < offset + TABLE && at + size > offset + CONTROL) {
      for (int n = 0; n < vectors; n++) {
        sendIfPending(n);
      }
    }
  }

  private void sendIfPending(int n) {
    if ((pending[n >>> 6] & 1L << n) != 0 && enabled() && !masked(n)) {
      pending[n >>> 6] &= ~(1L << n);
      send(n);
    }
  }

  @Override
  public long read(long at, int size) {
    long word = readWord(at & ~3L) & 0xffff_ffffL;
    return word >>> (8 * (at & 3));
  }

  private int readWord(long at) {
    if (at < (long) vectors * ENTRY_BYTES) {
      return table[(int) at >>> 2];
    }
    int bit = (int) (at - pendingAt) * 8;
    return bit >= 0 && bit >>> 6 < pending.length ? (int) (pending[bit >>> 6] >>> (bit & 32)) : 0;
  }

  @Override
  public void write(long at, long value, int size) {
    if (size != 4 || (at & 3) != 0 || at >= (long) vectors * ENTRY_BYTES) {
      // The specification allows whole words only; pending bits are read-only.
      return;
    }
    int word = (int) at >>> 2;
    int v = (int) value;
    switch (word & 3) {
      case 0 -> v &= ~3;
      case VECTOR_CONTROL -> v &= MASKED;
      default -> {
        // Upper address and data are kept whole.
      }
    }
    table[word] = v;
    if ((word & 3) == VECTOR_CONTROL) {
      sendIfPending(word >>> 2);
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  @Override
  public State save() {
    return new State(table.clone(), pending.clone());
  }

  @Override
  public void load(State state) {
    if (state.table.length != table.length || state.pending.length != pending.length) {
      throw new IllegalArgumentException("table or pending: length");
    }
    System.arraycopy(state.table, 0, table, 0, table.length);
    System.arraycopy(state.pending, 0, pending, 0, pending.length);
    if (vectors % 64 != 0) {
      pending[pending.length - 1] &= (1L << vectors) - 1;
    }
  }

  @Override
  public void reset() {
    Arrays.fill(pending, 0);
    for (int i = 0; i < table.length; i++) {
      table[i] = (i & 3) == VECTOR_CONTROL ? MASKED : 0;
    }
  }
}
