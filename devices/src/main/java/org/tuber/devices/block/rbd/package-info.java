/** Images on Ceph block devices. */
package org.tuber.devices.block.rbd;
