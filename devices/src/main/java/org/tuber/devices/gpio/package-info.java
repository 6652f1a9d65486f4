/** General-purpose input and output pins. */
package org.tuber.devices.gpio;
