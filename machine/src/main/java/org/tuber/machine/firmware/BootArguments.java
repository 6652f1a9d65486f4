package org.tuber.machine.firmware;

/**
 * What a kernel gets besides itself.
 *
 * @param initrd initial RAM disk (multiboot: unused), or null
 * @param commandLine kernel command line
 * @param rsdp guest-physical address of the ACPI root pointer, or 0
 * @param hasTextScreen a VGA card shows 80 by 25 characters of text
 */
record BootArguments(ImageFile initrd, String commandLine, long rsdp, boolean hasTextScreen) {}
