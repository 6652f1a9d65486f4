package org.tuber.machine.firmware;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;

/** RAM with a PC's map and nothing else. */
public final class TestMachineMemory implements AutoCloseable {
  public final GuestRam ram;
  public final AddressSpace memory = new AddressSpace("memory", 0, new ReentrantLock());
  public final BootMemory boot;

  public TestMachineMemory(int mebibytes) {
    long bytes = (long) mebibytes << 20;
    ram = new GuestRam(bytes);
    memory.mapRam(0, bytes, ram, 0);
    E820 map =
        new E820()
            .add(0, 0x9_fc00, E820.Type.RAM)
            .add(0x9_fc00, 0x400, E820.Type.RESERVED)
            .add(0xf_0000, 0x1_0000, E820.Type.RESERVED)
            .add(0x10_0000, bytes - 0x10_0000 - 0x2_0000, E820.Type.RAM)
            .add(bytes - 0x2_0000, 0x1_f000, E820.Type.ACPI)
            .add(bytes - 0x1000, 0x1000, E820.Type.NVS);
    boot = new BootMemory(memory, (r, offset, length) -> {}, map);
  }

  /** Bytes from {@code gpa}. */
  public byte[] bytes(long gpa, int length) {
    byte[] b = new byte[length];
    ram.read(gpa, b, 0, length);
    return b;
  }

  /** The NUL-terminated string at {@code gpa}. */
  public String string(long gpa) {
    int length = 0;
    while (ram.load8(gpa + length) != 0) {
      length++;
    }
    return new String(bytes(gpa, length), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    ram.close();
  }
}
