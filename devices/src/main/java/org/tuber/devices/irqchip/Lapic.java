package org.tuber.devices.irqchip;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.time.TickRate;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/**
 * Local APIC of one CPU, in xAPIC and x2APIC mode.
 *
 * <p>Intel SDM volume 3, chapter 12. Version register 00050014H: six LVT entries, no suppression of
 * EOI broadcasts. The timer counts a 1 GHz bus clock. Deviations: delivery status reads idle, as
 * messages arrive at once; arbitration priority is the processor priority; a periodic timer shorter
 * than 20 µs skips ticks; SMI and performance interrupts have no source; the TSC deadline does not
 * follow writes of the CPU to its TSC.
 *
 * <p>The memory window is called under the device lock like any device; the {@link CpuPlatform}
 * methods come from the CPU's thread and take it here. EOI, TPR and timer accesses do not allocate.
 */
public final class Lapic implements CpuPlatform, MmioDevice, Snapshottable<Lapic.State> {
  private static final int ID = 0x02;
  private static final int VERSION = 0x03;
  private static final int TPR = 0x08;
  private static final int APR = 0x09;
  private static final int PPR = 0x0a;
  private static final int EOI = 0x0b;
  private static final int LDR = 0x0d;
  private static final int DFR = 0x0e;
  private static final int SVR = 0x0f;
  private static final int ISR = 0x10;
  private static final int TMR = 0x18;
  private static final int IRR = 0x20;
  private static final int ESR = 0x28;
  private static final int ICR_LOW = 0x30;
  private static final int ICR_HIGH = 0x31;
  private static final int LVT_FIRST = 0x32;
  private static final int LVT_LAST = 0x37;
  private static final int INITIAL_COUNT = 0x38;
  private static final int CURRENT_COUNT = 0x39;
  private static final int DIVIDE = 0x3e;
  private static final int SELF_IPI = 0x3f;

  private static final int VERSION_VALUE = 0x0005_0014;
  private static final int LVT_TIMER = 0;
  private static final int LVT_LINT0 = 3;
  private static final int LVT_LINT1 = 4;
  private static final int LVT_ERROR = 5;
  private static final int LVT_COUNT = 6;
  private static final int[] LVT_WRITABLE = {0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};
  private static final int LVT_MASKED = 1 << 16;
  private static final int LVT_LEVEL = 1 << 15;
  private static final int LVT_REMOTE_IRR = 1 << 14;
  private static final int TIMER_MODE_MASK = 3 << 17;
  private static final int TIMER_PERIODIC = 1 << 17;
  private static final int TIMER_DEADLINE = 2 << 17;
  private static final int SVR_ENABLE = 1 << 8;
  private static final int SVR_WRITABLE = 0x1ff;

  private static final int ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
  private static final int ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
  private static final int ESR_ILLEGAL_REGISTER = 1 << 7;

  private static final int ICR_LOGICAL = 1 << 11;
  private static final int ICR_ASSERT = 1 << 14;
  private static final int ICR_LEVEL = 1 << 15;
  private static final int ICR_WRITABLE = 0x000c_cfff;

  private static final long BASE_BSP = 1L << 8;
  private static final long BASE_X2APIC = 1L << 10;
  private static final long BASE_ENABLE = 1L << 11;
  private static final long BASE_RESERVED = ~0xff_ffff_fd00L;

  private static final int MSR_X2APIC_FIRST = 0x800;
  private static final int MSR_X2APIC_LAST = 0x8ff;
  private static final int MSR_TSC_DEADLINE = 0x6e0;

  /** Shorter periods are skipped in whole numbers, so that a guest cannot stall the event loop. */
  private static final long MIN_REARM_NANOS = 20_000;

