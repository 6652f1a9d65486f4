/** PCI: functions, buses, host bridges, message-signalled interrupts. */
package org.tuber.devices.pci;
