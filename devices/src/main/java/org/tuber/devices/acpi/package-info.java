/** Power management hardware as ACPI describes it. */
package org.tuber.devices.acpi;
