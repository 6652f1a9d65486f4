/** Images that map blocks of the disk to places in the file: what their formats share. */
package org.tuber.devices.block.mapped;
