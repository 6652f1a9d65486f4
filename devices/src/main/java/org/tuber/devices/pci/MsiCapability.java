package org.tuber.devices.pci;

/**
 * Message-signalled interrupts of a function: a 64-bit capability without per-vector masks.
 *
 * <p>PCI Local Bus specification 3.0, section 6.8.1. Its registers live in the function's
 * configuration space and are saved with it.
 */
public final class MsiCapability {
  private static final int ID = 0x05;
  private static final int SIZE_BYTES = 14;
  private static final int CONTROL = 2;
  private static final int ADDRESS = 4;
  private static final int DATA = 12;
  private static final int CONTROL_ENABLE = 0x0001;
  private static final int CONTROL_64BIT = 0x0080;

  private final PciFunction pci;
  private final int offset;

  /**
   * Adds the capability.
   *
   * @param pci the function
   * @param vectors how many it can use: 1, 2, 4, 8, 16 or 32
   */
  public MsiCapability(PciFunction pci, int vectors) {
    if (Integer.bitCount(vectors) != 1 || vectors > 32) {
      throw new IllegalArgumentException(pci.name() + ": " + vectors + " messages");
    }
    this.pci = pci;
    offset = pci.addCapability(ID, SIZE_BYTES);
    int capable = Integer.numberOfTrailingZeros(vectors);
    pci.define(offset + CONTROL, CONTROL_64BIT | capable << 1, 2);
    pci.allowWrite(offset + CONTROL, 0x0071, 2);
    pci.allowWrite(offset + ADDRESS, 0xffff_ffff_ffff_fffcL, 8);
    pci.allowWrite(offset + DATA, 0xffff, 2);
  }

  /** True when the guest switched messages on; INTx is then silent. */
  public boolean enabled() {
    return (pci.config16(offset + CONTROL) & CONTROL_ENABLE) != 0;
  }

  /** Sends vector {@code n}; vectors beyond those granted share the last ones. */
  public void notify(int n) {
    if (!enabled()) {
      return;
    }
    int granted = Math.min(pci.config16(offset + CONTROL) >>> 4 & 7, 5);
    int mask = (1 << granted) - 1;
    long low = pci.config32(offset + ADDRESS) & 0xffff_fffcL;
    long address = low | (long) pci.config32(offset + ADDRESS + 4) << 32;
    pci.sendMessage(address, pci.config16(offset + DATA) & ~mask | n & mask);
  }
}
