package org.tuber.devices.block.qcow2;

import java.io.IOException;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.qcow2.TableCache.Page;

/** Goes through everything one L1 table refers to. Used under the write lock. */
final class ReferenceWalk {
  private final Qcow2Image image;
  private final int clusterBits;
  private final int entryBytes;

  ReferenceWalk(Qcow2Image image) {
    this.image = image;
    this.clusterBits = image.header().clusterBits;
    this.entryBytes = image.header().l2EntryBytes();
  }

  private interface Visitor {
    void cluster(long offset, long bytes) throws IOException;
  }

  private void visit(long[] l1, Visitor v) throws IOException {
    long clusterBytes = 1L << clusterBits;
    int pageBytes = image.cache().pageBytes();
    for (int i = 0; i < l1.length; i++) {
      long table = l1[i] & ClusterMap.OFFSET_MASK;
      if (table == 0) {
        continue;
      }
      requireAligned("l1_table[" + i + "]", table);
      for (long at = 0; at < clusterBytes; at += pageBytes) {
        byte[] data = image.cache().get(table + at, TableCache.Kind.L2).data;
        for (int e = 0; e < pageBytes; e += entryBytes) {
          long entry = Bytes.be64(data, e);
          if ((entry & ClusterMap.COMPRESSED) != 0) {
            v.cluster(
                ClusterMap.packedOffset(entry, clusterBits),
                ClusterMap.packedBytes(entry, clusterBits));
          } else if ((entry & ClusterMap.OFFSET_MASK) != 0) {
            requireAligned("l2_entry", entry & ClusterMap.OFFSET_MASK);
            v.cluster(entry & ClusterMap.OFFSET_MASK, clusterBytes);
          }
        }
      }
      v.cluster(table, clusterBytes);
    }
  }

  private void requireAligned(String field, long offset) throws IOException {
    if ((offset & (1L << clusterBits) - 1) != 0) {
      throw image.corrupt(field, "offset " + offset + " is not aligned");
    }
  }

  /** One more reference to everything. */
  void raise(long[] l1) throws IOException {
    visit(
        l1,
        (offset, bytes) -> {
          image.refcounts().increment(offset, bytes);
          if (image.cache().isCrowded()) {
            image.commits().commit();
          }
        });
  }

  /** One reference less to everything; what refers no longer is on disk already. */
  void lower(long[] l1) throws IOException {
    visit(
        l1,
        (offset, bytes) -> {
          image.refcounts().release(offset, bytes);
        });
  }

  /** Sets the flag that a cluster is ours alone wherever its count is 1, clears it elsewhere. */
  void updateCopiedFlags() throws IOException {
    long clusterBytes = 1L << clusterBits;
    int pageBytes = image.cache().pageBytes();
    long[] l1 = image.map().l1();
    for (int i = 0; i < l1.length; i++) {
      long table = l1[i] & ClusterMap.OFFSET_MASK;
      if (table == 0) {
        continue;
      }
      long wanted = table | copied(table);
      if (l1[i] != wanted) {
        image.map().setL1Entry(i, wanted);
      }
      for (long at = 0; at < clusterBytes; at += pageBytes) {
        Page p = image.cache().get(table + at, TableCache.Kind.L2);
        updatePage(p);
      }
      if (image.cache().isCrowded()) {
        image.commits().commit();
      }
    }
  }

  private void updatePage(Page p) throws IOException {
    boolean external = image.hasExternalData();
    for (int e = 0; e < p.data.length; e += entryBytes) {
      long entry = Bytes.be64(p.data, e);
      long offset = entry & ClusterMap.OFFSET_MASK;
      if ((entry & ClusterMap.COMPRESSED) != 0 || offset == 0 || external) {
        continue;
      }
      long wanted = entry & ~ClusterMap.COPIED | copied(offset);
      if (wanted != entry) {
        image.cache().markDirty(p);
        Bytes.putBe64(p.data, e, wanted);
      }
    }
  }

  private long copied(long offset) throws IOException {
    return image.refcounts().get(offset >>> clusterBits) == 1 ? ClusterMap.COPIED : 0;
  }
}
