/** Flattened device trees. */
package org.tuber.machine.firmware.fdt;
