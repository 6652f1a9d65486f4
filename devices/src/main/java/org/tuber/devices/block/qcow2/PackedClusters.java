package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;

/** Reads compressed clusters, and keeps the last few for readers that come in small steps. */
final class PackedClusters {
  private static final int SLOTS = 4;

  private final Qcow2Image image;
  private final long[] keys = new long[SLOTS];
  private final byte[][] clusters = new byte[SLOTS][];
  private int next;

  PackedClusters(Qcow2Image image) {
    this.image = image;
  }

  /** Fills {@code target} from the compressed cluster that covers guest offset {@code guest}. */
  void read(long guest, long entry, ByteBuffer target) throws IOException {
    int skip = (int) (guest & image.header().clusterBytes() - 1L);
    byte[] cluster = find(entry);
    if (cluster == null) {
      cluster = unpack(guest, entry);
      if (target.remaining() < cluster.length) {
        keep(entry, cluster);
      }
    }
    target.put(cluster, skip, target.remaining());
  }

  private byte[] unpack(long guest, long entry) throws IOException {
    Qcow2Header h = image.header();
    long offset = ClusterMap.packedOffset(entry, h.clusterBits);
    int bytes = ClusterMap.packedBytes(entry, h.clusterBits);
    byte[] cluster = new byte[h.clusterBytes()];
    if (offset >= image.file().size()
        || !ClusterCodec.decompress(
            h.compressionType, Bytes.readArray(image.file(), offset, bytes), cluster)) {
      throw new ImageException(
          image.filename(),
          "compressed cluster",
          "cannot decompress " + bytes + " bytes at " + offset + " (guest offset " + guest + ")");
    }
    return cluster;
  }

  private synchronized byte[] find(long entry) {
    for (int i = 0; i < SLOTS; i++) {
      if (clusters[i] != null && keys[i] == entry) {
        return clusters[i];
      }
    }
    return null;
  }

  private synchronized void keep(long entry, byte[] cluster) {
    keys[next] = entry;
    clusters[next] = cluster;
    next = (next + 1) % SLOTS;
  }

  /** Forgets all: compressed data is about to be replaced. */
  synchronized void clear() {
    java.util.Arrays.fill(clusters, null);
  }
}
