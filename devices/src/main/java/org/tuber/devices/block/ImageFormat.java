package org.tuber.devices.block;

import java.io.IOException;
import java.util.Set;

/** One image format: how to recognise, open and create it. */
public interface ImageFormat {
  /** Bytes of the file handed to {@link #probe}. */
  int PROBE_BYTES = 4096;

  /** Name on the command line. */
  String name();

  /**
   * How sure the format is that the file is one of its own: 0 not at all, 100 certain.
   *
   * @param head the first {@link #PROBE_BYTES} bytes, zero past the end
   * @param file the file, for formats that look at its end
   */
  int probe(byte[] head, ImageFile file) throws IOException;

  /** Opens an image. On success the node owns the file; on failure the caller closes it. */
  BlockNode open(ImageFile file, OpenOptions options) throws IOException;

  /** Creates an empty image. */
  void create(CreateOptions options) throws IOException;

  /** Names of the options {@link #create} takes beside the size. */
  Set<String> createOptionNames();

  /** True when images of this format may have a backing file. */
  default boolean supportsBacking() {
    return createOptionNames().contains("backing_file");
  }
}
