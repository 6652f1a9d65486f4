/** The first version of the qcow format. */
package org.tuber.devices.block.qcow;
