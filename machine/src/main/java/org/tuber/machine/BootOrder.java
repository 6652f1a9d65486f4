package org.tuber.machine;

/**
 * What firmware boots from: {@code -boot}.
 *
 * @param order letters of device classes, first tried first: a floppy, c disk, d CD-ROM, n network
 * @param once order for the first boot only, or an empty string
 * @param menu firmware shows its menu
 * @param splashMillis how long the menu waits, or 0 for the firmware's own default
 */
public record BootOrder(String order, String once, boolean menu, int splashMillis) {
  /** QEMU's default: disk, CD-ROM, floppy. */
  public static final BootOrder DEFAULT = new BootOrder("cad", "", false, 0);
}
