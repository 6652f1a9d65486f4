package org.tuber.perf.measure;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.guest.FetchCommand;

/** A folder with {@code vmlinux}, {@code vmlinuz} and {@code initrd.cpio.gz}. */
public record GuestFolder(Path path) {
  private static final String INITRD = "initrd.cpio.gz";

  /** Where folders of guests are looked for. */
  static Stream<Path> roots() {
    String guests = System.getenv("TUBER_GUESTS");
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path cache =
        xdg == null || xdg.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    Path kept = cache.resolve("tuber/guests");
    return guests == null ? Stream.of(kept) : Stream.of(Path.of(guests), kept);
  }

  /**
   * The folder the user named, else the architecture's in {@code $TUBER_GUESTS}, else one in the
   * user's cache, which is filled through the host's package tool when it is empty.
   *
   * @param named folder, or null
   */
  public static GuestFolder find(String named, Architecture architecture) {
    if (named != null) {
      GuestFolder folder = new GuestFolder(Path.of(named).toAbsolutePath());
      if (!Files.exists(folder.initrd())) {
        throw new CommandLineException(
            String.format(
                "--guest %s: no %s there; 'tuber fetch %s DIR' makes one",
                named, INITRD, architecture.fetched));
      }
      return folder;
    }
    List<GuestFolder> all =
        roots().map(root -> new GuestFolder(root.resolve(architecture.folder))).toList();
    for (GuestFolder folder : all) {
      if (Files.exists(folder.initrd())) {
        return folder;
      }
    }
    GuestFolder kept = all.getLast();
    new FetchCommand().run(List.of(architecture.fetched, kept.path.toString()));
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
