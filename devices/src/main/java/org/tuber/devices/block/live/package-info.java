/**
 * Disks of a running machine: their images can be exchanged, copied and merged while the guest goes
 * on reading and writing.
 *
 * <p>Start at {@link org.tuber.devices.block.live.LiveDisk}, the disk, and {@link
 * org.tuber.devices.block.live.BlockJobs}, the work going on in the background.
 */
package org.tuber.devices.block.live;
