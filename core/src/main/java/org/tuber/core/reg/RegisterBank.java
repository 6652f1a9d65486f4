package org.tuber.core.reg;

import java.util.ArrayList;
import java.util.List;

/**
 * The registers of one device window, each declared once with every bit accounted for.
 *
 * <p>Values live here and nowhere else, so {@link #reset}, {@link #save} and {@link #load} cannot
 * forget one. A declaration says which bits a guest may write, which it clears by writing one, and
 * which exist in the datasheet without behaviour here: setting one of those is logged once.
 *
 * <p>Guest accesses of any size and alignment are split into byte lanes; registers are
 * little-endian and do not overlap. Overlaid registers (UART DLAB) stay undecoded ({@code offset}
 * -1) and are reached by {@link Register#guestWrite}.
 */
public final class RegisterBank {
  /** Offset of a register that {@link #read} and {@link #write} do not decode. */
  public static final int UNDECODED = -1;

  /** Called after a guest write changed or could have changed a register. */
  @FunctionalInterface
  public interface WriteHook {
    /**
     * The guest wrote.
     *
     * @param old value before
     * @param written what was written, bits outside the accessed lanes zero
     */
    void written(long old, long written);
  }

  /** Replaces or amends the stored value when a guest reads. */
  @FunctionalInterface
  public interface ReadHook {
    /** The value to show for {@code stored}. */
    long read(long stored);
  }

  /** One register; the declaration methods are called once, while the device is built. */
  public final class Register {
    private final String name;
    private final int offset;
    private final int sizeBytes;
    private final long resetValue;
    private long writableMask;
    private long clearMask;
    private long unimplementedMask;
    private boolean survivesReset;
    private WriteHook writeHook;
    private ReadHook readHook;
    private long value;

    private Register(String name, int offset, int sizeBytes, long resetValue) {
      this.name = name;
      this.offset = offset;
      this.sizeBytes = sizeBytes;
      this.resetValue = resetValue;
      this.value = resetValue;
    }

    /** Bits the guest may write; all others keep their value. */
    public Register writable(long mask) {
      writableMask = mask;
      return this;
    }

    /** Bits the guest clears by writing one. */
    public Register writeOneToClear(long mask) {
      clearMask = mask;
      return this;
    }

    /** Writable bits without behaviour in this model: logged once when set. */
    public Register unimplemented(long mask) {
      unimplementedMask = mask;
      return this;
    }

    /** The register keeps its value over {@link RegisterBank#reset} (battery, sticky). */
    public Register sticky() {
      survivesReset = true;
      return this;
    }

    /** Runs after each guest write. */
    public Register onWrite(WriteHook hook) {
      writeHook = hook;
      return this;
    }

    /** Computes what the guest reads. */
    public Register onRead(ReadHook hook) {
      readHook = hook;
      return this;
    }

    /** The datasheet's name. */
    public String name() {
      return name;
    }

    /** The stored value. */
    public long value() {
      return value;
    }

    /** Sets the stored value as the hardware itself does, without masks and hooks. */
    public void set(long newValue) {
      value = newValue & mask(sizeBytes);
    }

    /** Sets bits as the hardware itself does. */
    public void setBits(long mask) {
      value |= mask & mask(sizeBytes);
    }

    /** Clears bits as the hardware itself does. */
    public void clearBits(long mask) {
      value &= ~mask;
    }

    /** True when any bit of {@code mask} is set. */
    public boolean has(long mask) {
      return (value & mask) != 0;
    }

    /** What a guest sees. */
    public long guestRead() {
      return readHook == null ? value : readHook.read(value);
    }

    /** A guest write of the whole register. */
    public void guestWrite(long newValue) {
      guestWrite(newValue, mask(sizeBytes));
    }

    private void guestWrite(long newValue, long lanes) {
      long old = value;
      long written = newValue & lanes;
      long writable = writableMask & lanes;
      value = ((old & ~writable) | (written & writable)) & ~(written & clearMask);
      if ((written & unimplementedMask) != 0) {
        log.unimplemented(name, offset, written & unimplementedMask);
      }
      if (writeHook != null) {
        writeHook.written(old, written);
      }
    }
  }

  /**
   * All values, by name.
   *
   * @param names register names in order of declaration
   * @param values their values
   */
  public record State(List<String> names, long[] values) {}

  private final OnceLog log;
  private final Register[] byOffset;
  private final List<Register> registers = new ArrayList<>();

