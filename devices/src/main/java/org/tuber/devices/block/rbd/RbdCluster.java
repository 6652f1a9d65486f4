package org.tuber.devices.block.rbd;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Base64;
import java.util.Map;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.crypt.DiskCipher;
import org.tuber.devices.block.host.ForeignLibrary;

/**
 * A connection to a Ceph cluster and the pool of one image, by the functions of {@code
 * rados/librados.h}. Those of {@code rbd/librbd.h} take its {@link #pool}.
 */
final class RbdCluster implements AutoCloseable {
  private static final String PACKAGE = "Debian's librbd1; or map the image with 'rbd map'";

  private final String name;
  private final ForeignLibrary rados;
  private final ForeignLibrary rbd;
  private final long cluster;
  private long pool;

  private RbdCluster(String name, ForeignLibrary rados, ForeignLibrary rbd, long cluster) {
    this.name = name;
    this.rados = rados;
    this.rbd = rbd;
    this.cluster = cluster;
  }

  /** Connects; the cache mode says whether librbd may keep writes until the next flush. */
  static RbdCluster connect(String name, RbdAddress a, OpenOptions options) throws IOException {
    ForeignLibrary rbd = ForeignLibrary.load(name, "librbd.so.1", "Ceph RBD", PACKAGE);
    ForeignLibrary rados = ForeignLibrary.load(name, "librados.so.2", "Ceph RBD", PACKAGE);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      long user = a.user() == null ? 0 : text(arena, a.user());
      require(name, "cluster", rados.call("rados_create", out.address(), user).narrow());
      RbdCluster c = new RbdCluster(name, rados, rbd, out.get(ValueLayout.JAVA_LONG, 0));
      try {
        c.configure(arena, a, options);
        require(name, "connection", rados.call("rados_connect", c.cluster).narrow());
        int rc =
            rados
                .call("rados_ioctx_create", c.cluster, text(arena, a.pool()), out.address())
                .narrow();
        require(name, "pool " + a.pool(), rc);
        c.pool = out.get(ValueLayout.JAVA_LONG, 0);
        if (!a.namespace().isEmpty()) {
          rados.call("rados_ioctx_set_namespace", c.pool, text(arena, a.namespace()));
        }
        return c;
      } catch (ImageException e) {
        c.close();
        throw e;
      }
    }
  }

  private void configure(Arena arena, RbdAddress a, OpenOptions options) throws IOException {
    long file = a.conf() == null ? 0 : text(arena, a.conf());
    int rc = rados.call("rados_conf_read_file", cluster, file).narrow();
    if (a.conf() != null) {
      // Without one named the usual places may well be empty: the name can say all there is.
      require(name, "conf " + a.conf(), rc);
    }
    for (Map.Entry<String, String> s : a.settings().entrySet()) {
      if (s.getKey().equals(RbdAddress.KEY_SECRET)) {
        byte[] key =
            DiskCipher.passphrase(name, RbdAddress.KEY_SECRET, options.secrets(), s.getValue());
        require(name, "key", set(arena, "key", Base64.getEncoder().encodeToString(key)));
      } else {
        require(name, "option " + s.getKey(), set(arena, s.getKey(), s.getValue()));
      }
    }
    String cached = Boolean.toString(!options.cache().isDirect());
    require(name, "rbd_cache", set(arena, "rbd_cache", cached));
  }

  private int set(Arena arena, String key, String value) {
    return rados.call("rados_conf_set", cluster, text(arena, key), text(arena, value)).narrow();
  }

  static long text(Arena arena, String text) {
    return arena.allocateFrom(text).address();
  }

  /** Throws what an error number says, if the result is one. */
  static void require(String name, String what, long result) throws ImageException {
    if (result < 0) {
      throw new ImageException(name, what, ForeignLibrary.describe((int) -result));
    }
  }

  ForeignLibrary rbd() {
    return rbd;
  }

  /** The pool as an I/O context of librados. */
  long pool() {
    return pool;
  }

  @Override
  public void close() {
    if (pool != 0) {
      rados.call("rados_ioctx_destroy", pool);
    }
    rados.call("rados_shutdown", cluster);
  }
}
