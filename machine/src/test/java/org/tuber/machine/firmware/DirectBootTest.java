package org.tuber.machine.firmware;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.core.cpu.ExitReason;
import org.tuber.machine.MachineException;
import org.tuber.machine.ScriptedVcpu;

/** Images made here by hand, loaded, and looked at from the kernel's side. */
final class DirectBootTest {
  private static final long RSDP = 0xf5a00;
  private static final byte[] INITRD = "an initial RAM disk".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path dir;

  private final TestMachineMemory m = new TestMachineMemory(64);
  private final ScriptedVcpu cpu = new ScriptedVcpu(c -> ExitReason.HALTED);

  @AfterEach
  void freeMemory() {
    m.close();
  }

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(dir.resolve(name), bytes);
  }

  private void boot(byte[] kernel, boolean withInitrd, String append)
      throws IOException, MachineException {
    Path initrd = withInitrd ? file("initrd", INITRD) : null;
    try (DirectBoot boot = DirectBoot.open(file("kernel", kernel), initrd, append)) {
      boot.load(m.boot, cpu, RSDP, null);
    }
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] array(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.capacity()];
    buffer.get(0, bytes);
    return bytes;
  }

  private void assertFlat(int code, int data, long codeAttributes) {
    assertThat(cpu.readRegister("cs")).isEqualTo(code);
    assertThat(cpu.readRegister("cs.base")).isZero();
    assertThat(cpu.readRegister("cs.limit")).isEqualTo(0xffff_ffffL);
    assertThat(cpu.readRegister("cs.attributes")).isEqualTo(codeAttributes);
    for (String s : List.of("ds", "es", "ss")) {
      assertThat(cpu.readRegister(s)).isEqualTo(data);
      assertThat(cpu.readRegister(s + ".attributes")).isEqualTo(0xc093);
    }
    assertThat(cpu.readRegister("rflags")).isEqualTo(2);
    // The descriptors in memory are the same that the registers cache.
    long gdt = cpu.readRegister("gdtr.base");
    long expected = codeAttributes == 0xa09b ? 0x00af_9b00_0000_ffffL : 0x00cf_9b00_0000_ffffL;
    assertThat(m.ram.load64(gdt + code)).isEqualTo(expected);
    assertThat(m.ram.load64(gdt + data)).isEqualTo(0x00cf_9300_0000_ffffL);
  }

  // PVH.

  /** ELF with one PT_LOAD of 16 file bytes (32 in memory) at 2 MiB and a Xen note. */
  private static byte[] elf(boolean is64, boolean withNote, long physical) {
    ByteBuffer b = little(0x300);
    b.put(new byte[] {0x7f, 'E', 'L', 'F', (byte) (is64 ? 2 : 1), 1, 1});
    b.putShort(16, (short) 2).putShort(18, (short) (is64 ? 62 : 3)).putInt(20, 1);
    int noteBytes = withNote ? 12 + 4 + (is64 ? 8 : 4) : 0;
    if (is64) {
      b.putLong(24, 0x1234).putLong(32, 64).putShort(52, (short) 64);
      b.putShort(54, (short) 56).putShort(56, (short) 2);
      b.putInt(64, 1).putLong(72, 0x200).putLong(80, -1L).putLong(88, physical);
      b.putLong(96, 16).putLong(104, 32);
      b.putInt(120, 4).putLong(128, 0x280).putLong(152, noteBytes).putLong(160, noteBytes);
      b.putLong(168, 4);
    } else {
      b.putInt(24, 0x1234).putInt(28, 52).putShort(40, (short) 52);
      b.putShort(42, (short) 32).putShort(44, (short) 2);
      b.putInt(52, 1).putInt(56, 0x200).putInt(60, -1).putInt(64, (int) physical);
      b.putInt(68, 16).putInt(72, 32);
      b.putInt(84, 4).putInt(88, 0x280).putInt(100, noteBytes).putInt(104, noteBytes);
      b.putInt(112, 4);
    }
    b.put(0x200, "kernel text here".getBytes(StandardCharsets.US_ASCII));
    if (withNote) {
      b.putInt(0x280, 4).putInt(0x284, is64 ? 8 : 4).putInt(0x288, 18);
      b.put(0x28c, "Xen\0".getBytes(StandardCharsets.US_ASCII));
      b.putInt(0x290, 0x20_0004);
    }
    return array(b);
  }

  @Test
  void pvhKernelGetsItsStartInfo() throws Exception {
    for (boolean is64 : new boolean[] {false, true}) {
      cpu.reset();
      m.ram.store64(0x20_0010, -1L);
      boot(elf(is64, true, 0x20_0000), true, "console=ttyS0");
      assertFlat(0x10, 0x18, 0xc09b);
      assertThat(cpu.readRegister("rip")).isEqualTo(0x20_0004);
      assertThat(cpu.readRegister("cr0")).isEqualTo(0x11);
      assertThat(m.bytes(0x20_0000, 16)).asString().isEqualTo("kernel text here");
      assertThat(m.ram.load64(0x20_0010)).as("bss is cleared").isZero();
      long info = cpu.readRegister("rbx");
      assertThat(m.ram.load32(info)).isEqualTo(0x336e_c578);
      assertThat(m.ram.load32(info + 4)).isEqualTo(1);
      assertThat(m.ram.load32(info + 0xc)).isEqualTo(1);
      long module = m.ram.load64(info + 0x10);
      long initrd = m.ram.load64(module);
      assertThat(initrd & 0xfff).isZero();
      assertThat(m.ram.load64(module + 8)).isEqualTo(INITRD.length);
      assertThat(m.bytes(initrd, INITRD.length)).isEqualTo(INITRD);
      assertThat(m.boot.map().isRam(initrd, INITRD.length)).isTrue();
      assertThat(m.string(m.ram.load64(info + 0x18))).isEqualTo("console=ttyS0");
      assertThat(m.ram.load64(info + 0x20)).isEqualTo(RSDP);
      long map = m.ram.load64(info + 0x28);
      assertThat(m.ram.load32(info + 0x30)).isEqualTo(m.boot.map().entries().size());
      assertThat(m.ram.load64(map)).isZero();
      assertThat(m.ram.load64(map + 8)).isEqualTo(0x9_fc00);
      assertThat(m.ram.load32(map + 16)).isEqualTo(1);
    }
  }

  @Test
  void refusalsNameTheFileAndTheCause() throws Exception {
    String path = dir.resolve("kernel").toString();
    assertThatThrownBy(() -> boot(elf(true, false, 0x20_0000), false, ""))
        .isInstanceOf(MachineException.class)
        .hasMessageContaining(path)
        .hasMessageContaining("PVH");
    assertThatThrownBy(() -> boot(elf(true, true, 0x400_0000), false, ""))
        .hasMessageContaining("does not fit")
        .hasMessageContaining(path);
    assertThatThrownBy(() -> boot(elf(true, true, 0x1000), false, ""))
        .hasMessageContaining("boot data");
    assertThatThrownBy(() -> boot("#!/bin/sh\necho".getBytes(StandardCharsets.UTF_8), false, ""))
        .hasMessageContaining("not a kernel");
    assertThatThrownBy(() -> boot(new byte[0], false, "")).hasMessageContaining("not a kernel");
    byte[] cut = Arrays.copyOf(elf(true, true, 0x20_0000), 0x208);
    assertThatThrownBy(() -> boot(cut, false, "")).hasMessageContaining("cut short");
    byte[] arm = elf(true, true, 0x20_0000);
    arm[18] = (byte) 183;
    assertThatThrownBy(() -> boot(arm, false, "")).hasMessageContaining("another kind of machine");
    assertThatThrownBy(() -> DirectBoot.open(dir.resolve("nothing"), null, ""))
        .hasMessageContaining("nothing': no such file");
    assertThatThrownBy(() -> DirectBoot.open(dir, null, "")).hasMessageContaining("is a directory");
    Path kernel = file("kernel", elf(true, true, 0x20_0000));
    assertThatThrownBy(() -> DirectBoot.open(kernel, dir.resolve("none"), ""))
        .hasMessageContaining("initrd");
    Path big = dir.resolve("big");
    try (var channel =
        Files.newByteChannel(
            big,
            java.nio.file.StandardOpenOption.CREATE_NEW,
            java.nio.file.StandardOpenOption.WRITE)) {
      channel.position(80L << 20).write(ByteBuffer.wrap(new byte[1]));
    }
    try (DirectBoot boot = DirectBoot.open(kernel, big, "")) {
      assertThatThrownBy(() -> boot.load(m.boot, cpu, 0, null))
          .hasMessageContaining("big")
          .hasMessageContaining("does not fit");
    }
  }

  /**
   * What cannot be mapped is read: a kernel through a pipe, as from a shell's process substitution.
   */
  @Test
  void kernelMayComeThroughAPipe() throws Exception {
    Path pipe = dir.resolve("pipe");
    Process mkfifo = new ProcessBuilder("mkfifo", pipe.toString()).start();
    assumeTrue(mkfifo.waitFor() == 0, "this host has no named pipes");
    byte[] image = elf(true, true, 0x20_0000);
    Thread writer =
        Thread.startVirtualThread(
            () -> {
              try {
                Files.write(pipe, image);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    try (DirectBoot boot = DirectBoot.open(pipe, null, "")) {
      boot.load(m.boot, cpu, 0, null);
    }
    writer.join();
    assertThat(m.bytes(0x20_0000, 16)).asString().isEqualTo("kernel text here");
  }

  // Linux.

  private static byte[] bzImage(int protocol, int xloadflags) {
    ByteBuffer b = little(3 * 512 + 1000);
    b.put(0x1f1, (byte) 2); // two setup sectors
    b.putShort(0x1fe, (short) 0xaa55);
    b.putShort(0x200, (short) 0x66eb); // header ends at 0x268
    b.put(0x202, "HdrS".getBytes(StandardCharsets.US_ASCII));
    b.putShort(0x206, (short) protocol);
    b.put(0x211, (byte) 1);
    b.putInt(0x214, 0x10_0000);
    b.putInt(0x22c, 0x1ff_ffff);
    b.putInt(0x230, 0x20_0000);
    b.put(0x234, (byte) 1);
    b.putShort(0x236, (short) xloadflags);
    b.putInt(0x238, 100);
    b.putLong(0x258, 0x100_0000);
    b.putInt(0x260, 0x40_0000);
    b.put(3 * 512, "protected part".getBytes(StandardCharsets.US_ASCII));
    return array(b);
  }

  @Test
  void linuxKernelIsEnteredIn64BitMode() throws Exception {
    boot(bzImage(0x20f, 0x3f), true, "quiet");
    assertFlat(0x10, 0x18, 0xa09b);
    assertThat(cpu.readRegister("rip")).isEqualTo(0x10_0200);
    assertThat(cpu.readRegister("cr0")).isEqualTo(0x8000_0011L);
    assertThat(cpu.readRegister("cr4")).isEqualTo(0x20);
    assertThat(cpu.readRegister("efer")).isEqualTo(0x500);
    assertThat(List.copyOf(cpu.written().keySet()))
        .containsSubsequence("cr4", "efer", "cr3", "cr0", "cs", "rip");
    assertThat(m.bytes(0x10_0000, 14)).asString().isEqualTo("protected part");
    long pml4 = cpu.readRegister("cr3");
    for (long linear : new long[] {0, 0x10_0200, 0x3fff_ffffL, 0xffff_ffffL}) {
      assertThat(translate(pml4, linear)).isEqualTo(linear);
    }
    long zeroPage = cpu.readRegister("rsi");
    assertThat(m.ram.load32(zeroPage + 0x202)).isEqualTo(0x5372_6448);
    assertThat(m.ram.load8(zeroPage + 0x210)).isEqualTo(0xff);
    assertThat(m.ram.load8(zeroPage + 0x1ef)).as("sentinel").isZero();
    assertThat(m.string(m.ram.load32(zeroPage + 0x228))).isEqualTo("quiet");
    long initrd = m.ram.load32(zeroPage + 0x218);
    assertThat(initrd).isEqualTo(0x1ff_f000);
    assertThat(m.ram.load32(zeroPage + 0x21c)).isEqualTo(INITRD.length);
    assertThat(m.bytes(initrd, INITRD.length)).isEqualTo(INITRD);
    assertThat(m.ram.load64(zeroPage + 0x70)).isEqualTo(RSDP);
    assertThat(m.ram.load8(zeroPage + 0x1e8)).isEqualTo(m.boot.map().entries().size());
    assertThat(m.ram.load64(zeroPage + 0x2d0 + 8)).isEqualTo(0x9_fc00);
    assertThat(m.ram.load32(zeroPage + 0x2d0 + 16)).isEqualTo(1);
  }

  @Test
  void aVideoBiosRunsBeforeTheKernel() throws Exception {
    byte[] bios = {0x55, (byte) 0xaa, 1, (byte) 0xcb};
    try (DirectBoot boot = DirectBoot.open(file("kernel", bzImage(0x20f, 0x3f)), null, "")) {
      boot.load(m.boot, cpu, RSDP, new VideoCard(bios, 0x10));
    }
    assertThat(m.bytes(0xc_0000, 4)).isEqualTo(bios);
    assertThat(cpu.readRegister("cr0")).as("real mode").isEqualTo(0x10);
    assertThat(cpu.readRegister("efer")).isZero();
    assertThat(cpu.readRegister("cs.limit")).isEqualTo(0xffff);
    long start = cpu.readRegister("cs.base") + cpu.readRegister("rip");
    assertThat(m.ram.load32(4 * 0x13)).as("interrupts return").isEqualTo((int) start - 1);
    assertThat(m.ram.load8(start - 1)).isEqualTo(0xcf);
    assertThat(m.bytes(start, 8)).startsWith(0xb8, 0x10, 0, 0x9a, 3, 0, 0, 0xc0);
    assertThat(m.ram.load8(0x7000 + 0x0f)).as("the zero page tells of a VGA").isEqualTo(1);
    byte[] large = new byte[0x1_0001];
    try (DirectBoot boot = DirectBoot.open(dir.resolve("kernel"), null, "")) {
      assertThatThrownBy(() -> boot.load(m.boot, cpu, RSDP, new VideoCard(large, 0x10)))
          .hasMessageContaining("65537 bytes");
    }
  }

  private long translate(long pml4, long linear) {
    long pdpt = m.ram.load64(pml4 + 8 * (linear >>> 39 & 511));
    long pd = m.ram.load64((pdpt & -4096) + 8 * (linear >>> 30 & 511));
    long entry = m.ram.load64((pd & -4096) + 8 * (linear >>> 21 & 511));
    assertThat(entry & 0x83).isEqualTo(0x83);
    return (entry & -(1L << 21)) + (linear & (1 << 21) - 1);
  }

  @Test
  void kernelWithoutThe64BitEntryIsEnteredIn32BitMode() throws Exception {
    for (byte[] image : List.of(bzImage(0x20f, 0), bzImage(0x206, 0x3f))) {
      cpu.reset();
      boot(image, false, "");
      assertFlat(0x10, 0x18, 0xc09b);
      assertThat(cpu.readRegister("rip")).isEqualTo(0x10_0000);
      assertThat(cpu.readRegister("rsi")).isNotZero();
      assertThat(cpu.readRegister("rbx")).isZero();
    }
  }

  @Test
  void linuxRefusals() {
    assertThatThrownBy(() -> boot(bzImage(0x20f, 1), false, "x".repeat(101)))
        .hasMessageContaining("101 bytes");
    assertThatThrownBy(() -> boot(bzImage(0x201, 1), false, "")).hasMessageContaining("too old");
    byte[] large = bzImage(0x20f, 1);
    ByteBuffer.wrap(large).order(ByteOrder.LITTLE_ENDIAN).putInt(0x260, 0x400_0000);
    assertThatThrownBy(() -> boot(large, false, "")).hasMessageContaining("does not fit");
    assertThatThrownBy(() -> boot(Arrays.copyOf(bzImage(0x20f, 1), 1000), false, ""))
        .hasMessageContaining("cut short");
  }

  // Multiboot.

  @Test
  void multibootKernelWithAddressesGetsModulesAndMap() throws Exception {
    ByteBuffer b = little(0x1000);
    b.putInt(0x100, 0x1bad_b002).putInt(0x104, 0x1_0003).putInt(0x108, -(0x1bad_b002 + 0x1_0003));
    b.putInt(0x10c, 0x10_0100).putInt(0x110, 0x10_0000).putInt(0x114, 0x10_0800);
    b.putInt(0x118, 0x10_2000).putInt(0x11c, 0x10_0400);
    Path kernel = file("kernel", array(b));
    Path first = file("first", INITRD);
    Path second = file("second", new byte[5000]);
    Path list = Path.of(first + " one two," + second);
    try (DirectBoot boot = DirectBoot.open(kernel, list, "words")) {
      boot.load(m.boot, cpu, RSDP, null);
    }
    assertFlat(8, 0x10, 0xc09b);
    assertThat(cpu.readRegister("rip")).isEqualTo(0x10_0400);
    assertThat(cpu.readRegister("rax")).isEqualTo(0x2bad_b002);
    assertThat(m.ram.load32(0x10_0100)).isEqualTo(0x1bad_b002);
    long info = cpu.readRegister("rbx");
    assertThat(info).isEqualTo(0x9500);
    assertThat(m.ram.load32(info)).isEqualTo(0x24f);
    assertThat(m.ram.load32(info + 4)).isEqualTo(639);
    assertThat(m.string(m.ram.load32(info + 0x10))).isEqualTo(kernel + " words");
    assertThat(m.ram.load32(info + 0x14)).isEqualTo(2);
    long modules = m.ram.load32(info + 0x18);
    long start = m.ram.load32(modules);
    assertThat(start).isEqualTo(0x10_2000);
    assertThat(m.ram.load32(modules + 4) - start).isEqualTo(INITRD.length);
    assertThat(m.bytes(start, INITRD.length)).isEqualTo(INITRD);
    assertThat(m.string(m.ram.load32(modules + 8))).isEqualTo(first + " one two");
    assertThat(m.ram.load32(modules + 16)).isEqualTo(0x10_3000);
    assertThat(m.ram.load32(info + 0x30)).isEqualTo(0x9000);
    assertThat(m.ram.load32(0x9000)).isEqualTo(20);
    assertThat(m.ram.load64(0x9004 + 8)).isEqualTo(0x9_fc00);
  }

  /** A kernel linked for high addresses starts at the physical address of its entry point. */
  @Test
  void multibootElfEntryIsTranslatedToPhysical() throws Exception {
    byte[] elf = elf(false, false, 0x20_0000);
    ByteBuffer b = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0x2c0, 0x1bad_b002).putInt(0x2c4, 0).putInt(0x2c8, -0x1bad_b002);
    b.putInt(24, 0xc020_0004);
    b.putInt(b.getInt(28) + 8, 0xc020_0000);
    boot(elf, false, "");
    assertThat(cpu.readRegister("rip")).isEqualTo(0x20_0004);
  }

  @Test
  void multibootElfIsLoadedByItsProgramHeaders() throws Exception {
    byte[] elf = elf(false, false, 0x20_0000);
    ByteBuffer.wrap(elf)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0x2c0, 0x1bad_b002)
        .putInt(0x2c4, 0)
        .putInt(0x2c8, -0x1bad_b002);
    boot(elf, false, "");
    assertThat(cpu.readRegister("rip")).isEqualTo(0x1234);
    assertThat(m.bytes(0x20_0000, 16)).asString().isEqualTo("kernel text here");
  }
}
