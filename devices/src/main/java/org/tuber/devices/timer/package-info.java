/** Timers and real-time clocks. */
package org.tuber.devices.timer;
