package org.tuber.devices.block.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * The images of a machine and the files they are in by node name. Those that nobody named get a
 * name when somebody asks. Images that were opened without a disk, to become one's overlay or a
 * job's target, are kept here.
 */
public final class BlockNodes {
  /** What is in the graph. */
  public sealed interface Node {
    /** The name. */
    String name();

    /** Number of backing files. */
    int depth();
  }

  /**
   * An image.
   *
   * @param disk the disk it belongs to, or null
   * @param image the image
   */
  public record Image(String name, LiveDisk disk, BlockNode image) implements Node {
    @Override
    public int depth() {
      int n = 0;
      for (BlockNode b = image.backing(); b != null; b = b.backing()) {
        n++;
      }
      return n;
    }
  }

  /**
   * A file that an image is in.
   *
   * @param disk the disk it belongs to, or null
   * @param file the file
   */
  public record Storage(String name, LiveDisk disk, ImageFile file) implements Node {
    @Override
    public int depth() {
      return 0;
    }
  }

  private final BlockJobs jobs;
  private final IdentityHashMap<Object, String> names = new IdentityHashMap<>();
  private final Map<String, BlockNode> loose = new LinkedHashMap<>();
  private final Map<String, String> files = new LinkedHashMap<>();
  private int counter;

  BlockNodes(BlockJobs jobs) {
    this.jobs = jobs;
  }

  /** The name of an image or file, which gets one if it has none. */
  public synchronized String nameOf(Object node) {
    return names.computeIfAbsent(node, n -> "#block%03d".formatted(100 + counter++));
  }

  /** Refuses a name that is taken, or that users may not choose. */
  public synchronized void requireFree(String name) throws ImageException {
    if (!name.matches("[A-Za-z][A-Za-z0-9_.-]{0,30}")) {
      throw new ImageException(name, "node-name", "Invalid node-name: '" + name + "'");
    }
    if (jobs.isKnown(name)) {
      throw new ImageException(
          name, "node-name", "node-name=" + name + " is conflicting with a device id");
    }
    if (files.containsKey(name) || find(name) != null) {
      throw new ImageException(name, "node-name", "Duplicate nodes with node-name='" + name + "'");
    }
  }

  /** Names an image. */
  public synchronized void name(Object node, String name) {
    names.put(node, name);
  }

  /** Keeps an image that belongs to no disk yet. */
  public synchronized void add(String name, BlockNode image) {
    names.put(image, name);
    loose.put(name, image);
  }

  /** The image of that name that belongs to no disk; it is somebody else's from now on. */
  public synchronized void release(String name) {
    loose.remove(name);
  }

  /** Closes an image that belongs to no disk. */
  public void close(String name) throws IOException {
    BlockNode image;
    synchronized (this) {
      image = loose.remove(name);
    }
    if (image != null) {
      image.close();
    }
  }

  /** True if the image was opened by itself and belongs to no disk. */
  public synchronized boolean isLoose(String name) {
    return loose.containsKey(name);
  }

  /** Keeps the name of a file that an image will be in. */
  public synchronized void addFile(String name, String filename) {
    files.put(name, filename);
  }

  /** The file of that node name, or null. */
  public synchronized String file(String name) {
    return files.get(name);
  }

  /** Forgets a file. */
  public synchronized void removeFile(String name) {
    files.remove(name);
  }

  /** Everything there is; what has gone loses its name. */
  public synchronized List<Node> all() {
    List<Node> all = new ArrayList<>();
    IdentityHashMap<BlockNode, String> used = new IdentityHashMap<>();
    for (LiveDisk d : jobs.disks()) {
      addChain(all, d, d.top());
      for (BlockNode n = d.top(); n != null; n = n.backing()) {
        used.put(n, d.name());
      }
    }
    // A mirror's target has taken the place of a disk.
    loose.values().removeIf(used::containsKey);
    for (BlockNode n : loose.values()) {
      addChain(all, null, n);
    }
    IdentityHashMap<Object, String> alive = new IdentityHashMap<>();
    for (Node n : all) {
      switch (n) {
        case Image i -> alive.put(i.image, i.name);
        case Storage s -> alive.put(s.file, s.name);
      }
    }
    names.keySet().retainAll(alive.keySet());
    return all;
  }

  private void addChain(List<Node> all, LiveDisk disk, BlockNode top) {
    for (BlockNode n = top; n != null; n = n.backing()) {
      all.add(new Image(nameOf(n), disk, n));
      for (ImageFile f : n.files()) {
        all.add(new Storage(nameOf(f), disk, f));
      }
    }
  }

  /** What has that name, or null. */
  public Node find(String name) {
    for (Node n : all()) {
      if (n.name().equals(name)) {
        return n;
      }
    }
    return null;
  }

  /** Closes what belongs to no disk. */
  void closeAll() throws IOException {
    List<String> left;
    synchronized (this) {
      left = List.copyOf(loose.keySet());
    }
    for (String name : left) {
      close(name);
    }
  }
}
