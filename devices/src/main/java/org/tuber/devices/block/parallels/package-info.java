/** Parallels disk images. */
package org.tuber.devices.block.parallels;
