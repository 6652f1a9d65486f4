package org.tuber.devices.acpi;

import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.RegisterBank;
import org.tuber.core.snapshot.Snapshottable;

/**
 * SMBus host controller of the PIIX4, with nothing on its bus.
 *
 * <p>82371AB data sheet 290562-001, section 7.3. Every transaction ends at once with "device
 * error", as no device acknowledges its address. The slave interface is storage.
 */
public final class Piix4Smbus implements MmioDevice, Snapshottable<Piix4Smbus.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 16;

  private static final long STS_INTER = 0x02;
  private static final long STS_DEV_ERR = 0x04;
  private static final long STS_CLEAR = 0x1e;
  private static final long CNT_START = 0x40;
  private static final long CNT_KILL = 0x02;
  private static final long STS_FAILED = 0x10;

  /**
   * State.
   *
   * @param registers all registers
   */
  public record State(RegisterBank.State registers) {}

  private final RegisterBank registers = new RegisterBank("piix4-smbus", WINDOW_BYTES);
  private final RegisterBank.Register status;

  /** A host controller after reset. */
  public Piix4Smbus() {
    status = registers.register("SMBHSTSTS", 0, 1, 0).writeOneToClear(STS_CLEAR);
    registers.register("SMBSLVSTS", 1, 1, 0).writeOneToClear(0x3e);
    registers
        .register("SMBHSTCNT", 2, 1, 0)
        .writable(0x1d)
        .onWrite((old, written) -> controlWritten(written));
    registers.register("SMBHSTCMD", 3, 1, 0).writable(0xff);
    registers.register("SMBHSTADD", 4, 1, 0).writable(0xff);
    registers.register("SMBHSTDAT0", 5, 1, 0).writable(0xff);
    registers.register("SMBHSTDAT1", 6, 1, 0).writable(0xff);
    registers.register("SMBBLKDAT", 7, 1, 0).writable(0xff);
    registers.register("SMBSLVCNT", 8, 1, 0).writable(0x0f).unimplemented(0x0f);
    registers.register("SMBSHDWCMD", 9, 1, 0).writable(0xff);
    registers.register("SMBSLVEVT", 10, 2, 0).writable(0xffff);
    registers.register("SMBSLVDAT", 12, 2, 0).writable(0xffff);
  }

  private void controlWritten(long written) {
    if ((written & CNT_KILL) != 0) {
      status.setBits(STS_FAILED);
    } else if ((written & CNT_START) != 0) {
      status.clearBits(STS_INTER);
      status.setBits(STS_DEV_ERR);
    }
  }

  @Override
  public long read(long offset, int size) {
    return registers.read(offset, size);
  }

  @Override
  public void write(long offset, long value, int size) {
    registers.write(offset, value, size);
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  @Override
  public State save() {
    return new State(registers.save());
  }

  @Override
  public void load(State state) {
    registers.load(state.registers);
  }

  @Override
  public void reset() {
    registers.reset();
  }
}
