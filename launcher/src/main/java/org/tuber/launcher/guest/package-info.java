/** Guests by name: fetched through the host's package tool, unpacked and started. */
package org.tuber.launcher.guest;
