/** ACPI tables and the byte code in them. */
package org.tuber.machine.firmware.acpi;
