package org.tuber.devices.irqchip;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Generic Interrupt Controller, architecture version 3: the distributor, and what joins the CPUs'
 * redistributors and CPU interfaces ({@link GicV3Cpu}).
 *
 * <p>Arm IHI 0069H, chapters 4, 8 and 12. One security state (GICD_CTLR.DS is fixed at one),
 * affinity routing only, no 1-of-N distribution, no message-based SPIs. CPU {@code n} has affinity
 * 0.0.0.n.
 */
public final class GicV3 implements Snapshottable<GicV3.State> {
  /** Size of the distributor's window. */
  public static final int DISTRIBUTOR_BYTES = 0x1_0000;

  /** Size of one CPU's part of the redistributors' window. */
  public static final int REDISTRIBUTOR_BYTES = 0x2_0000;

  /** First shared interrupt. */
  public static final int FIRST_SPI = 32;

  /** First message-signalled interrupt of an ITS. */
  public static final int FIRST_LPI = 8192;

  static final int ID_BITS = 16;
  static final int SPURIOUS = 1023;
  static final int CTLR_GROUP0 = 1;
  static final int CTLR_GROUP1 = 2;
  static final int IIDR = 0x43b;

  private static final int GICD_CTLR = 0x0000;
  private static final int GICD_TYPER = 0x0004;
  private static final int GICD_IIDR = 0x0008;
  private static final int GICD_IPRIORITYR = 0x0400;
  private static final int GICD_ITARGETSR = 0x0800;
  private static final int GICD_ICFGR = 0x0c00;
  private static final int GICD_IGRPMODR = 0x0d00;
  private static final int GICD_RESERVED_END = 0x1000;
  private static final int GICD_IROUTER = 0x6000;
  private static final int GICD_IROUTER_END = 0x8000;
  private static final int ID = 0xffd0;
  private static final int[] IDENTITY = {
    0x44, 0x00, 0x00, 0x00, 0x92, 0xb4, 0x3b, 0x00, 0x0d, 0xf0, 0x05, 0xb1
  };

  /** Affinity routing on, security disabled. */
  private static final int CTLR_ALWAYS = 0x50;

  private static final int TYPER_LPIS = 1 << 17;
  private static final int TYPER_ID_BITS = ID_BITS - 1 << 19;

  /** Affinity level 3 exists; no 1-of-N. */
  private static final int TYPER_A3V_NO1N = 3 << 24;

  private static final long ROUTE_MASK = 0xff_80ff_ffffL;

  /**
   * State.
   *
   * @param ctlr GICD_CTLR
   * @param shared banks of shared interrupts
   * @param routes GICD_IROUTER of each shared interrupt
   * @param cpus redistributors and CPU interfaces
   */
  public record State(
      int ctlr, List<GicBank.State> shared, long[] routes, List<GicV3Cpu.State> cpus) {}

