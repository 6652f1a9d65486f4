/** Directories of the host as disks with a FAT file system. */
package org.tuber.devices.block.fat;
