/** Raw images: the disk byte for byte. */
package org.tuber.devices.block.raw;