  /**
   * State.
   *
   * @param apicBase IA32_APIC_BASE
   * @param tpr task priority
   * @param ldr logical destination (xAPIC)
   * @param dfr destination format
   * @param svr spurious-interrupt vector
   * @param esr errors shown
   * @param pendingErrors errors since the last write of ESR
   * @param icr interrupt command
   * @param lvt local vector table
   * @param irr requests
   * @param isr in service
   * @param tmr level-triggered
   * @param initialCount timer's initial count
   * @param divide divide configuration
   * @param timerStartNanos when the initial count was loaded
   * @param timerDeadlineNanos next expiry
   * @param tscDeadline IA32_TSC_DEADLINE
   * @param lint0 level of LINT0
   * @param lint1 level of LINT1
   * @param extInt an ExtINT message waits
   */
  public record State(
      long apicBase,
      int tpr,
      int ldr,
      int dfr,
      int svr,
      int esr,
      int pendingErrors,
      long icr,
      int[] lvt,
      long[] irr,
      long[] isr,
      long[] tmr,
      int initialCount,
      int divide,
      long timerStartNanos,
      long timerDeadlineNanos,
      long tscDeadline,
      boolean lint0,
      boolean lint1,
      boolean extInt) {}

  private final int id;
  private final boolean bootstrap;
  private final boolean present;
  private final ApicBus bus;
  private final VirtualClock clock;
  private final ReentrantLock lock;
  private final IntSupplier extIntAcknowledge;
  private final TickRate tsc;
  private final Timer timer;
  private final OnceLog log = new OnceLog("lapic");
  private Vcpu vcpu;
  private volatile Thread boundThread;

  private long apicBase;
  private int tpr;
  private int ldr;
  private int dfr;
  private int svr;
  private int esr;
  private int pendingErrors;
  private long icr;
  private final int[] lvt = new int[LVT_COUNT];
  private final VectorSet irr = new VectorSet();
  private final VectorSet isr = new VectorSet();
  private final VectorSet tmr = new VectorSet();
  private int initialCount;
  private int divide;
  private long timerStartNanos;
  private long tscDeadline;
  private boolean lint0;
  private boolean lint1;
  private boolean extInt;
  private boolean requested;

  /**
   * The local APIC of CPU {@code id}; {@link #attach} names the CPU before it runs.
   *
   * @param id APIC ID
   * @param bootstrap true for the CPU that starts the machine
   * @param bus where it joins the others
   * @param clock guest time
   * @param lock the machine's device lock
   * @param extIntAcknowledge gives the vector of an external interrupt ({@link
   *     I8259Pic#acknowledge})
   * @param tscHz rate of the CPU's time-stamp counter
   */
  public Lapic(
      int id,
      boolean bootstrap,
      ApicBus bus,
      VirtualClock clock,
      ReentrantLock lock,
      IntSupplier extIntAcknowledge,
      long tscHz) {
    this(id, bootstrap, true, bus, clock, lock, extIntAcknowledge, tscHz);
  }

  /**
   * The same, or with {@code present} false what a CPU without an APIC has: a wire from the 8259.
   */
  public Lapic(
      int id,
      boolean bootstrap,
      boolean present,
      ApicBus bus,
      VirtualClock clock,
      ReentrantLock lock,
      IntSupplier extIntAcknowledge,
      long tscHz) {
    this.id = id;
    this.bootstrap = bootstrap;
    this.present = present;
    this.bus = bus;
    this.clock = clock;
    this.lock = lock;
    this.extIntAcknowledge = extIntAcknowledge;
    this.tsc = new TickRate(tscHz);
    this.timer = new Timer(clock, this::timerExpired);
    bus.addLapic(this);
    reset();
  }

  /** Names the CPU that this APIC interrupts. */
  public void attach(Vcpu cpu) {
    vcpu = cpu;
    cpu.setInterrupt(requested);
  }

  /** Makes the calling thread the CPU's: its accesses to the shared window come here. */
  public void bindToCurrentThread() {
    boundThread = Thread.currentThread();
  }

  boolean boundTo(Thread thread) {
    return boundThread == thread;
  }

  /** APIC ID. */
  public int id() {
    return id;
  }

  /**
   * The state in which firmware hands over: enabled, LINT0 takes the 8259, LINT1 the NMI. For
   * boards that start a kernel without firmware.
   */
  public void enterVirtualWireMode() {
    svr = SVR_ENABLE | 0xff;
    lvt[LVT_LINT0] = LVT_LEVEL | ApicBus.MODE_EXTINT << 8;
    lvt[LVT_LINT1] = LVT_LEVEL | ApicBus.MODE_NMI << 8;
    update(true);
  }

  // Interrupt acceptance.

  private boolean enabled() {
    return (apicBase & BASE_ENABLE) != 0;
  }

  private boolean x2apic() {
    return (apicBase & BASE_X2APIC) != 0;
  }

