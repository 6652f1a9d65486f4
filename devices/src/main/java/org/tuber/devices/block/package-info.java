/**
 * The block layer: image formats, host files, backing chains and network disks.
 *
 * <p>A {@link org.tuber.devices.block.BlockNode} is a disk as one format shows it; it stands on an
 * {@link org.tuber.devices.block.ImageFile}, the bytes on the host. Nodes are synchronous and
 * thread-safe; {@link org.tuber.devices.block.AsyncDisk} turns one into the asynchronous {@link
 * org.tuber.core.backend.BlockBackend} that device models use.
 */
package org.tuber.devices.block;
