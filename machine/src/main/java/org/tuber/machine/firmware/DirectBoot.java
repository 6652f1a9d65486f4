package org.tuber.machine.firmware;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * Boots a kernel without firmware: finds out its format, and at each reset puts it into memory
 * anew. Formats, in the order they are tried: Linux bzImage, multiboot 1, PVH ELF.
 */
public final class DirectBoot implements AutoCloseable {
  private final List<ImageFile> files = new ArrayList<>();
  private final KernelImage kernel;
  private final ImageFile initrd;
  private final String commandLine;

  private DirectBoot(Path kernelPath, Path initrdPath, String commandLine) throws MachineException {
    this.commandLine = commandLine;
    try {
      ImageFile file = open(kernelPath, "kernel");
      if (!BzImage.isBzImage(file) && Multiboot.findHeader(file) >= 0) {
        initrd = null;
        kernel = new Multiboot(file, kernelPath.toString(), modules(initrdPath));
        return;
      }
      if (BzImage.isBzImage(file)) {
        kernel = new BzImage(file);
      } else if (ElfFile.isElf(file)) {
        kernel = new PvhElf(file);
      } else {
        throw new MachineException(
            file.name() + " is not a kernel: neither a Linux bzImage, nor ELF, nor multiboot");
      }
      initrd = initrdPath == null ? null : open(initrdPath, "initrd");
    } catch (MachineException e) {
      close();
      throw e;
    }
  }

  /**
   * Opens the files.
   *
   * @param initrd initial RAM disk or null; for a multiboot kernel {@code file words,file words…}
   */
  public static DirectBoot open(Path kernel, Path initrd, String commandLine)
      throws MachineException {
    return new DirectBoot(kernel, initrd, commandLine);
  }

  private ImageFile open(Path path, String role) throws MachineException {
    ImageFile file = ImageFile.open(path, role);
    files.add(file);
    return file;
  }

  /** Module list of a multiboot kernel: separated by commas, a doubled comma is one in a name. */
  private List<Multiboot.Module> modules(Path list) throws MachineException {
    List<Multiboot.Module> modules = new ArrayList<>();
    if (list == null) {
      return modules;
    }
    for (String part : list.toString().split("(?<!,),(?!,)", -1)) {
      String words = part.replace(",,", ",");
      int space = words.indexOf(' ');
      String name = space < 0 ? words : words.substring(0, space);
      modules.add(new Multiboot.Module(open(Path.of(name), "module"), words));
    }
    return modules;
  }

  /**
   * Puts everything into memory and the boot processor, fresh from reset, at the kernel's entry.
   *
   * @param rsdp where the ACPI root pointer is, or 0
   * @param card is set up before the kernel starts; or null
   */
  public void load(BootMemory memory, Vcpu cpu, long rsdp, VideoCard card) throws MachineException {
    kernel.load(memory, cpu, new BootArguments(initrd, commandLine, rsdp, card != null));
    if (card != null) {
      VideoStart.precede(memory, cpu, card);
    }
  }

  @Override
  public void close() {
    files.forEach(ImageFile::close);
    files.clear();
  }
}
