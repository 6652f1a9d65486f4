package org.tuber.machine.firmware;

/**
 * A video card whose BIOS runs before a kernel booted without firmware.
 *
 * @param bios its ROM, not changed by anybody
 * @param address PCI bus in bits 8 to 15, device in bits 3 to 7, function below
 */
public record VideoCard(byte[] bios, int address) {}
