/** Keyboards and pointing devices. */
package org.tuber.devices.input;
