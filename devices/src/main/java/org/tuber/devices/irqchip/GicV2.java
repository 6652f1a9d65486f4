package org.tuber.devices.irqchip;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Generic Interrupt Controller, architecture version 2 (GIC-400): distributor and the CPU
 * interfaces of up to eight CPUs.
 *
 * <p>Arm IHI 0048B, chapters 2 to 4; without security extensions and without the virtualization
 * extensions. Both groups exist: group 0 comes as FIQ where GICC_CTLR.FIQEn says so. All eight
 * priority bits exist; preemption levels are even priorities. Several CPUs share the windows: a CPU
 * thread says who it is by {@link #bindToCurrentThread}; other threads see CPU 0. Deviation: SGIs
 * of group 1 set by software stay in group 1 whatever NSATT says.
 */
public final class GicV2 implements Snapshottable<GicV2.State> {
  /** Size of the distributor's window. */
  public static final int DISTRIBUTOR_BYTES = 0x1_0000;

  /** Size of the CPU interface's window. */
  public static final int CPU_INTERFACE_BYTES = 0x1_0000;

  /** Most CPUs. */
  public static final int MAX_CPUS = 8;

  /** First shared interrupt. */
  public static final int FIRST_SPI = 32;

  static final int SPURIOUS = 1023;
  private static final int OTHER_GROUP = 1022;
  private static final int SGIS = 16;
  private static final int SGI_MASK = 0xffff;

  // Distributor.
  private static final int GICD_CTLR = 0x000;
  private static final int GICD_TYPER = 0x004;
  private static final int GICD_IIDR = 0x008;
  private static final int GICD_IPRIORITYR = 0x400;
  private static final int GICD_ITARGETSR = 0x800;
  private static final int GICD_ICFGR = 0xc00;
  private static final int GICD_ICFGR_END = 0xd00;
  private static final int GICD_SGIR = 0xf00;
  private static final int GICD_CPENDSGIR = 0xf10;
  private static final int GICD_SPENDSGIR = 0xf20;
  private static final int GICD_SPENDSGIR_END = 0xf30;
  private static final int GICD_ID = 0xfd0;
  private static final int IIDR = 0x43b;
  private static final int[] IDENTITY = {
    0x04, 0x00, 0x00, 0x00, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1
  };

  // CPU interface.
  private static final int GICC_CTLR = 0x00;
  private static final int GICC_PMR = 0x04;
  private static final int GICC_BPR = 0x08;
  private static final int GICC_IAR = 0x0c;
  private static final int GICC_EOIR = 0x10;
  private static final int GICC_RPR = 0x14;
  private static final int GICC_HPPIR = 0x18;
  private static final int GICC_ABPR = 0x1c;
  private static final int GICC_AIAR = 0x20;
  private static final int GICC_AEOIR = 0x24;
  private static final int GICC_AHPPIR = 0x28;
  private static final int GICC_APR = 0xd0;
  private static final int GICC_NSAPR = 0xe0;
  private static final int GICC_IIDR = 0xfc;
  private static final int GICC_DIR = 0x1000;
  private static final int CPU_IIDR = 0x2043b;
  private static final int CTLR_GROUP0 = 0x01;
  private static final int CTLR_GROUP1 = 0x02;
  private static final int CTLR_ACK = 0x04;
  private static final int CTLR_FIQ = 0x08;
  private static final int CTLR_CBPR = 0x10;
  private static final int CTLR_EOI_MODE = 0x200;
  private static final int CTLR_WRITABLE = 0x21f;
  private static final int IDLE_PRIORITY = 0x100;
  private static final int PRIORITY_WORDS = 4;

  /**
   * One CPU's part.
   *
   * @param ctlr GICC_CTLR
   * @param pmr priority mask
   * @param bpr binary point of group 0
   * @param abpr binary point of group 1
   * @param activePriorities one bit for each preemption level
   * @param bank its private interrupts
   * @param sgiSources for each SGI the CPUs that sent it
   * @param activeSources for each SGI the CPU whose request is being handled
   */
  record CpuState(
      int ctlr,
      int pmr,
      int bpr,
      int abpr,
      int[] activePriorities,
      GicBank.State bank,
      byte[] sgiSources,
      byte[] activeSources) {}

  /**
   * State.
   *
   * @param ctlr GICD_CTLR
   * @param shared banks of shared interrupts
   * @param targets CPUs of each shared interrupt
   * @param cpus CPU interfaces
   */
  public record State(int ctlr, List<GicBank.State> shared, byte[] targets, List<CpuState> cpus) {}

  /** A CPU interface and the private interrupts of its CPU. */
  private final class Cpu {
    final int bit;
    final IrqLine irq;
    final IrqLine fiq;
    // SGIs are edge-triggered and always enabled; of PPIs software may choose.
    final GicBank bank = new GicBank(SGI_MASK, SGI_MASK, SGI_MASK);
    final byte[] sgiSources = new byte[SGIS];
    final byte[] activeSources = new byte[SGIS];
    final int[] activePriorities = new int[PRIORITY_WORDS];
    int ctlr;
    int pmr;
    int bpr;
    int abpr;

    /** Result of {@link #find}: priority of what was found. */
    int foundPriority;

    Cpu(int index, IrqLine irq, IrqLine fiq) {
      bit = 1 << index;
      this.irq = irq;
      this.fiq = fiq;
    }

    int runningPriority() {
      for (int i = 0; i < PRIORITY_WORDS; i++) {
        if (activePriorities[i] != 0) {
          return (32 * i + Integer.numberOfTrailingZeros(activePriorities[i])) << 1;
        }
      }
      return IDLE_PRIORITY;
    }

    /** The pending interrupt of highest priority that is enabled, or {@link #SPURIOUS}. */
    int find() {
      int best = SPURIOUS;
      int bestPriority = IDLE_PRIORITY;
      for (int b = 0; b < 1 + shared.length; b++) {
        GicBank k = b == 0 ? bank : shared[b - 1];
        int left = k.candidates() & groupsEnabled(k);
        while (left != 0) {
          int n = Integer.numberOfTrailingZeros(left);
          left &= left - 1;
          int p = k.priorityOf(n);
          if (p < bestPriority && (b == 0 || (targets[32 * (b - 1) + n] & bit) != 0)) {
            bestPriority = p;
            best = 32 * b + n;
          }
        }
      }
      foundPriority = bestPriority;
      return best;
    }

    private int groupsEnabled(GicBank k) {
      return ((GicV2.this.ctlr & CTLR_GROUP0) != 0 ? ~k.group : 0)
          | ((GicV2.this.ctlr & CTLR_GROUP1) != 0 ? k.group : 0);
    }

    /** The part of a priority that decides about preemption. */
    int groupPriority(int priority, boolean group1) {
      int point = group1 && (ctlr & CTLR_CBPR) == 0 ? Math.max(abpr - 1, 0) : bpr;
      return priority & -1 << Math.min(point, 7) + 1;
    }

    /** The found interrupt would be signalled now. */
    boolean isDeliverable(int id) {
      if (id == SPURIOUS) {
        return false;
      }
      boolean group1 = isGroup1(this, id);
      return (ctlr & (group1 ? CTLR_GROUP1 : CTLR_GROUP0)) != 0
          && foundPriority < pmr
          && groupPriority(foundPriority, group1) < runningPriority();
    }

    void signal() {
      int id = find();
      boolean deliverable = isDeliverable(id);
      boolean fast = deliverable && !isGroup1(this, id) && (ctlr & CTLR_FIQ) != 0;
      irq.set(deliverable && !fast);
      fiq.set(fast);
    }

    int acknowledge(boolean aliased) {
      int id = find();
      if (!isDeliverable(id)) {
        return SPURIOUS;
      }
      boolean group1 = isGroup1(this, id);
      if (aliased ? !group1 : group1 && (ctlr & CTLR_ACK) == 0) {
        return aliased ? SPURIOUS : OTHER_GROUP;
      }
      int level = groupPriority(foundPriority, group1) >>> 1;
      activePriorities[level >>> 5] |= 1 << level;
      int source = 0;
      if (id < SGIS) {
        source = Integer.numberOfTrailingZeros(sgiSources[id] & 0xff);
        source = source > 7 ? 0 : source;
        sgiSources[id] &= (byte) ~(1 << source);
        activeSources[id] = (byte) source;
        bank.active |= 1 << id;
        if (sgiSources[id] == 0) {
          bank.latched &= ~(1 << id);
        }
      } else {
        bankOf(this, id).acknowledge(id & 31);
      }
      update();
      return id | source << 10;
    }

    void endOfInterrupt(int value, boolean aliased) {
      int id = value & 0x3ff;
      if (id >= interrupts) {
        return;
      }
      if (aliased != isGroup1(this, id) && (aliased || (ctlr & CTLR_ACK) == 0)) {
        return;
      }
      for (int i = 0; i < PRIORITY_WORDS; i++) {
        if (activePriorities[i] != 0) {
          activePriorities[i] &= activePriorities[i] - 1;
          break;
        }
      }
      if ((ctlr & CTLR_EOI_MODE) == 0) {
        deactivate(id);
      }
      update();
    }

    void deactivate(int id) {
      if (id < interrupts) {
        bankOf(this, id).active &= ~(1 << id);
      }
    }

    int highestPending(boolean aliased) {
      int id = find();
      if (id == SPURIOUS || foundPriority >= pmr) {
        return SPURIOUS;
      }
      boolean group1 = isGroup1(this, id);
      if (aliased ? !group1 : group1 && (ctlr & CTLR_ACK) == 0) {
        return aliased ? SPURIOUS : OTHER_GROUP;
      }
      int source = id < SGIS ? Integer.numberOfTrailingZeros(sgiSources[id] & 0xff) & 7 : 0;
      return id | source << 10;
    }

    CpuState save() {
      return new CpuState(
          ctlr,
          pmr,
          bpr,
          abpr,
          activePriorities.clone(),
          bank.save(),
          sgiSources.clone(),
          activeSources.clone());
    }

    void load(CpuState s) {
      ctlr = s.ctlr & CTLR_WRITABLE;
      pmr = s.pmr & 0xff;
      bpr = s.bpr & 7;
      abpr = s.abpr & 7;
      System.arraycopy(s.activePriorities, 0, activePriorities, 0, PRIORITY_WORDS);
      bank.load(s.bank);
      System.arraycopy(s.sgiSources, 0, sgiSources, 0, SGIS);
      for (int i = 0; i < SGIS; i++) {
        activeSources[i] = (byte) (s.activeSources[i] & 7);
      }
    }

    void reset() {
      ctlr = 0;
      pmr = 0;
      bpr = 0;
      abpr = 1;
      Arrays.fill(activePriorities, 0);
      bank.reset();
      Arrays.fill(sgiSources, (byte) 0);
      Arrays.fill(activeSources, (byte) 0);
    }
  }

  private final class Distributor implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      long value = 0;
      for (int i = 0; i < size; i++) {
        value |= (long) readByte((int) offset + i) << 8 * i;
      }
      return value;
    }

    @Override
    public void write(long offset, long value, int size) {
      writeLanes((int) offset, (int) value, size);
      update();
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final class CpuInterface implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return size == 4 ? readInterface(current(), (int) offset) : 0;
    }

    @Override
    public void write(long offset, long value, int size) {
      if (size == 4) {
        writeInterface(current(), (int) offset, (int) value);
      }
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final OnceLog log = new OnceLog("gicv2");
  private final int interrupts;
  private final GicBank[] shared;
  private final byte[] targets;
  private final List<Cpu> cpus = new ArrayList<>();

  @SuppressWarnings("ThreadLocalUsage") // one for each machine of the process
  private final ThreadLocal<Cpu> currentCpu = new ThreadLocal<>();

  private final Distributor distributor = new Distributor();
  private final CpuInterface cpuInterface = new CpuInterface();
  private int ctlr;

  /**
   * A controller without CPUs yet.
   *
   * @param sharedInterrupts number of SPIs, a multiple of 32 up to 960
   */
  public GicV2(int sharedInterrupts) {
    interrupts = FIRST_SPI + sharedInterrupts;
    shared = new GicBank[sharedInterrupts / GicBank.SIZE];
    for (int i = 0; i < shared.length; i++) {
      shared[i] = new GicBank(0, 0, 0);
    }
    targets = new byte[sharedInterrupts];
  }

  /** Connects the next CPU. */
  public void addCpu(IrqLine irq, IrqLine fiq) {
    if (cpus.size() == MAX_CPUS) {
      throw new IllegalStateException("a GICv2 has at most " + MAX_CPUS + " CPUs");
    }
    Cpu cpu = new Cpu(cpus.size(), irq, fiq);
    cpu.reset();
    cpus.add(cpu);
  }

  /** The calling thread is that of CPU {@code index} from now on. */
  public void bindToCurrentThread(int index) {
    currentCpu.set(cpus.get(index));
  }

  private Cpu current() {
    Cpu cpu = currentCpu.get();
    return cpu == null ? cpus.get(0) : cpu;
  }

  /** The distributor's registers. */
  public MmioDevice distributor() {
    return distributor;
  }

  /** The CPU interface's registers, those of the CPU that accesses them. */
  public MmioDevice cpuInterface() {
    return cpuInterface;
  }

  /** A wire into shared interrupt {@code n}, counted from 0. */
  public IrqLine sharedInput(int n) {
    return shared[n / GicBank.SIZE].input(n, this::update);
  }

  /** A wire into private interrupt {@code id}, 16 to 31, of a CPU. */
  public IrqLine privateInput(int cpu, int id) {
    return cpus.get(cpu).bank.input(id, this::update);
  }

  private GicBank bankOf(Cpu cpu, int id) {
    return id < FIRST_SPI ? cpu.bank : shared[id / GicBank.SIZE - 1];
  }

  private boolean isGroup1(Cpu cpu, int id) {
    return (bankOf(cpu, id).group >>> (id & 31) & 1) != 0;
  }

  private void update() {
    for (int i = 0; i < cpus.size(); i++) {
      cpus.get(i).signal();
    }
  }

  // Distributor registers.

  private int readByte(int at) {
    return readWord(at & ~3, at & 3);
  }

  private int readWord(int word, int lane) {
    Cpu cpu = current();
    int block = word & ~0x7f;
    int value;
    if (GicBank.isBitmap(block)) {
      int id = 8 * (word & 0x7f);
      value = id < interrupts ? bankOf(cpu, id).readBitmap(block) : 0;
    } else if (word >= GICD_IPRIORITYR && word < GICD_ICFGR) {
      return readPerInterrupt(cpu, word + lane);
    } else if (word >= GICD_ICFGR && word < GICD_ICFGR_END) {
      int id = (word - GICD_ICFGR) * 4;
      value = id < interrupts ? bankOf(cpu, id).readTriggers(id >>> 4 & 1) : 0;
    } else if (word >= GICD_CPENDSGIR && word < GICD_SPENDSGIR_END) {
      return cpu.sgiSources[word + lane & 15] & 0xff;
    } else if (word >= GICD_ID && word < 0x1000) {
      value = IDENTITY[word - GICD_ID >>> 2];
    } else {
      value =
          switch (word) {
            case GICD_CTLR -> ctlr;
            case GICD_TYPER -> shared.length | cpus.size() - 1 << 5;
            case GICD_IIDR -> IIDR;
            default -> {
              log.unassignedRead(word, 4);
              yield 0;
            }
          };
    }
    return value >>> 8 * lane & 0xff;
  }

  private int readPerInterrupt(Cpu cpu, int at) {
    int id = at & 0x3ff;
    if (id >= interrupts) {
      return 0;
    }
    if (at < GICD_ITARGETSR) {
      return bankOf(cpu, id).priorityOf(id & 31);
    }
    // On a machine with one CPU the target registers read as zero.
    if (cpus.size() == 1) {
      return 0;
    }
    return id < FIRST_SPI ? cpu.bit : targets[id - FIRST_SPI] & 0xff;
  }

  private void writeLanes(int at, int value, int size) {
    Cpu cpu = current();
    int word = at & ~3;
    int shift = 8 * (at & 3);
    int lanes = (size == 4 ? -1 : (1 << 8 * size) - 1) << shift;
    int v = value << shift;
    int block = word & ~0x7f;
    if (GicBank.isBitmap(block)) {
      int id = 8 * (word & 0x7f);
      if (id < interrupts) {
        // SGIs are made pending by the registers that name their source.
        boolean pendingBits = block == 0x200 || block == 0x280;
        int allowed = id == 0 && pendingBits ? lanes & ~SGI_MASK : lanes;
        bankOf(cpu, id).writeBitmap(block, v, allowed);
      }
    } else if (word >= GICD_IPRIORITYR && word < GICD_ICFGR) {
      for (int i = 0; i < size; i++) {
        writePerInterrupt(cpu, at + i, value >>> 8 * i);
      }
    } else if (word >= GICD_ICFGR && word < GICD_ICFGR_END) {
      int id = (word - GICD_ICFGR) * 4;
      if (id < interrupts) {
        bankOf(cpu, id).writeTriggers(id >>> 4 & 1, v, lanes);
      }
    } else if (word >= GICD_CPENDSGIR && word < GICD_SPENDSGIR_END) {
      for (int i = 0; i < size; i++) {
        writeSgiPending(cpu, at + i, value >>> 8 * i);
      }
    } else if (word == GICD_CTLR) {
      ctlr = v & (CTLR_GROUP0 | CTLR_GROUP1);
    } else if (word == GICD_SGIR) {
      if (size == 4) {
        sendSgi(cpu, value);
      }
    } else if (word != GICD_TYPER && word != GICD_IIDR && word < GICD_ID) {
      log.unassignedWrite(at, value, size);
    }
  }

  private void writePerInterrupt(Cpu cpu, int at, int value) {
    int id = at & 0x3ff;
    if (id >= interrupts) {
      return;
    }
    if (at < GICD_ITARGETSR) {
      bankOf(cpu, id).priority[id & 31] = (byte) value;
    } else if (id >= FIRST_SPI) {
      targets[id - FIRST_SPI] = (byte) (value & (1 << cpus.size()) - 1);
    }
  }

  private void writeSgiPending(Cpu cpu, int at, int value) {
    int sgi = at & 15;
    int all = (1 << cpus.size()) - 1;
    int sources = cpu.sgiSources[sgi] & 0xff;
    boolean set = at >= GICD_SPENDSGIR;
    setSources(cpu, sgi, set ? sources | value & all : sources & ~value);
  }

  private static void setSources(Cpu cpu, int sgi, int sources) {
    cpu.sgiSources[sgi] = (byte) sources;
    int bit = 1 << sgi;
    cpu.bank.latched = sources == 0 ? cpu.bank.latched & ~bit : cpu.bank.latched | bit;
  }

  private void sendSgi(Cpu from, int value) {
    int sgi = value & 15;
    int all = (1 << cpus.size()) - 1;
    int to =
        switch (value >>> 24 & 3) {
          case 0 -> value >>> 16 & all;
          case 1 -> all & ~from.bit;
          case 2 -> from.bit;
          default -> 0;
        };
    for (Cpu cpu : cpus) {
      if ((to & cpu.bit) != 0) {
        setSources(cpu, sgi, cpu.sgiSources[sgi] & 0xff | from.bit);
      }
    }
  }

  // CPU interface registers.

  private int readInterface(Cpu cpu, int at) {
    return switch (at) {
      case GICC_CTLR -> cpu.ctlr;
      case GICC_PMR -> cpu.pmr;
      case GICC_BPR -> cpu.bpr;
      case GICC_IAR -> cpu.acknowledge(false);
      case GICC_RPR -> Math.min(cpu.runningPriority(), 0xff);
      case GICC_HPPIR -> cpu.highestPending(false);
      case GICC_ABPR -> cpu.abpr;
      case GICC_AIAR -> cpu.acknowledge(true);
      case GICC_AHPPIR -> cpu.highestPending(true);
      case GICC_APR, GICC_APR + 4, GICC_APR + 8, GICC_APR + 12 ->
          cpu.activePriorities[at - GICC_APR >>> 2];
      case GICC_NSAPR, GICC_NSAPR + 4, GICC_NSAPR + 8, GICC_NSAPR + 12 -> 0;
      case GICC_IIDR -> CPU_IIDR;
      default -> {
        log.unassignedRead(DISTRIBUTOR_BYTES + at, 4);
        yield 0;
      }
    };
  }

  private void writeInterface(Cpu cpu, int at, int value) {
    switch (at) {
      case GICC_CTLR -> cpu.ctlr = value & CTLR_WRITABLE;
      case GICC_PMR -> cpu.pmr = value & 0xff;
      case GICC_BPR -> cpu.bpr = value & 7;
      case GICC_ABPR -> cpu.abpr = Math.max(value & 7, 1);
      case GICC_EOIR -> cpu.endOfInterrupt(value, false);
      case GICC_AEOIR -> cpu.endOfInterrupt(value, true);
      case GICC_APR, GICC_APR + 4, GICC_APR + 8, GICC_APR + 12 ->
          cpu.activePriorities[at - GICC_APR >>> 2] = value;
      case GICC_NSAPR, GICC_NSAPR + 4, GICC_NSAPR + 8, GICC_NSAPR + 12 -> {
        // Group 1 shares the active priorities of group 0 without security extensions.
      }
      case GICC_DIR -> {
        if ((cpu.ctlr & CTLR_EOI_MODE) != 0) {
          cpu.deactivate(value & 0x3ff);
        }
      }
      default -> log.unassignedWrite(DISTRIBUTOR_BYTES + at, value, 4);
    }
    update();
  }

  // State.

  @Override
  public State save() {
    List<GicBank.State> banks = new ArrayList<>();
    for (GicBank b : shared) {
      banks.add(b.save());
    }
    List<CpuState> cpuStates = new ArrayList<>();
    cpus.forEach(c -> cpuStates.add(c.save()));
    return new State(ctlr, banks, targets.clone(), cpuStates);
  }

  @Override
  public void load(State s) {
    if (s.shared.size() != shared.length
        || s.targets.length != targets.length
        || s.cpus.size() != cpus.size()) {
      throw new IllegalArgumentException("shared, targets or cpus: another machine");
    }
    s.shared.forEach(GicBank::check);
    for (CpuState c : s.cpus) {
      GicBank.check(c.bank);
      if (c.activePriorities.length != PRIORITY_WORDS
          || c.sgiSources.length != SGIS
          || c.activeSources.length != SGIS) {
        throw new IllegalArgumentException("cpus: an array has the wrong length");
      }
    }
    ctlr = s.ctlr & (CTLR_GROUP0 | CTLR_GROUP1);
    for (int i = 0; i < shared.length; i++) {
      shared[i].load(s.shared.get(i));
    }
    System.arraycopy(s.targets, 0, targets, 0, targets.length);
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
    Arrays.fill(targets, (byte) (cpus.size() == 1 ? 1 : 0));
    cpus.forEach(Cpu::reset);
    update();
  }
}
