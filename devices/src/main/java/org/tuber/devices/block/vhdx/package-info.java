/** VHDX images. */
package org.tuber.devices.block.vhdx;