  private final class Distributor implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      if (size == 8) {
        return readWord((int) offset & ~7) & 0xffff_ffffL
            | (long) readWord(((int) offset & ~7) + 4) << 32;
      }
      long word = readWord((int) offset & ~3) & 0xffff_ffffL;
      return word >>> 8 * (offset & 3);
    }

    @Override
    public void write(long offset, long value, int size) {
      if (size == 8) {
        writeWord((int) offset & ~7, (int) value, -1);
        writeWord(((int) offset & ~7) + 4, (int) (value >>> 32), -1);
      } else {
        int shift = 8 * ((int) offset & 3);
        int lanes = (size == 4 ? -1 : (1 << 8 * size) - 1) << shift;
        writeWord((int) offset & ~3, (int) value << shift, lanes);
      }
      update();
    }
  }

  private final class Redistributors implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return cpu(offset).readRedistributor((int) offset & REDISTRIBUTOR_BYTES - 1, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      cpu(offset).writeRedistributor((int) offset & REDISTRIBUTOR_BYTES - 1, value, size);
      update();
    }

    private GicV3Cpu cpu(long offset) {
      return cpus.get((int) (offset / REDISTRIBUTOR_BYTES) % cpus.size());
    }
  }

  final OnceLog log = new OnceLog("gicv3");
  final boolean hasLpis;
  private final DmaView memory;
  private final int interrupts;
  private final GicBank[] shared;
  private final long[] routes;
  private final List<GicV3Cpu> cpus = new ArrayList<>();
  private final Distributor distributor = new Distributor();
  private final Redistributors redistributors = new Redistributors();
  private int ctlr;

  /**
   * A controller without CPUs yet.
   *
   * @param sharedInterrupts number of SPIs, a multiple of 32 up to 960
   * @param memory where the tables of LPIs lie; null: no LPIs
   */
  public GicV3(int sharedInterrupts, DmaView memory) {
    this.memory = memory;
    hasLpis = memory != null;
    interrupts = FIRST_SPI + sharedInterrupts;
    shared = new GicBank[sharedInterrupts / GicBank.SIZE];
    for (int i = 0; i < shared.length; i++) {
      shared[i] = new GicBank(0, 0, 0);
    }
    routes = new long[sharedInterrupts];
  }

  /** Connects the next CPU: group 1 comes as IRQ, group 0 as FIQ. */
  public void addCpu(IrqLine irq, IrqLine fiq) {
    cpus.add(new GicV3Cpu(this, cpus.size(), irq, fiq));
  }

  /** Number of CPUs. */
  public int cpus() {
    return cpus.size();
  }

  GicV3Cpu cpu(int n) {
    return n < cpus.size() ? cpus.get(n) : null;
  }

  /** The distributor's registers. */
  public MmioDevice distributor() {
    return distributor;
  }

  /** The redistributors' registers, {@link #REDISTRIBUTOR_BYTES} for each CPU. */
  public MmioDevice redistributors() {
    return redistributors;
  }

  /** A wire into shared interrupt {@code n}, counted from 0. */
  public IrqLine sharedInput(int n) {
    return shared[n / GicBank.SIZE].input(n, this::update);
  }

  /** A wire into private interrupt {@code id}, 16 to 31, of a CPU. */
  public IrqLine privateInput(int cpu, int id) {
    return cpus.get(cpu).bank.input(id, this::update);
  }

  /** True when the CPU interface has the system register with this encoding. */
  public boolean hasSystemRegister(int encoding) {
    return GicV3Cpu.hasSystemRegister(encoding);
  }

  /** Reads a system register of a CPU's interface. Under the device lock. */
  public long readSystemRegister(int cpu, int encoding) {
    return cpus.get(cpu).readSystemRegister(encoding);
  }

  /** Writes a system register of a CPU's interface. Under the device lock. */
  public void writeSystemRegister(int cpu, int encoding, long value) {
    cpus.get(cpu).writeSystemRegister(encoding, value);
    update();
  }

  // What CPU interfaces ask.

  int groupsEnabled(GicBank k) {
    return ((ctlr & CTLR_GROUP0) != 0 ? ~k.group : 0) | ((ctlr & CTLR_GROUP1) != 0 ? k.group : 0);
  }

  boolean isGroup1Enabled() {
    return (ctlr & CTLR_GROUP1) != 0;
  }

  int sharedBanks() {
    return shared.length;
  }

  GicBank sharedBank(int b) {
    return shared[b];
  }

  /** True when shared interrupt {@code n}, counted from 0, goes to CPU {@code cpu}. */
  boolean isRoutedTo(int n, int cpu) {
    return (routes[n] & 0xff_00ff_ffffL) == cpu;
  }

  /** A byte of guest memory: the configuration of an LPI. */
  int memoryByte(long gpa) {
    return (int) memory.readValue(gpa, 1);
  }

  /** Makes a software interrupt pending on CPUs that have it in {@code group}. */
  void sendSgi(int from, long value, int group) {
    int sgi = (int) (value >>> 24) & 15;
    boolean others = (value >>> 40 & 1) != 0;
    // Range selector and the upper affinities are 0 for all CPUs here.
    boolean near = (value & 0xff_f0ff_00ff_0000L) == 0;
    for (int i = 0; i < cpus.size(); i++) {
      boolean hit = others ? i != from : near && i < 16 && (value >>> i & 1) != 0;
      GicBank bank = cpus.get(i).bank;
      if (hit && (bank.group >>> sgi & 1) == group) {
        bank.latched |= 1 << sgi;
      }
    }
  }

  void update() {
    for (int i = 0; i < cpus.size(); i++) {
      cpus.get(i).signal();
    }
  }

  static int identity(int at) {
    return at >= ID ? IDENTITY[at - ID >>> 2 & 15] : 0;
  }

  // Distributor registers.

  private int readWord(int at) {
    int block = at & ~0x7f;
    if (GicBank.isBitmap(block)) {
      int id = 8 * (at & 0x7f);
      return isShared(id) ? shared[id / 32 - 1].readBitmap(block) : 0;
    }
    if (at >= GICD_IPRIORITYR && at < GICD_ITARGETSR) {
      int id = at - GICD_IPRIORITYR;
      return isShared(id) ? readPriorities(shared[id / 32 - 1], id & 31) : 0;
    }
    if (at >= GICD_ICFGR && at < GICD_IGRPMODR) {
      int id = (at - GICD_ICFGR) * 4;
      return isShared(id) ? shared[id / 32 - 1].readTriggers(id >>> 4 & 1) : 0;
    }
    if (at >= GICD_IROUTER && at < GICD_IROUTER_END) {
      int id = at - GICD_IROUTER >>> 3;
      return isShared(id) ? (int) (routes[id - FIRST_SPI] >>> 8 * (at & 4)) : 0;
    }
    return switch (at) {
      case GICD_CTLR -> ctlr | CTLR_ALWAYS;
      case GICD_TYPER ->
          shared.length | (hasLpis ? TYPER_LPIS : 0) | TYPER_ID_BITS | TYPER_A3V_NO1N;
      case GICD_IIDR -> IIDR;
      default -> {
        if (at >= ID) {
          yield identity(at);
        }
        if (at >= GICD_RESERVED_END) {
          log.unassignedRead(at, 4);
        }
        yield 0;
      }
    };
  }

  private boolean isShared(int id) {
    return id >= FIRST_SPI && id < interrupts;
  }

  static int readPriorities(GicBank bank, int first) {
    int word = 0;
    for (int i = 0; i < 4; i++) {
      word |= bank.priorityOf(first + i) << 8 * i;
    }
    return word;
  }

  static void writePriorities(GicBank bank, int first, int value, int lanes) {
    for (int i = 0; i < 4; i++) {
      if ((lanes >>> 8 * i & 0xff) != 0) {
        bank.priority[first + i] = (byte) (value >>> 8 * i & GicV3Cpu.PRIORITY_MASK);
      }
    }
  }

  private void writeWord(int at, int value, int lanes) {
    int block = at & ~0x7f;
    if (GicBank.isBitmap(block)) {
      int id = 8 * (at & 0x7f);
      if (isShared(id)) {
        shared[id / 32 - 1].writeBitmap(block, value, lanes);
      }
    } else if (at >= GICD_IPRIORITYR && at < GICD_ITARGETSR) {
      int id = at - GICD_IPRIORITYR;
      if (isShared(id)) {
        writePriorities(shared[id / 32 - 1], id & 31, value, lanes);
      }
    } else if (at >= GICD_ICFGR && at < GICD_IGRPMODR) {
      int id = (at - GICD_ICFGR) * 4;
      if (isShared(id)) {
        shared[id / 32 - 1].writeTriggers(id >>> 4 & 1, value, lanes);
      }
    } else if (at >= GICD_IROUTER && at < GICD_IROUTER_END) {
      int id = at - GICD_IROUTER >>> 3;
      if (isShared(id)) {
        int shift = 8 * (at & 4);
        long mask = (lanes & 0xffff_ffffL) << shift;
        long v = (value & 0xffff_ffffL) << shift;
        int n = id - FIRST_SPI;
        routes[n] = (routes[n] & ~mask | v & mask) & ROUTE_MASK & ~(1L << 31);
      }
    } else if (at == GICD_CTLR) {
      ctlr = ctlr & ~lanes | value & lanes & (CTLR_GROUP0 | CTLR_GROUP1);
    } else if (at >= GICD_RESERVED_END && at < ID) {
      log.unassignedWrite(at, value & 0xffff_ffffL, 4);
    }
  }

  // State.

  @Override
  public State save() {
    List<GicBank.State> banks = new ArrayList<>();
    for (GicBank b : shared) {
      banks.add(b.save());
    }
    List<GicV3Cpu.State> cpuStates = new ArrayList<>();
    cpus.forEach(c -> cpuStates.add(c.save()));
    return new State(ctlr, banks, routes.clone(), cpuStates);
  }

  @Override
  public void load(State s) {
    if (s.shared.size() != shared.length
        || s.routes.length != routes.length
        || s.cpus.size() != cpus.size()) {
      throw new IllegalArgumentException("shared, routes or cpus: another machine");
    }
    s.shared.forEach(GicBank::check);
    s.cpus.forEach(GicV3Cpu::check);
    ctlr = s.ctlr & (CTLR_GROUP0 | CTLR_GROUP1);
    for (int i = 0; i < shared.length; i++) {
      shared[i].load(s.shared.get(i));
    }
    for (int i = 0; i < routes.length; i++) {
      routes[i] = s.routes[i] & ROUTE_MASK & ~(1L << 31);
    }
    for (int i = 0; i < cpus.size(); i++) {
      cpus.get(i).load(s.cpus.get(i));
    }
    update();
  }

  @Override
  public void reset() {
    ctlr = 0;
    for (GicBank b : shared) {
      b.reset();
    }
    Arrays.fill(routes, 0);
    cpus.forEach(GicV3Cpu::reset);
    update();
  }
}
