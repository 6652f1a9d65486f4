/** Network block devices: a server for images, and a client that opens exports as image files. */
package org.tuber.devices.block.nbd;
