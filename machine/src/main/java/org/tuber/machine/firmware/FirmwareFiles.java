package org.tuber.machine.firmware;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.tuber.machine.MachineException;

/**
 * Where firmware images are looked for: as named, then in the folders of the command line, then
 * where distributions put them.
 */
public final class FirmwareFiles {
  private static final List<Path> USUAL_FOLDERS =
      List.of(
          Path.of("/usr/share/seabios"),
          Path.of("/usr/share/qemu"),
          Path.of("/usr/share/OVMF"),
          Path.of("/usr/share/ovmf"),
          Path.of("/usr/share/AAVMF"),
          Path.of("/usr/share/qemu-efi-aarch64"),
          Path.of("/usr/lib/u-boot/qemu_arm64"),
          Path.of("/usr/share/edk2/ovmf"),
          Path.of("/usr/share/edk2/x64"),
          Path.of("/usr/share/vgabios"),
          Path.of("/usr/share/bochs"),
          Path.of("/usr/lib/ipxe/qemu"),
          Path.of("/usr/local/share/qemu"));

  private final List<Path> folders;

  /** Looks in {@code folders} before the usual ones. */
  public FirmwareFiles(List<Path> folders) {
    this.folders = List.copyOf(folders);
  }

  /** The file of that name or path, or null. */
  public Path find(String name) {
    try {
      Path direct = Path.of(name);
      if (Files.isRegularFile(direct)) {
        return direct;
      }
      if (direct.isAbsolute()) {
        return null;
      }
      for (List<Path> places : List.of(folders, USUAL_FOLDERS)) {
        for (Path folder : places) {
          Path candidate = folder.resolve(direct);
          if (Files.isRegularFile(candidate)) {
            return candidate;
          }
        }
      }
    } catch (InvalidPathException e) {
      return null;
    }
    return null;
  }

  /**
   * Reads a file that must be there.
   *
   * @param option what asked for it, for messages
   */
  public byte[] read(String option, String name) throws MachineException {
    Path path = find(name);
    if (path == null) {
      throw new MachineException(
          option
              + ": cannot find firmware '"
              + name
              + "'; install it (Debian: seabios, ovmf, qemu-efi-aarch64) or name its folder with -L");
    }
    try (ImageFile file = ImageFile.open(path, "firmware")) {
      if (file.sizeBytes() > Integer.MAX_VALUE / 2) {
        throw new MachineException(option + ": " + path + " is too big for firmware");
      }
      return file.copy(0, (int) file.sizeBytes());
    }
  }
}