  private boolean softwareEnabled() {
    return (svr & SVR_ENABLE) != 0;
  }

  boolean acceptsVectors() {
    return enabled() && softwareEnabled();
  }

  int processorPriority() {
    int inService = isr.highest();
    int serviceClass = inService < 0 ? 0 : inService & 0xf0;
    return (tpr & 0xf0) >= serviceClass ? tpr : serviceClass;
  }

  /** The vector to deliver now, or -1. */
  private int deliverable() {
    int vector = irr.highest();
    return vector >= 0 && (vector & 0xf0) > (processorPriority() & 0xf0) ? vector : -1;
  }

  private boolean picWaits() {
    if (!lint0) {
      return false;
    }
    return !enabled() || (lvt[LVT_LINT0] & (LVT_MASKED | 0x700)) == ApicBus.MODE_EXTINT << 8;
  }

  private boolean wantsCpu() {
    return picWaits() || (enabled() && (extInt || deliverable() >= 0));
  }

  /** Recomputes the request to the CPU; {@code fromOutside} wakes it as well. */
  private void update(boolean fromOutside) {
    boolean now = wantsCpu();
    if (now != requested) {
      requested = now;
      if (vcpu != null) {
        vcpu.setInterrupt(now);
        if (now && fromOutside) {
          vcpu.kick();
        }
      }
    }
  }

  boolean matches(boolean logical, int destination) {
    if (!enabled()) {
      return false;
    }
    if (destination == -1) {
      return true;
    }
    if (!logical) {
      return destination == id;
    }
    if (x2apic()) {
      int own = x2apicLdr();
      return own >>> 16 == destination >>> 16 && (own & destination & 0xffff) != 0;
    }
    int own = ldr >>> 24;
    if (dfr >>> 28 == 0xf) {
      return (own & destination & 0xff) != 0;
    }
    return own >>> 4 == (destination >>> 4 & 0xf) && (own & destination & 0xf) != 0;
  }

  private int x2apicLdr() {
    return id >>> 4 << 16 | 1 << (id & 0xf);
  }

  boolean acceptVector(int vector, boolean level) {
    if (!acceptsVectors()) {
      return false;
    }
    request(vector, level);
    return true;
  }

  private void request(int vector, boolean level) {
    if (vector < 16) {
      error(ESR_RECEIVE_ILLEGAL_VECTOR);
      return;
    }
    irr.add(vector);
    if (level) {
      tmr.add(vector);
    } else {
      tmr.remove(vector);
    }
    update(true);
  }

  void acceptNmi() {
    if (vcpu != null) {
      vcpu.nmi();
      vcpu.kick();
    }
  }

  void acceptInit() {
    resetRegisters();
    update(false);
    if (vcpu != null) {
      vcpu.init();
      vcpu.kick();
    }
  }

  void acceptStartup(int vector) {
    if (vcpu != null) {
      vcpu.startup(vector & 0xff);
      vcpu.kick();
    }
  }

  void acceptExtInt() {
    extInt = true;
    update(true);
  }

  void lint0Changed(boolean level) {
    lint0 = level;
    if (level) {
      lintRaised(LVT_LINT0);
    }
    update(true);
  }

  void lint1Changed(boolean level) {
    lint1 = level;
    if (level) {
      lintRaised(LVT_LINT1);
    }
  }

  /** A local pin rose, or is still high after its level interrupt ended. */
  private void lintRaised(int pin) {
    int entry = lvt[pin];
    if (!enabled() && pin == LVT_LINT1) {
      acceptNmi();
      return;
    }
    if (!enabled() || (entry & LVT_MASKED) != 0) {
      return;
    }
    switch (entry >>> 8 & 7) {
      case ApicBus.MODE_FIXED -> {
        boolean level = pin == LVT_LINT0 && (entry & LVT_LEVEL) != 0;
        if (!level) {
          request(entry & 0xff, false);
        } else if ((entry & LVT_REMOTE_IRR) == 0) {
          lvt[pin] |= LVT_REMOTE_IRR;
          request(entry & 0xff, true);
        }
      }
      case ApicBus.MODE_NMI -> acceptNmi();
      case ApicBus.MODE_INIT -> acceptInit();
      case ApicBus.MODE_EXTINT -> {
        // Its level counts, see picWaits().
      }
      default -> log.unimplemented("LINT delivery mode", LVT_FIRST + pin, entry);
    }
  }

