package org.tuber.perf.measure;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.guest.FetchCommand;

/** A folder with {@code vmlinux}, {@code vmlinuz} and {@code initrd.cpio.gz}. */
public record GuestFolder(Path path) {
  private static final String INITRD = "initrd.cpio.gz";

  /**
   * The folder the user named, else {@code $TUBER_GUESTS/amd64}, else one in the user's cache,
   * which is filled through the host's package tool when it is empty.
   *
   * @param named folder, or null
   */
  public static GuestFolder find(String named) {
    if (named != null) {
      GuestFolder folder = new GuestFolder(Path.of(named).toAbsolutePath());
      if (!Files.exists(folder.initrd())) {
        throw new CommandLineException(
            "--guest " + named + ": no " + INITRD + " there; 'tuber fetch debian DIR' makes one");
      }
      return folder;
    }
    String guests = System.getenv("TUBER_GUESTS");
    if (guests != null && Files.exists(Path.of(guests, "amd64", INITRD))) {
      return new GuestFolder(Path.of(guests, "amd64"));
    }
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path cache =
        xdg == null || xdg.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    GuestFolder kept = new GuestFolder(cache.resolve("tuber/guests/amd64"));
    if (!Files.exists(kept.initrd())) {
      new FetchCommand().run(List.of("debian", kept.path.toString()));
    }
    return kept;
  }

  /** The initramfs that prints the marker line and switches off. */
  public Path initrd() {
    return path.resolve(INITRD);
  }

  /** A kernel by file name; null takes {@code vmlinux}, or {@code vmlinuz} when there is none. */
  public Path kernel(String name) {
    if (name == null) {
      Path elf = path.resolve("vmlinux");
      return Files.exists(elf) ? elf : path.resolve("vmlinuz");
    }
    Path kernel = path.resolve(name);
    if (!Files.exists(kernel)) {
      throw new CommandLineException("--kernel " + name + ": not in " + path);
    }
    return kernel;
  }
}
