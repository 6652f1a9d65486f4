/** The {@code tuber} command: subcommands, QEMU's option spelling, the terminal, guests by name. */
package org.tuber.launcher;