  private void error(int bit) {
    boolean first = (pendingErrors & bit) == 0;
    pendingErrors |= bit;
    int entry = lvt[LVT_ERROR];
    if (first && (entry & LVT_MASKED) == 0 && (entry & 0xff) >= 16) {
      request(entry & 0xff, false);
    }
  }

  private void endOfInterrupt() {
    int vector = isr.highest();
    if (vector < 0) {
      return;
    }
    isr.remove(vector);
    if (tmr.contains(vector)) {
      if ((lvt[LVT_LINT0] & LVT_REMOTE_IRR) != 0 && (lvt[LVT_LINT0] & 0xff) == vector) {
        lvt[LVT_LINT0] &= ~LVT_REMOTE_IRR;
        if (lint0) {
          lintRaised(LVT_LINT0);
        }
      }
      bus.broadcastEndOfInterrupt(vector);
    }
    update(false);
  }

  // Timer.

  private long tickNanos() {
    int code = (divide & 8) >>> 1 | divide & 3;
    return 1L << (code + 1 & 7);
  }

  private void timerExpired() {
    int entry = lvt[LVT_TIMER];
    int mode = entry & TIMER_MODE_MASK;
    if (mode == TIMER_PERIODIC && initialCount != 0) {
      long period = Integer.toUnsignedLong(initialCount) * tickNanos();
      long now = clock.nanos();
      long next = timerStartNanos + ((now - timerStartNanos) / period + 1) * period;
      if (next - now < MIN_REARM_NANOS && period < MIN_REARM_NANOS) {
        next += MIN_REARM_NANOS / period * period;
      }
      timer.arm(next);
    } else if (mode == TIMER_DEADLINE) {
      tscDeadline = 0;
    }
    if ((entry & LVT_MASKED) == 0) {
      request(entry & 0xff, false);
    }
  }

  private void startTimer() {
    timerStartNanos = clock.nanos();
    int mode = lvt[LVT_TIMER] & TIMER_MODE_MASK;
    if (initialCount == 0) {
      timer.disarm();
    } else if (mode != TIMER_DEADLINE) {
      timer.arm(timerStartNanos + Integer.toUnsignedLong(initialCount) * tickNanos());
    }
  }

  private int currentCount() {
    if (initialCount == 0 || !timer.isArmed() || (lvt[LVT_TIMER] & TIMER_DEADLINE) != 0) {
      return 0;
    }
    long ticks = (clock.nanos() - timerStartNanos) / tickNanos();
    long initial = Integer.toUnsignedLong(initialCount);
    if ((lvt[LVT_TIMER] & TIMER_PERIODIC) != 0) {
      return (int) (initial - ticks % initial);
    }
    return (int) Math.max(0, initial - ticks);
  }

  private void writeDivide(int value) {
    int count = currentCount();
    divide = value & 0xb;
    if (count != 0) {
      // The rest of the count goes on at the new rate.
      long elapsed = Integer.toUnsignedLong(initialCount) - Integer.toUnsignedLong(count);
      timerStartNanos = clock.nanos() - elapsed * tickNanos();
      timer.arm(timerStartNanos + Integer.toUnsignedLong(initialCount) * tickNanos());
    }
  }

  private void writeTscDeadline(long value) {
    if ((lvt[LVT_TIMER] & TIMER_MODE_MASK) != TIMER_DEADLINE) {
      return;
    }
    tscDeadline = value;
    if (value == 0) {
      timer.disarm();
    } else {
      timer.arm(tsc.nanos(value));
    }
  }

  private void writeLvt(int index, int value) {
    int old = lvt[index];
    int entry = value & LVT_WRITABLE[index];
    if (!softwareEnabled()) {
      entry |= LVT_MASKED;
    }
    if ((entry & LVT_LEVEL) != 0 && index == LVT_LINT0) {
      entry |= old & LVT_REMOTE_IRR;
    }
    lvt[index] = entry;
    if (index == LVT_TIMER && ((old ^ entry) & TIMER_MODE_MASK) != 0) {
      boolean deadlineMode = (entry & TIMER_DEADLINE) != 0 || (old & TIMER_DEADLINE) != 0;
      if (deadlineMode) {
        timer.disarm();
        tscDeadline = 0;
        initialCount = 0;
      }
    }
    update(false);
  }

