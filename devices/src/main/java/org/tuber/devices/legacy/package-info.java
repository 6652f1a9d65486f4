/** Small fixed devices of the PC: diagnostic ports, fast A20 and reset, debug exits. */
package org.tuber.devices.legacy;
