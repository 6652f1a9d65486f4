/** Interrupt controllers. */
package org.tuber.devices.irqchip;