  /**
   * A bank without registers.
   *
   * @param device short device name for messages
   * @param windowBytes size of the decoded window
   */
  public RegisterBank(String device, int windowBytes) {
    this.log = new OnceLog(device);
    this.byOffset = new Register[windowBytes];
  }

  /** Declares a register; its bits are read-only until told otherwise. */
  public Register register(String name, int offset, int sizeBytes, long resetValue) {
    Register r = new Register(name, offset, sizeBytes, resetValue);
    if (offset != UNDECODED) {
      for (int i = 0; i < sizeBytes; i++) {
        if (byOffset[offset + i] != null) {
          throw new IllegalArgumentException(name + " overlaps " + byOffset[offset + i].name);
        }
        byOffset[offset + i] = r;
      }
    }
    registers.add(r);
    return r;
  }

  /** A guest read; bytes no register decodes read as all ones. */
  public long read(long offset, int size) {
    if (offset >= 0 && offset < byOffset.length) {
      Register r = byOffset[(int) offset];
      if (r != null && r.offset == offset && r.sizeBytes == size) {
        return r.guestRead();
      }
    }
    return readLanes(offset, size);
  }

  private long readLanes(long offset, int size) {
    long result = 0;
    Register current = null;
    long currentValue = 0;
    for (int i = 0; i < size; i++) {
      long at = offset + i;
      Register r = at >= 0 && at < byOffset.length ? byOffset[(int) at] : null;
      long lane = 0xff;
      if (r != null) {
        if (r != current) {
          current = r;
          currentValue = r.guestRead();
        }
        lane = (currentValue >>> (8 * (at - r.offset))) & 0xff;
      } else {
        log.unassignedRead(at, 1);
      }
      result |= lane << (8 * i);
    }
    return result;
  }

  /** A guest write; bytes no register decodes are dropped. */
  public void write(long offset, long value, int size) {
    int i = 0;
    while (i < size) {
      long at = offset + i;
      Register r = at >= 0 && at < byOffset.length ? byOffset[(int) at] : null;
      if (r == null) {
        log.unassignedWrite(at, (value >>> (8 * i)) & 0xff, 1);
        i++;
        continue;
      }
      int first = (int) (at - r.offset);
      int count = Math.min(size - i, r.sizeBytes - first);
      long lanes = mask(count) << (8 * first);
      r.guestWrite((value >>> (8 * i)) << (8 * first), lanes);
      i += count;
    }
  }

  /** Puts every register that is not sticky to its reset value; hooks do not run. */
  public void reset() {
    for (Register r : registers) {
      if (!r.survivesReset) {
        r.value = r.resetValue;
      }
    }
  }

  /** All values. */
  public State save() {
    List<String> names = new ArrayList<>(registers.size());
    long[] values = new long[registers.size()];
    for (int i = 0; i < values.length; i++) {
      names.add(registers.get(i).name);
      values[i] = registers.get(i).value;
    }
    return new State(List.copyOf(names), values);
  }

  /**
   * Checks that {@code state} fits this bank.
   *
   * @throws IllegalArgumentException naming the register that does not
   */
  public void check(State state) {
    if (state.names.size() != registers.size() || state.values.length != registers.size()) {
      throw new IllegalArgumentException(
          "registers: expected " + registers.size() + ", found " + state.names.size());
    }
    for (int i = 0; i < state.values.length; i++) {
      Register r = registers.get(i);
      if (!r.name.equals(state.names.get(i))) {
        throw new IllegalArgumentException(
            "registers: expected " + r.name + ", found " + state.names.get(i));
      }
      if ((state.values[i] & ~mask(r.sizeBytes)) != 0) {
        throw new IllegalArgumentException("registers: " + r.name + " is too wide");
      }
    }
  }

  /** Replaces all values after {@link #check}; hooks do not run. */
  public void load(State state) {
    check(state);
    for (int i = 0; i < state.values.length; i++) {
      registers.get(i).value = state.values[i];
    }
  }

  /** Lines of {@code name = value} for monitors and tests. */
  public String dump() {
    StringBuilder text = new StringBuilder();
    for (Register r : registers) {
      text.append(r.name).append(" = 0x").append(Long.toHexString(r.value)).append('\n');
    }
    return text.toString();
  }

  private static long mask(int sizeBytes) {
    return sizeBytes >= 8 ? -1L : (1L << (8 * sizeBytes)) - 1;
  }
}
