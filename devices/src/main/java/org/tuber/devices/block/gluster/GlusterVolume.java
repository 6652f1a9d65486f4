package org.tuber.devices.block.gluster;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.host.ForeignLibrary;
import org.tuber.devices.block.host.ForeignLibrary.Result;

/**
 * A connection to a volume, by the functions of {@code glusterfs/api/glfs.h}.
 *
 * <p>A connection is made once for each volume, serves all files there and lives as long as the
 * process: making one takes a few round trips, and {@code glfs_fini} waits up to ten seconds for
 * calls the library itself left open.
 */
final class GlusterVolume {
  private static final Map<Key, GlusterVolume> OPEN = new HashMap<>();

  private final ForeignLibrary library;
  private final long fs;

  /** What tells volumes apart. */
  private record Key(List<GlusterAddress.Server> servers, String volume) {}

  private GlusterVolume(ForeignLibrary library, long fs) {
    this.library = library;
    this.fs = fs;
  }

  /** The volume a file is in, connected. */
  static GlusterVolume of(String name, GlusterAddress a) throws IOException {
    ForeignLibrary library =
        ForeignLibrary.load(
            name, "libgfapi.so.0", "GlusterFS", "Debian's libgfapi0; or mount the volume");
    Key key = new Key(a.servers(), a.volume());
    synchronized (OPEN) {
      GlusterVolume known = OPEN.get(key);
      if (known == null) {
        known = connect(library, name, a);
        OPEN.put(key, known);
      }
      return known;
    }
  }

  private static GlusterVolume connect(ForeignLibrary library, String name, GlusterAddress a)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      Result fs = library.call("glfs_new", text(arena, a.volume()));
      if (fs.value() == 0) {
        throw failure(name, "volume", fs.errno());
      }
      GlusterVolume v = new GlusterVolume(library, fs.value());
      try {
        for (GlusterAddress.Server s : a.servers()) {
          v.require(
              name,
              "server",
              "glfs_set_volfile_server",
              text(arena, s.transport()),
              text(arena, s.host()),
              s.port());
        }
        v.require(name, "logfile", "glfs_set_logging", text(arena, a.logFile()), a.debug());
        // Data that could not be written stays, so that the next flush reports it again.
        v.call(
            "glfs_set_xlator_option",
            text(arena, "*-write-behind"),
            text(arena, "resync-failed-syncs-after-fsync"),
            text(arena, "on"));
        v.require(name, "server", "glfs_init");
        return v;
      } catch (ImageException e) {
        library.call("glfs_fini", fs.value());
        String where = a.servers().stream().map(Object::toString).collect(Collectors.joining(", "));
        throw new ImageException(
            name,
            "server",
            "no connection to volume '" + a.volume() + "' at " + where + ": " + e.problem(),
            e);
      }
    }
  }

  private static long text(Arena arena, String text) {
    return arena.allocateFrom(text).address();
  }

  static ImageException failure(String name, String what, int errno) {
    String why = errno == 0 ? "the server does not answer" : ForeignLibrary.describe(errno);
    return new ImageException(name, what, why);
  }

  ForeignLibrary library() {
    return library;
  }

  /** Calls a function whose first argument is the volume. */
  private Result call(String function, long... arguments) {
    return library.callOn(fs, function, arguments);
  }

  private void require(String name, String what, String function, long... arguments)
      throws ImageException {
    Result r = call(function, arguments);
    if (r.narrow() != 0) {
      throw failure(name, what, r.errno());
    }
  }

  /** Opens or, with a mode, creates a file; 0 with an error number if that does not work. */
  Result open(String path, int flags, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment p = arena.allocateFrom(path);
      return mode == 0
          ? call("glfs_open", p.address(), flags)
          : call("glfs_creat", p.address(), flags, mode);
    }
  }
}
