package org.tuber.truffle.x86.sys;

import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.X86Isa;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** A CPU with 16 MiB of RAM and tables as a small kernel would set them up. */
public final class BareMachine implements AutoCloseable {
  public static final long RAM_BYTES = 16 << 20;
  public static final long PML4 = 0x1000;
  public static final long GDT = 0x8000;
  public static final long IDT = 0x9000;
  public static final long TSS = 0xa000;
  public static final long STACK = 0x7_0000;

  public static final int KERNEL_CS = 0x08;
  public static final int KERNEL_DS = 0x10;
  public static final int USER_DS = 0x1b;
  public static final int USER_CS = 0x23;
  public static final int TSS_SELECTOR = 0x28;
  public static final int NOT_PRESENT = 0x38;
  public static final int USER_CS32 = 0x43;

  public final GuestRam ram = new GuestRam(RAM_BYTES);
  public final AddressSpace memory = new AddressSpace("memory", 0, new ReentrantLock());
  public final AddressSpace ports = new AddressSpace("io", 0x10000, new ReentrantLock());
  public final ManualClock clock = new ManualClock(0);
  public final X86Cpu cpu;
  public final X86State s;

  /** What {@link CpuPlatform#acknowledgeInterrupt} returns. */
  public int vector = -1;

  public BareMachine(String model) {
    this(Map.of("model", model));
  }

  public BareMachine(Map<String, String> properties) {
    this(properties, Engine.Options.INTERPRETER);
  }

  /** A machine whose hot code may be compiled. */
  public BareMachine(Map<String, String> properties, Engine.Options options) {
    memory.mapRam(0, RAM_BYTES, ram, 0);
    Engine engine = new Engine(new X86Isa(), null, options);
    CpuPlatform platform =
        new CpuPlatform() {
          @Override
          public int acknowledgeInterrupt() {
            return vector;
          }
        };
    cpu = new X86Cpu(engine, 0, memory, ports, clock, platform, CpuModel.of(properties));
    s = cpu.home;
  }

  /** Another CPU with the same memory, in the same mode as the first is now. */
  public X86Cpu secondCpu() {
    X86Cpu second =
        new X86Cpu(
            cpu.engine,
            1,
            memory,
            ports,
            clock,
            new CpuPlatform() {},
            CpuModel.of(Map.of("model", "max")));
    second.cr3 = cpu.cr3;
    second.cr4 = cpu.cr4;
    second.efer = cpu.efer;
    second.cr0 = cpu.cr0;
    for (int i = 0; i < 8; i++) {
      second.segments[i].copyFrom(cpu.segments[i]);
    }
    second.modeChanged();
    second.flushTlb();
    return second;
  }

  /** Maps a device at ports [base, +size). */
  public void mapPorts(long base, long size, MmioDevice device) {
    ports.mapDevice(base, size, device, AddressSpace.PRIORITY_PLATFORM);
  }

  /** 64-bit mode at CPL 0, the first GiB identity-mapped for everybody in 2 MiB pages. */
  public BareMachine longMode() {
    ram.store64(PML4, 0x2000 | 7);
    ram.store64(0x2000, 0x3000 | 7);
    for (int i = 0; i < 8; i++) {
      ram.store64(0x3000 + 8 * i, (long) i << 21 | 0x87);
    }
    descriptors(true);
    cpu.cr3 = PML4;
    cpu.cr4 = Cr.CR4_PAE | Cr.CR4_OSFXSR;
    cpu.efer = Cr.EFER_LME | Cr.EFER_LMA | Cr.EFER_NXE | Cr.EFER_SCE;
    cpu.cr0 = Cr.CR0_PE | Cr.CR0_PG | Cr.CR0_WP | Cr.CR0_ET;
    selectors();
    return this;
  }

  /** Protected mode at CPL 0, flat, without paging. */
  public BareMachine protectedMode() {
    descriptors(false);
    cpu.cr0 = Cr.CR0_PE | Cr.CR0_ET;
    selectors();
    return this;
  }

  private void descriptors(boolean bits64) {
    long code = bits64 ? 0x00af_9b00_0000_ffffL : 0x00cf_9b00_0000_ffffL;
    ram.store64(GDT + 0x08, code);
    ram.store64(GDT + 0x10, 0x00cf_9300_0000_ffffL);
    ram.store64(GDT + 0x18, 0x00cf_f300_0000_ffffL);
    ram.store64(GDT + 0x20, code | 0x0000_6000_0000_0000L);
    ram.store64(GDT + 0x28, 0x0000_8900_0000_0067L | TSS << 16);
    ram.store64(GDT + 0x30, 0);
    ram.store64(GDT + 0x38, 0x00cf_1300_0000_ffffL);
    ram.store64(GDT + 0x40, 0x00cf_fb00_0000_ffffL);
    cpu.gdtr.base = GDT;
    cpu.gdtr.limit = 0x47;
    cpu.idtr.base = IDT;
    cpu.idtr.limit = 0xfff;
    if (bits64) {
      ram.store64(TSS + 4, 0x6_0000);
      ram.store64(TSS + 36, 0x6_8000);
    } else {
      ram.store32(TSS + 4, 0x6_0000);
      ram.store32(TSS + 8, KERNEL_DS);
    }
    ram.store16(TSS + 0x66, 0x68);
  }

  private void selectors() {
    cpu.cpl = 0;
    for (int i = 0; i < 6; i++) {
      int selector = i == X86Cpu.CS ? KERNEL_CS : KERNEL_DS;
      Descriptors.set(cpu.segments[i], selector, ram.load64(GDT + selector));
    }
    Descriptors.set(cpu.segments[X86Cpu.TR], TSS_SELECTOR, ram.load64(GDT + TSS_SELECTOR));
    s.r[4] = STACK;
    cpu.modeChanged();
    cpu.flushTlb();
  }

  /** Goes to CPL 3 with the user's segments. */
  public BareMachine user() {
    Descriptors.set(cpu.segments[X86Cpu.CS], USER_CS, ram.load64(GDT + (USER_CS & ~7)));
    Descriptors.set(cpu.segments[X86Cpu.SS], USER_DS, ram.load64(GDT + (USER_DS & ~7)));
    cpu.cpl = 3;
    cpu.modeChanged();
    return this;
  }

  /** A 64-bit gate; type 14 interrupt, 15 trap. */
  public void gate64(int vector, long target, int type, int dpl, int ist) {
    long low =
        target & 0xffff
            | (long) KERNEL_CS << 16
            | (long) ist << 32
            | (long) (0x80 | dpl << 5 | type) << 40
            | (target >>> 16 & 0xffff) << 48;
    ram.store64(IDT + 16L * vector, low);
    ram.store64(IDT + 16L * vector + 8, target >>> 32);
  }

  /** A 32-bit or (types 6 and 7) 16-bit gate. */
  public void gate32(int vector, long target, int type, int dpl) {
    long d =
        target & 0xffff
            | (long) KERNEL_CS << 16
            | (long) (0x80 | dpl << 5 | type) << 40
            | (target >>> 16 & 0xffff) << 48;
    ram.store64(IDT + 8L * vector, d);
  }

  /** Runs {@code action} and returns the fault it raises. */
  public GuestFault faultOf(Runnable action) {
    try {
      action.run();
    } catch (GuestFault f) {
      return f;
    }
    throw new AssertionError("no fault");
  }

  @Override
  public void close() {
    cpu.close();
    ram.close();
  }
}
