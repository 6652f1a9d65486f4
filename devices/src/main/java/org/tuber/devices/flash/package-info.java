/** Flash memory. */
package org.tuber.devices.flash;