  // Interrupt command.

  private void sendCommand(long command) {
    int low = (int) command;
    int vector = low & 0xff;
    int mode = low >>> 8 & 7;
    boolean level = (low & ICR_LEVEL) != 0;
    if (mode == ApicBus.MODE_INIT && level && (low & ICR_ASSERT) == 0) {
      // INIT level de-assert only synchronises arbitration IDs, which do not exist here.
      return;
    }
    if (vector < 16 && mode <= ApicBus.MODE_LOWEST_PRIORITY) {
      error(ESR_SEND_ILLEGAL_VECTOR);
      return;
    }
    boolean logical = (low & ICR_LOGICAL) != 0;
    switch (low >>> 18 & 3) {
      case 0 -> {
        int destination = x2apic() ? (int) (command >>> 32) : (int) (command >>> 56);
        if (!x2apic() && destination == 0xff) {
          destination = -1;
        }
        bus.deliverTo(null, logical, destination, mode, vector, false);
      }
      case 1 -> acceptVector(vector, false);
      case 2 -> bus.deliverTo(null, false, -1, mode, vector, false);
      default -> bus.deliverTo(this, false, -1, mode, vector, false);
    }
  }

  // Registers.

  @Override
  public long read(long offset, int size) {
    if (!enabled() || x2apic()) {
      return -1;
    }
    int value = (offset & 0xc) == 0 ? readRegister((int) offset >>> 4) : 0;
    return (value & 0xffff_ffffL) >>> (8 * (offset & 3));
  }

  private int readRegister(int register) {
    switch (register) {
      case ID -> {
        return x2apic() ? id : id << 24;
      }
      case VERSION -> {
        return VERSION_VALUE;
      }
      case TPR -> {
        return tpr;
      }
      case APR, PPR -> {
        return processorPriority();
      }
      case EOI -> {
        return 0;
      }
      case LDR -> {
        return x2apic() ? x2apicLdr() : ldr;
      }
      case DFR -> {
        return dfr;
      }
      case SVR -> {
        return svr;
      }
      case ESR -> {
        return esr;
      }
      case ICR_LOW -> {
        return (int) icr;
      }
      case ICR_HIGH -> {
        return (int) (icr >>> 32);
      }
      case INITIAL_COUNT -> {
        return initialCount;
      }
      case CURRENT_COUNT -> {
        return currentCount();
      }
      case DIVIDE -> {
        return divide;
      }
      default -> {
        return readOther(register);
      }
    }
  }

  private int readOther(int register) {
    if (register >= LVT_FIRST && register <= LVT_LAST) {
      return lvt[register - LVT_FIRST];
    } else if (register >= ISR && register < ISR + 8) {
      return isr.register(register - ISR);
    } else if (register >= TMR && register < TMR + 8) {
      return tmr.register(register - TMR);
    } else if (register >= IRR && register < IRR + 8) {
      return irr.register(register - IRR);
    }
    log.unassignedRead((long) register << 4, 4);
    error(ESR_ILLEGAL_REGISTER);
    return 0;
  }

  @Override
  public void write(long offset, long value, int size) {
    if (!enabled() || x2apic() || (offset & 0xf) != 0) {
      return;
    }
    int v = (int) value;
    int register = (int) offset >>> 4;
    switch (register) {
      case EOI -> endOfInterrupt();
      case ICR_LOW -> {
        icr = icr & 0xffff_ffff_0000_0000L | (v & ICR_WRITABLE);
        sendCommand(icr);
      }
      case ICR_HIGH -> icr = icr & 0xffff_ffffL | (v & 0xff00_0000L) << 32;
      case LDR -> ldr = v & 0xff00_0000;
      case DFR -> dfr = v | 0x0fff_ffff;
      case ID -> {
        // The ID is wired; the write is legal and without effect.
      }
      default -> {
        if (!writeRegister(register, v)) {
          log.unassignedWrite(offset, value, size);
          error(ESR_ILLEGAL_REGISTER);
        }
      }
    }
  }

