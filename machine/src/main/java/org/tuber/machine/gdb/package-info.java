/** The GDB remote serial protocol. */
package org.tuber.machine.gdb;
