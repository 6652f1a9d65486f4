/** Serial ports. */
package org.tuber.devices.serial;
