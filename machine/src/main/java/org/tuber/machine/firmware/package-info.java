/** What firmware leaves behind and loads: memory maps, ACPI tables, kernels booted directly. */
package org.tuber.machine.firmware;
