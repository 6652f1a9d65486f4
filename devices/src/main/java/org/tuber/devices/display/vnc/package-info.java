/** The screen, keyboard and mouse over the network by the RFB protocol. */
package org.tuber.devices.display.vnc;
