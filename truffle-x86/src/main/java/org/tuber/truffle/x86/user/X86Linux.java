package org.tuber.truffle.x86.user;

import org.tuber.core.mem.AddressSpace;
import org.tuber.core.time.VirtualClock;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.Isa;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.Architecture;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.engine.linux.UserCpu;
import org.tuber.truffle.x86.X86Isa;
import org.tuber.truffle.x86.sys.CpuModel;

/** Linux programs for x86-64 and i386; a process changes between them by execve. */
public final class X86Linux implements Architecture {
  final CpuModel model;
  final Amd64Abi amd64;
  final I386Abi i386;

  public X86Linux(CpuModel model) {
    this.model = model;
    amd64 = new Amd64Abi(model);
    i386 = new I386Abi(model);
  }

  @Override
  public String name() {
    return "x86";
  }

  @Override
  public Isa isa() {
    return new X86Isa();
  }

  @Override
  public Abi abi(int elfMachine) {
    return switch (elfMachine) {
      case Amd64Abi.EM_X86_64 -> amd64;
      case I386Abi.EM_386 -> i386;
      default -> null;
    };
  }

  @Override
  public UserCpu newCpu(GuestThread t, Engine engine, AddressSpace memory, VirtualClock clock) {
    return new X86UserCpu(this, t, engine, memory, clock);
  }
}
