package org.tuber.machine.firmware;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamObserver;
import org.tuber.machine.MachineException;

/** Guest memory as a boot loader writes it. Anything that is not RAM there is a refusal. */
public final class BootMemory {
  private final AddressSpace memory;
  private final RamObserver observer;
  private final E820 map;

  /**
   * Memory of a machine whose CPUs rest.
   *
   * @param memory guest-physical memory
   * @param observer hears of every write: old translations may lie there
   * @param map what the guest will be told
   */
  public BootMemory(AddressSpace memory, RamObserver observer, E820 map) {
    this.memory = memory;
    this.observer = observer;
    this.map = map;
  }

  /** What the guest will be told. */
  public E820 map() {
    return map;
  }

  /** An empty little-endian buffer of {@code size} bytes, to be filled and written. */
  public static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes {@code data} at {@code gpa}. */
  public void write(long gpa, byte[] data) throws MachineException {
    int done = 0;
    while (done < data.length) {
      AddressSpace.Range r = range(gpa + done, data.length - done);
      int n = (int) Math.min(data.length - done, r.last - (gpa + done) + 1);
      r.ram.write(r.offsetOf(gpa + done), data, done, n);
      observer.written(r.ram, r.offsetOf(gpa + done), n);
      done += n;
    }
  }

  /** Writes all of {@code buffer}, whatever its position, at {@code gpa}. */
  public void write(long gpa, ByteBuffer buffer) throws MachineException {
    byte[] data = new byte[buffer.capacity()];
    buffer.get(0, data);
    write(gpa, data);
  }

  /** Writes {@code text} with a NUL behind it. */
  public void writeString(long gpa, String text) throws MachineException {
    write(gpa, (text + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /** Copies bytes of a file to {@code gpa}. */
  public void copy(long gpa, ImageFile file, long offset, long length) throws MachineException {
    MemorySegment source = file.slice(offset, length);
    long done = 0;
    while (done < length) {
      AddressSpace.Range r = range(gpa + done, length - done);
      long n = Math.min(length - done, r.last - (gpa + done) + 1);
      GuestRam.hostCopy(source.address() + done, r.ram.hostBase() + r.offsetOf(gpa + done), n);
      observer.written(r.ram, r.offsetOf(gpa + done), n);
      done += n;
    }
  }

  /** Zeroes {@code length} bytes at {@code gpa}. */
  public void clear(long gpa, long length) throws MachineException {
    long done = 0;
    while (done < length) {
      AddressSpace.Range r = range(gpa + done, length - done);
      long n = Math.min(length - done, r.last - (gpa + done) + 1);
      r.ram.clear(r.offsetOf(gpa + done), n);
      observer.written(r.ram, r.offsetOf(gpa + done), n);
      done += n;
    }
  }

  private AddressSpace.Range range(long gpa, long length) throws MachineException {
    AddressSpace.Range r = memory.find(gpa);
    if (r == null || r.ram == null || r.readOnly) {
      throw new MachineException(
          "no RAM at 0x%x for 0x%x bytes of boot data".formatted(gpa, length));
    }
    return r;
  }
}
