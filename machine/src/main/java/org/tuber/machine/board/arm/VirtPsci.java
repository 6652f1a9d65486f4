package org.tuber.machine.board.arm;

import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.ArmPlatform.Conduit;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.firmware.fdt.FdtNode;
import org.tuber.machine.run.RunControl;
import org.tuber.machine.run.VcpuThread;

/**
 * Power State Coordination Interface 1.1 (Arm DEN 0022D), which on this board answers without
 * firmware in guest memory. CPU_SUSPEND returns at once, as if an interrupt had woken the CPU.
 *
 * <p>Called on CPU threads without the device lock.
 */
final class VirtPsci {
  private static final int FUNCTION_64 = 0x4000_0000;
  private static final int VERSION = 0x8400_0000;
  private static final int CPU_SUSPEND = 0x8400_0001;
  private static final int CPU_OFF = 0x8400_0002;
  private static final int CPU_ON = 0x8400_0003;
  private static final int AFFINITY_INFO = 0x8400_0004;
  private static final int MIGRATE = 0x8400_0005;
  private static final int MIGRATE_INFO_TYPE = 0x8400_0006;
  private static final int SYSTEM_OFF = 0x8400_0008;
  private static final int SYSTEM_RESET = 0x8400_0009;
  private static final int FEATURES = 0x8400_000a;
  private static final long VERSION_1_1 = 0x1_0001;
  private static final long SUCCESS = 0;
  private static final long NOT_SUPPORTED = -1;
  private static final long INVALID_PARAMETERS = -2;
  private static final long ALREADY_ON = -4;
  private static final long ON_PENDING = -5;
  private static final long INFO_ON = 0;
  private static final long INFO_OFF = 1;
  private static final long INFO_ON_PENDING = 2;
  private static final long NO_TRUSTED_OS = 2;
  private static final long AFFINITY_MASK = 0xff_00ff_ffffL;

  private final RunControl control;
  private final Conduit conduit;
  private final List<VcpuThread> threads = new ArrayList<>();

  VirtPsci(RunControl control, Conduit conduit) {
    this.control = control;
    this.conduit = conduit;
  }

  /** The next CPU; its affinity is its number. */
  void addCpu(VcpuThread thread) {
    threads.add(thread);
  }

  /** Adds the node to a device tree. */
  void describe(FdtNode root) {
    root.child("psci")
        .cells("migrate", MIGRATE | FUNCTION_64)
        .cells("cpu_on", CPU_ON | FUNCTION_64)
        .cells("cpu_off", CPU_OFF)
        .cells("cpu_suspend", CPU_SUSPEND | FUNCTION_64)
        .strings("method", conduit == Conduit.HVC ? "hvc" : "smc")
        .strings("compatible", "arm,psci-1.0", "arm,psci-0.2", "arm,psci");
  }

  /** A call of CPU {@code self}, see {@link org.tuber.core.cpu.ArmPlatform#firmwareCall}. */
  boolean call(int self, Conduit by, int immediate, long[] x) {
    if (by != conduit || immediate != 0) {
      return false;
    }
    x[0] = function(self, (int) x[0], x);
    return true;
  }

  private long function(int self, int id, long[] x) {
    return switch (id) {
      case VERSION -> VERSION_1_1;
      case CPU_SUSPEND, CPU_SUSPEND | FUNCTION_64 -> SUCCESS;
      case CPU_OFF -> {
        threads.get(self).powerOff();
        yield SUCCESS;
      }
      case CPU_ON -> on(x[1] & 0xffff_ffffL, x[2] & 0xffff_ffffL, x[3] & 0xffff_ffffL);
      case CPU_ON | FUNCTION_64 -> on(x[1], x[2], x[3]);
      case AFFINITY_INFO, AFFINITY_INFO | FUNCTION_64 -> info(x[1], x[2]);
      case MIGRATE_INFO_TYPE -> NO_TRUSTED_OS;
      case SYSTEM_OFF -> {
        control.guestPowerOff();
        yield SUCCESS;
      }
      case SYSTEM_RESET -> {
        control.requestReset();
        yield SUCCESS;
      }
      case FEATURES -> isKnown((int) x[1]) ? SUCCESS : NOT_SUPPORTED;
      default -> NOT_SUPPORTED;
    };
  }

  private static boolean isKnown(int id) {
    return switch (id) {
      case VERSION,
          CPU_SUSPEND,
          CPU_SUSPEND | FUNCTION_64,
          CPU_OFF,
          CPU_ON,
          CPU_ON | FUNCTION_64,
          AFFINITY_INFO,
          AFFINITY_INFO | FUNCTION_64,
          MIGRATE_INFO_TYPE,
          SYSTEM_OFF,
          SYSTEM_RESET,
          FEATURES ->
          true;
      default -> false;
    };
  }

  private VcpuThread thread(long affinity) {
    long index = affinity & AFFINITY_MASK;
    return index < threads.size() ? threads.get((int) index) : null;
  }

  private long on(long affinity, long entry, long context) {
    VcpuThread target = thread(affinity);
    if (target == null) {
      return INVALID_PARAMETERS;
    }
    synchronized (this) {
      if (target.isStarting()) {
        return ON_PENDING;
      }
      if (!target.isWaitingForStart()) {
        return ALREADY_ON;
      }
      target.start(cpu -> enter(cpu, entry, context));
    }
    return SUCCESS;
  }

  private static void enter(Vcpu cpu, long entry, long context) {
    cpu.writeRegister("pc", entry);
    cpu.writeRegister("x0", context);
  }

  private long info(long affinity, long level) {
    VcpuThread target = thread(affinity);
    if (target == null || level != 0) {
      return INVALID_PARAMETERS;
    }
    if (target.isStarting()) {
      return INFO_ON_PENDING;
    }
    return target.isWaitingForStart() ? INFO_OFF : INFO_ON;
  }
}
