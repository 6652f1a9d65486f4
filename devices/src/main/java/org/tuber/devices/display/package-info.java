/** Video cards and what shows their picture. */
package org.tuber.devices.display;
