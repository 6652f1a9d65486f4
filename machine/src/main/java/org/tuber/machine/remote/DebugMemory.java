package org.tuber.machine.remote;

import java.util.Arrays;
import org.tuber.core.cpu.DebugControl;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.machine.MachineRun;

/**
 * Memory as a debugger sees it: by physical address or through a CPU's page tables, ROM writable,
 * translated code kept up to date. Devices are read and written as a CPU would, byte by byte, which
 * may have effects.
 */
public final class DebugMemory {
  private final MachineRun machine;

  /** The memory of {@code machine}. */
  public DebugMemory(MachineRun machine) {
    this.machine = machine;
  }

  /** Reads guest-physical memory; what nobody backs reads as zero. */
  public byte[] readPhysical(long gpa, int length) {
    AddressSpace space = machine.parts().memory();
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      AddressSpace.Range r = space.find(gpa + done);
      int here = bytesIn(r, gpa + done, length - done);
      if (r != null && r.ram != null) {
        r.ram.read(r.offsetOf(gpa + done), bytes, done, here);
      } else if (r != null) {
        for (int i = done; i < done + here; i++) {
          bytes[i] = (byte) space.read(gpa + i, 1);
        }
      }
      done += here;
    }
    return bytes;
  }

  private static int bytesIn(AddressSpace.Range r, long gpa, int wanted) {
    // In holes page by page: their end is not worth knowing.
    long left = r == null ? GuestRam.PAGE_SIZE - (gpa & GuestRam.PAGE_SIZE - 1) : r.last - gpa + 1;
    return (int) (left <= 0 ? wanted : Math.min(wanted, left));
  }

  /** Writes guest-physical memory, ROM too. */
  public void writePhysical(long gpa, byte[] bytes) {
    AddressSpace space = machine.parts().memory();
    for (int done = 0; done < bytes.length; ) {
      AddressSpace.Range r = space.find(gpa + done);
      int here = bytesIn(r, gpa + done, bytes.length - done);
      if (r != null && r.ram != null) {
        long offset = r.offsetOf(gpa + done);
        r.ram.write(offset, bytes, done, here);
        machine.parts().ramObserver().written(r.ram, offset, here);
      } else if (r != null) {
        for (int i = done; i < done + here; i++) {
          space.write(gpa + i, bytes[i], 1);
        }
      }
      done += here;
    }
  }

  /**
   * Reads memory at a virtual address of {@code cpu}.
   *
   * @return what is mapped, up to the first byte that is not; null when that is the first
   */
  public byte[] read(DebugControl cpu, long gva, int length) {
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      long gpa = cpu.translate(gva + done);
      if (gpa == -1) {
        return done == 0 ? null : Arrays.copyOf(bytes, done);
      }
      int here = inPage(gva + done, length - done);
      System.arraycopy(readPhysical(gpa, here), 0, bytes, done, here);
      done += here;
    }
    return bytes;
  }

  /** Writes memory at a virtual address; false, having written nothing, when it is not mapped. */
  public boolean write(DebugControl cpu, long gva, byte[] bytes) {
    for (int done = 0; done < bytes.length; done += inPage(gva + done, bytes.length - done)) {
      if (cpu.translate(gva + done) == -1) {
        return false;
      }
    }
    for (int done = 0; done < bytes.length; ) {
      int here = inPage(gva + done, bytes.length - done);
      writePhysical(cpu.translate(gva + done), Arrays.copyOfRange(bytes, done, done + here));
      done += here;
    }
    return true;
  }

  private static int inPage(long gva, int wanted) {
    return (int) Math.min(wanted, GuestRam.PAGE_SIZE - (gva & GuestRam.PAGE_SIZE - 1));
  }
}
