/** What firmware talks to: its configuration device and its flash chips. */
package org.tuber.devices.firmware;
