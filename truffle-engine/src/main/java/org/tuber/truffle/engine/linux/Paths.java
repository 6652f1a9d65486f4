package org.tuber.truffle.engine.linux;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Paths as the guest names them and as the host finds them. Text holds one byte per character.
 *
 * <p>Absolute paths that exist under the sysroot are taken from there. What /proc says of the
 * calling process is about the guest: see {@link ProcFiles}.
 */
final class Paths {
  private static final int F_OK = 0;
  private static final int X_OK = 1;

  /** What the kernel makes: a sysroot has empty folders for it. */
  private static final Pattern KERNEL = Pattern.compile("/(proc|sys|dev)(/.*)?", Pattern.DOTALL);

  private final UserSystem system;
  private final String sysroot;

  Paths(UserSystem system, String sysroot) {
    this.system = system;
    this.sysroot = sysroot.endsWith("/") ? sysroot.substring(0, sysroot.length() - 1) : sysroot;
  }

  static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** The bytes of what the command line or the environment says, in the host's encoding. */
  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The host's path of a guest's. */
  String host(GuestThread t, String path) {
    if (path.isEmpty() || path.charAt(0) != '/') {
      return path;
    }
    if (path.startsWith("/proc/") || path.startsWith("/dev/")) {
      String own = ProcFiles.redirect(t, path);
      if (own != null) {
        return own;
      }
    }
    return inSysroot(path);
  }

  /** The path under the sysroot if there is such a file. */
  String inSysroot(String path) {
    if (sysroot.isEmpty() || !path.startsWith("/") || KERNEL.matcher(path).matches()) {
      return path;
    }
    String below = sysroot + path;
    return exists(below, F_OK) ? below : path;
  }

  private static boolean exists(String path, int mode) {
    return Host.withPath(Host.ACCESS, path, text -> new long[] {text, mode}) == 0;
  }

  /** A program by name: as execvp finds it, with the PATH of the program's environment. */
  String findProgram(String name, List<String> environment) {
    String raw = text(bytes(name));
    if (raw.indexOf('/') >= 0) {
      return raw;
    }
    String path = "/usr/local/bin:/usr/bin:/bin";
    for (String e : environment) {
      if (e.startsWith("PATH=")) {
        path = text(bytes(e.substring(5)));
      }
    }
    for (String folder : path.split(":")) {
      String candidate = (folder.isEmpty() ? "." : folder) + "/" + raw;
      if (exists(inSysroot(candidate), X_OK)) {
        return candidate;
      }
    }
    throw new ProgramException(Errno.ENOENT, name + ": no such program in PATH");
  }

  /** An absolute path without links, as /proc/self/exe shows it. */
  static String canonical(int fd) {
    String path = Host.readLink("/proc/self/fd/" + fd);
    return path == null ? "" : path;
  }

  /** How the guest knows a path of the host. */
  String guest(String path) {
    return !sysroot.isEmpty() && path.startsWith(sysroot + "/")
        ? path.substring(sysroot.length())
        : path;
  }

  UserSystem system() {
    return system;
  }
}
