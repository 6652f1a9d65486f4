package org.tuber.perf.bench;

import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.perf.kernels.Kernel;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.X86Isa;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.CpuModel;

/**
 * One CPU and 64 MiB of RAM with nothing but the kernels in it: 64-bit mode, CPL 0, memory mapped
 * to itself by 2 MiB pages. No devices, no interrupts: what runs is the engine alone.
 */
public final class BareKernels implements AutoCloseable {
  /** Where the image lies, see {@code bare.ld}. */
  static final long IMAGE = 0x10_0000;

  private static final long RAM_BYTES = 64L << 20;
  private static final int LARGE_PAGE_SHIFT = 21;
  private static final long PML4 = 0x1000;
  private static final long PDPT = 0x2000;
  private static final long DIRECTORY = 0x3000;
  private static final long PRESENT_WRITABLE = 3;
  private static final long LARGE = 1 << 7;
  private static final int CODE_SELECTOR = 0x08;
  private static final int DATA_SELECTOR = 0x10;
  private static final int RAX = 0;
  private static final int RSI = 6;
  private static final int RDI = 7;

  private final GuestRam ram = new GuestRam(RAM_BYTES);
  private final X86Cpu cpu;

  /** A machine with {@code image} loaded that runs under the given policy. */
  public BareKernels(byte[] image, Engine.Options options) {
    AddressSpace memory = new AddressSpace("memory", 0, new ReentrantLock());
    memory.mapRam(0, RAM_BYTES, ram, 0);
    cpu =
        new X86Cpu(
            new Engine(new X86Isa(), null, options),
            0,
            memory,
            null,
            new ManualClock(0),
            CpuPlatform.NONE,
            CpuModel.of(Map.of()));
    ram.write(IMAGE, image, 0, image.length);
    ram.store64(PML4, PDPT | PRESENT_WRITABLE);
    ram.store64(PDPT, DIRECTORY | PRESENT_WRITABLE);
    for (long page = 0; page < RAM_BYTES >>> LARGE_PAGE_SHIFT; page++) {
      ram.store64(DIRECTORY + 8 * page, page << LARGE_PAGE_SHIFT | PRESENT_WRITABLE | LARGE);
    }
    enterLongMode();
  }

  private void enterLongMode() {
    int shared =
        Segment.PRESENT | Segment.NON_SYSTEM | Segment.WRITABLE_READABLE | Segment.ACCESSED;
    for (int i = X86Cpu.ES; i <= X86Cpu.GS; i++) {
      cpu.segments[i].set(
          DATA_SELECTOR, 0, 0xffff_ffffL, shared | Segment.DEFAULT_32 | Segment.GRANULARITY);
    }
    cpu.segments[X86Cpu.CS].set(
        CODE_SELECTOR, 0, 0xffff_ffffL, shared | Segment.CODE | Segment.LONG | Segment.GRANULARITY);
    cpu.cpl = 0;
    cpu.cr3 = PML4;
    cpu.cr4 = Cr.CR4_PAE | Cr.CR4_OSFXSR;
    cpu.efer = Cr.EFER_LME | Cr.EFER_LMA;
    cpu.cr0 = Cr.CR0_PE | Cr.CR0_PG | Cr.CR0_ET;
    cpu.modeChanged();
  }

  /**
   * Runs a kernel to its end.
   *
   * @return its checksum
   */
  public long run(Kernel kernel, long amount) {
    cpu.home.r[RDI] = kernel.number();
    cpu.home.r[RSI] = amount;
    cpu.home.pc = IMAGE;
    ExitReason reason = cpu.run(Long.MAX_VALUE);
    if (reason != ExitReason.HALTED) {
      throw new IllegalStateException(
          kernel + " ended by " + reason + " at 0x" + Long.toHexString(cpu.home.pc));
    }
    cpu.clearHalt();
    return cpu.home.r[RAX];
  }

  /** Guest instructions so far. */
  public long instructions() {
    return cpu.instructionCount();
  }

  /** What the engine did. */
  public String statistics() {
    return cpu.statistics();
  }

  @Override
  public void close() {
    cpu.close();
    ram.close();
  }
}
