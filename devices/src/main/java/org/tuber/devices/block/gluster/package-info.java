/** Images on GlusterFS volumes. */
package org.tuber.devices.block.gluster;
