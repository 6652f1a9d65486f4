package org.tuber.machine.firmware;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * Boots an AArch64 kernel without firmware: a Linux {@code Image} (Documentation/arch/arm64/booting
 * of the kernel) or an ELF file. At each reset it puts kernel, initial RAM disk and device tree
 * into memory and the boot processor at the entry, with the address of the tree in X0 for Linux.
 *
 * <p>Places are QEMU's: the disk half of RAM up, at most 128 MiB; the tree behind it.
 */
public final class ArmBoot implements AutoCloseable {
  private static final long MAGIC = 0x644d_5241L;
  private static final int HEADER_BYTES = 64;
  private static final long MIB = 1 << 20;
  private static final long DEFAULT_OFFSET = 0x8_0000;
  private static final long MAX_INITRD_OFFSET = 128 * MIB;
  private static final long TREE_ALIGNMENT = 2 * MIB;

  /** Describes the machine, once it is known where the initial RAM disk lies. */
  @FunctionalInterface
  public interface Tree {
    /** The blob; without a disk both addresses are 0. */
    byte[] describe(long initrdStart, long initrdEnd);
  }

  private final List<ImageFile> files = new ArrayList<>();
  private final ImageFile kernel;
  private final ImageFile initrd;
  private final ElfFile elf;
  private final long ramBase;
  private final long ramBytes;

  private ArmBoot(Path kernelPath, Path initrdPath, long ramBase, long ramBytes)
      throws MachineException {
    this.ramBase = ramBase;
    this.ramBytes = ramBytes;
    try {
      kernel = open(kernelPath, "kernel");
      elf = ElfFile.isElf(kernel) ? ElfFile.parse(kernel, List.of(ElfFile.MACHINE_AARCH64)) : null;
      if (elf == null && !isImage()) {
        throw new MachineException(
            kernel.name() + " is not a kernel: neither an arm64 Linux Image nor ELF");
      }
      initrd = initrdPath == null ? null : open(initrdPath, "initrd");
    } catch (MachineException e) {
      close();
      throw e;
    }
  }

  /** Opens the files; {@code initrd} may be null. */
  public static ArmBoot open(Path kernel, Path initrd, long ramBase, long ramBytes)
      throws MachineException {
    return new ArmBoot(kernel, initrd, ramBase, ramBytes);
  }

  private ImageFile open(Path path, String role) throws MachineException {
    ImageFile file = ImageFile.open(path, role);
    files.add(file);
    return file;
  }

  private boolean isImage() throws MachineException {
    return kernel.sizeBytes() >= HEADER_BYTES && kernel.u32(56) == MAGIC;
  }

  /** Puts everything into memory and {@code cpu}, fresh from reset, at the kernel's entry. */
  public void load(BootMemory memory, Vcpu cpu, Tree tree) throws MachineException {
    long entry;
    long start;
    long end;
    if (elf != null) {
      end = elf.load(memory, this::checkFits);
      start = elf.lowest();
      entry = elf.entry();
    } else {
      start = imageAddress();
      entry = start;
      end = start + Math.max(kernel.sizeBytes(), kernel.u64(16));
      checkFits(start, end);
      memory.copy(start, kernel, 0, kernel.sizeBytes());
    }
    long next = ramBase + Math.min(ramBytes / 2, MAX_INITRD_OFFSET);
    long initrdStart = 0;
    long initrdEnd = 0;
    if (initrd != null) {
      initrdStart = next;
      initrdEnd = initrdStart + initrd.sizeBytes();
      checkApart(initrd.name(), initrdStart, initrdEnd, start, end);
      memory.copy(initrdStart, initrd, 0, initrd.sizeBytes());
      next = initrdEnd;
    }
    byte[] blob = tree.describe(initrdStart, initrdEnd);
    if (elf != null) {
      // A program that is not Linux looks for the tree at the start of RAM, as after firmware.
      if (ramBase + blob.length <= start || ramBase >= end) {
        memory.write(ramBase, blob);
      }
    } else {
      long at = next + TREE_ALIGNMENT - 1 & -TREE_ALIGNMENT;
      checkApart("the device tree", at, at + blob.length, start, end);
      memory.write(at, blob);
      cpu.writeRegister("x0", at);
    }
    cpu.writeRegister("pc", entry);
  }

  private long imageAddress() throws MachineException {
    // Before Linux 3.17 the header had no size and the offset no byte order.
    long offset = kernel.u64(16) == 0 ? DEFAULT_OFFSET : kernel.u64(8);
    if (offset < 0 || offset >= 1L << 40) {
      throw new MachineException("%s wants to lie at offset 0x%x".formatted(kernel.name(), offset));
    }
    // QEMU keeps the first pages for itself; kernels take any multiple of 2 MiB.
    return ramBase + (offset < 4096 ? offset + 2 * MIB : offset);
  }

  private void checkFits(long start, long end) throws MachineException {
    if (end < start || start < ramBase || end > ramBase + ramBytes) {
      throw new MachineException(
          "%s does not fit: it needs RAM from 0x%x to 0x%x, the machine has it from 0x%x to 0x%x; give more RAM (-m)"
              .formatted(kernel.name(), start, end, ramBase, ramBase + ramBytes));
    }
  }

  private void checkApart(String what, long start, long end, long kernelStart, long kernelEnd)
      throws MachineException {
    if (end > ramBase + ramBytes || start < kernelEnd && kernelStart < end) {
      throw new MachineException(
          "%s (0x%x to 0x%x) does not fit into RAM beside the kernel (0x%x to 0x%x); give more RAM (-m)"
              .formatted(what, start, end, kernelStart, kernelEnd));
    }
  }

  @Override
  public void close() {
    files.forEach(ImageFile::close);
    files.clear();
  }
}
