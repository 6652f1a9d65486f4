/** Arm boards. */
package org.tuber.machine.board.arm;
