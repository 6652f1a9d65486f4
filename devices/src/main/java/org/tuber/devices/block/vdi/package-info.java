/** VirtualBox disk images. */
package org.tuber.devices.block.vdi;
