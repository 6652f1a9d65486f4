/** The {@code pc} board: i440FX, PIIX3 and PIIX4 power management with the usual ISA devices. */
package org.tuber.machine.board.pc;
