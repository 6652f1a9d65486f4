package org.tuber.machine;

import java.nio.file.Path;

/**
 * What firmware boots from: {@code -boot}.
 *
 * @param order letters of device classes, first tried first: a floppy, c disk, d CD-ROM, n network
 * @param once order for the first boot only, or an empty string
 * @param menu firmware shows its menu
 * @param splash picture to show meanwhile, JPEG or BMP, or null
 * @param splashMillis how long menu and picture stay, or -1 for the firmware's own default
 * @param rebootMillis after which firmware tries again when nothing boots, or -1 for never
 * @param strict only devices with a {@code bootindex}, if any has one
 */
public record BootOrder(
    String order,
    String once,
    boolean menu,
    Path splash,
    int splashMillis,
    int rebootMillis,
    boolean strict) {
  /** QEMU's default: disk, CD-ROM, floppy. */
  public static final BootOrder DEFAULT = new BootOrder("cad", "", false, null, -1, -1, false);
}
