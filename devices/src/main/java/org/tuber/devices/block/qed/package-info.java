/** QED images. */
package org.tuber.devices.block.qed;