  /** Writes a register that both modes share; false when there is none to write. */
  private boolean writeRegister(int register, int v) {
    switch (register) {
      case TPR -> {
        tpr = v & 0xff;
        update(false);
      }
      case SVR -> writeSvr(v);
      case ESR -> {
        esr = pendingErrors;
        pendingErrors = 0;
      }
      case INITIAL_COUNT -> {
        if ((lvt[LVT_TIMER] & TIMER_DEADLINE) == 0) {
          initialCount = v;
          startTimer();
        }
      }
      case DIVIDE -> writeDivide(v);
      default -> {
        if (register < LVT_FIRST || register > LVT_LAST) {
          return false;
        }
        writeLvt(register - LVT_FIRST, v);
      }
    }
    return true;
  }

  private void writeSvr(int v) {
    svr = v & SVR_WRITABLE;
    if (!softwareEnabled()) {
      for (int i = 0; i < LVT_COUNT; i++) {
        lvt[i] |= LVT_MASKED;
      }
    }
    update(false);
  }

  // What the CPU asks.

  @Override
  public int acknowledgeInterrupt() {
    lock.lock();
    try {
      if (enabled()) {
        int vector = deliverable();
        if (vector >= 0) {
          irr.remove(vector);
          isr.add(vector);
          update(false);
          return vector;
        }
      }
      if (picWaits() || extInt) {
        extInt = false;
        int vector = extIntAcknowledge.getAsInt();
        update(false);
        return vector;
      }
      update(false);
      return -1;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int taskPriority() {
    return tpr >>> 4;
  }

  @Override
  public void setTaskPriority(int priorityClass) {
    lock.lock();
    try {
      tpr = (priorityClass & 0xf) << 4;
      update(false);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long apicBase() {
    return apicBase;
  }

  @Override
  public boolean setApicBase(long value) {
    lock.lock();
    try {
      boolean enable = (value & BASE_ENABLE) != 0;
      boolean toX2apic = (value & BASE_X2APIC) != 0;
      if ((value & BASE_RESERVED) != 0
          || (toX2apic && (!enable || !enabled()))
          || (x2apic() && enable && !toX2apic)) {
        return false;
      }
      if ((value & ~0xfffL) != ApicBus.DEFAULT_BASE) {
        log.unimplemented("moving the register window", 0x1b, value);
      }
      if (toX2apic && !x2apic()) {
        icr &= 0xffff_ffffL;
      }
      apicBase = value;
      if (!enable) {
        resetRegisters();
      }
      update(false);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** EOI and SELF IPI, which are write-only, count as present and read as zero. */
  @Override
  public boolean hasApicMsr(int msr) {
    if (msr == MSR_TSC_DEADLINE) {
      return true;
    }
    if (msr < MSR_X2APIC_FIRST || msr > MSR_X2APIC_LAST || !x2apic()) {
      return false;
    }
    int r = msr - MSR_X2APIC_FIRST;
    return r == ID
        || r == VERSION
        || r == TPR
        || r == PPR
        || r == EOI
        || r == LDR
        || (r >= SVR && r <= ESR)
        || r == ICR_LOW
        || (r >= LVT_FIRST && r <= CURRENT_COUNT)
        || r == DIVIDE
        || r == SELF_IPI;
  }

  @Override
  public long readApicMsr(int msr) {
    lock.lock();
    try {
      if (msr == MSR_TSC_DEADLINE) {
        return tscDeadline;
      }
      if (!hasApicMsr(msr)) {
        return 0;
      }
      int register = msr - MSR_X2APIC_FIRST;
      if (register == ICR_LOW) {
        return icr;
      }
      return register == SELF_IPI ? 0 : readRegister(register) & 0xffff_ffffL;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean writeApicMsr(int msr, long value) {
    lock.lock();
    try {
      if (msr == MSR_TSC_DEADLINE) {
        writeTscDeadline(value);
        return true;
      }
      return hasApicMsr(msr) && writeX2apic(msr - MSR_X2APIC_FIRST, value);
    } finally {
      lock.unlock();
    }
  }

  private boolean writeX2apic(int register, long value) {
    if (register == ICR_LOW) {
      if ((value & 0xffff_ffffL & ~ICR_WRITABLE) != 0) {
        return false;
      }
      icr = value;
      sendCommand(value);
      return true;
    }
    if (value >>> 32 != 0) {
      return false;
    }
    int v = (int) value;
    switch (register) {
      case EOI -> {
        if (v != 0) {
          return false;
        }
        endOfInterrupt();
        return true;
      }
      case SELF_IPI -> {
        if ((v & ~0xff) != 0) {
          return false;
        }
        if (v < 16) {
          error(ESR_SEND_ILLEGAL_VECTOR);
        } else {
          acceptVector(v, false);
        }
        return true;
      }
      case ESR -> {
        return v == 0 && writeRegister(register, v);
      }
      case TPR -> {
        return (v & ~0xff) == 0 && writeRegister(register, v);
      }
      case SVR -> {
        return (v & ~SVR_WRITABLE) == 0 && writeRegister(register, v);
      }
      case DIVIDE -> {
        return (v & ~0xb) == 0 && writeRegister(register, v);
      }
      default -> {
        if (register >= LVT_FIRST && register <= LVT_LAST) {
          int legal = LVT_WRITABLE[register - LVT_FIRST] | 1 << 12 | LVT_REMOTE_IRR;
          return (v & ~legal) == 0 && writeRegister(register, v);
        }
        return register == INITIAL_COUNT && writeRegister(register, v);
      }
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  // State.

  @Override
  public State save() {
    return new State(
        apicBase,
        tpr,
        ldr,
        dfr,
        svr,
        esr,
        pendingErrors,
        icr,
        lvt.clone(),
        irr.save(),
        isr.save(),
        tmr.save(),
        initialCount,
        divide,
        timerStartNanos,
        timer.deadlineNanos(),
        tscDeadline,
        lint0,
        lint1,
        extInt);
  }

  @Override
  public void load(State s) {
    if (s.lvt.length != LVT_COUNT) {
      throw new IllegalArgumentException("lvt: " + s.lvt.length + " entries");
    }
    if (s.irr.length != 4 || s.isr.length != 4 || s.tmr.length != 4) {
      throw new IllegalArgumentException("irr, isr or tmr: not 256 bits");
    }
    if ((s.apicBase & BASE_RESERVED) != 0 || (s.tpr & ~0xff) != 0 || (s.divide & ~0xb) != 0) {
      throw new IllegalArgumentException("apicBase, tpr or divide: reserved bits set");
    }
    if (s.timerStartNanos < 0 || s.timerStartNanos > Timer.NEVER / 2 || s.timerDeadlineNanos < 0) {
      throw new IllegalArgumentException("timer: time out of range");
    }
    apicBase = s.apicBase;
    tpr = s.tpr;
    ldr = s.ldr;
    dfr = s.dfr;
    svr = s.svr;
    esr = s.esr;
    pendingErrors = s.pendingErrors;
    icr = s.icr;
    for (int i = 0; i < LVT_COUNT; i++) {
      lvt[i] = s.lvt[i] & (LVT_WRITABLE[i] | LVT_REMOTE_IRR | LVT_MASKED);
    }
    irr.load(s.irr);
    isr.load(s.isr);
    tmr.load(s.tmr);
    initialCount = s.initialCount;
    divide = s.divide;
    timerStartNanos = s.timerStartNanos;
    tscDeadline = s.tscDeadline;
    lint0 = s.lint0;
    lint1 = s.lint1;
    extInt = s.extInt;
    if (s.timerDeadlineNanos == Timer.NEVER) {
      timer.disarm();
    } else {
      timer.arm(s.timerDeadlineNanos);
    }
    requested = wantsCpu();
    if (vcpu != null) {
      vcpu.setInterrupt(requested);
    }
  }

  @Override
  public void reset() {
    apicBase = ApicBus.DEFAULT_BASE | (present ? BASE_ENABLE : 0) | (bootstrap ? BASE_BSP : 0);
    resetRegisters();
    update(false);
  }

  /** What INIT does: everything but the base and the ID. */
  private void resetRegisters() {
    tpr = 0;
    ldr = 0;
    dfr = -1;
    svr = 0xff;
    esr = 0;
    pendingErrors = 0;
    icr = 0;
    for (int i = 0; i < LVT_COUNT; i++) {
      lvt[i] = LVT_MASKED;
    }
    irr.clear();
    isr.clear();
    tmr.clear();
    initialCount = 0;
    divide = 0;
    timerStartNanos = 0;
    tscDeadline = 0;
    extInt = false;
    timer.disarm();
  }
}
