/** {@code tuber nbd}: offers a disk image to network clients, with qemu-nbd's spelling. */
package org.tuber.launcher.nbd;
