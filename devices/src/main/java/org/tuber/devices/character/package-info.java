/** Host ends of serial lines. */
package org.tuber.devices.character;
