/** VMware disk images. */
package org.tuber.devices.block.vmdk;
