/** Virtual I/O devices. */
package org.tuber.devices.virtio;
