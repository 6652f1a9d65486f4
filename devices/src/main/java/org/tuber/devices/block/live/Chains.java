package org.tuber.devices.block.live;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;

/** Finding and exchanging images in the chain below a disk. */
final class Chains {
  private Chains() {}

  /** The image of the chain with that file name. */
  static BlockNode find(LiveDisk disk, String file) throws ImageException {
    for (BlockNode n = disk.top(); n != null; n = n.backing()) {
      if (n.filename().equals(file) || Images.isSameFile(n.filename(), file)) {
        return n;
      }
    }
    throw new ImageException(file, "chain", "is not below the disk '" + disk.name() + "'");
  }

  /** The image whose backing file {@code node} is, from {@code top} on; null is the end. */
  static BlockNode above(BlockNode top, BlockNode node) throws ImageException {
    for (BlockNode n = top; n != null; n = n.backing()) {
      if (n.backing() == node) {
        return n;
      }
    }
    throw new ImageException(top.filename(), "chain", "the image is not in it");
  }

  /**
   * The image itself if it is open for writing, because it was on top once; else the same opened
   * another time. That one takes no lock: the first keeps other writers away.
   */
  static BlockNode openWritable(LiveDisk disk, BlockNode node) throws IOException {
    if (!node.isReadOnly()) {
      return node;
    }
    return Images.open(
        node.filename(),
        disk.options().withFormat(node.formatName()).withWritable(true).withLocked(false));
  }

  /**
   * The name for {@code base} to write into {@code overlay}; short if the chain has a short one.
   */
  static String nameFor(BlockNode overlay, BlockNode from, BlockNode base) throws ImageException {
    String name = above(from, base).backingName();
    if (name != null
        && Images.isSameFile(Images.resolve(overlay.filename(), name), base.filename())) {
      return name;
    }
    return Images.absolute(base.filename());
  }

  /** Writes a backing file's name into an image, open for writing or not. */
  static void recordBacking(LiveDisk disk, BlockNode overlay, String name, String format)
      throws IOException {
    if (!overlay.isReadOnly()) {
      overlay.changeBacking(name, format);
      return;
    }
    try (BlockNode again =
        Images.open(
            overlay.filename(),
            disk.options()
                .withFormat(overlay.formatName())
                .withWritable(true)
                .withLocked(false)
                .withOpenBacking(false))) {
      again.changeBacking(name, format);
    }
  }

  /** Closes the images from {@code first} down to, but without, {@code rest}. */
  static void closeDownTo(BlockNode first, BlockNode rest) throws IOException {
    if (rest != null) {
      above(first, rest).attachBacking(null);
    }
    first.close();
  }
}
