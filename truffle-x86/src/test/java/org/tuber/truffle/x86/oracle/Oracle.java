package org.tuber.truffle.x86.oracle;

import org.tuber.truffle.engine.Engine;

/** Host and guest side by side, for one sample at a time. */
final class Oracle implements AutoCloseable {
  /** The guest's outcome is outside what may be run on the host. */
  static final String UNSAFE = "unsafe";

  private static final long REACH = 0x20_0000;

  final HostCpu host = new HostCpu();
  final GuestMachine guest;
  final CpuState hostOut = new CpuState();
  final CpuState guestOut = new CpuState();

  Oracle(Engine.Options options) {
    guest = new GuestMachine(options);
  }

  /** "" when both agree, {@link #UNSAFE}, or what differs. */
  String run(Sample sample) {
    byte[] pages = sample.pages();
    guest.setCode(pages);
    guest.run(sample.in, guestOut, sample.bits64);
    if (guestOut.vector < 0) {
      return "the guest does not end";
    }
    if (guestOut.vector == 14
        && (guestOut.cr2 < CpuState.CODE || guestOut.cr2 >= CpuState.CODE + REACH)) {
      return UNSAFE;
    }
    host.setCode(pages);
    host.run(sample.in, hostOut, sample.bits64);
    return Judgement.compare(sample, hostOut, guestOut);
  }

  @Override
  public void close() {
    host.close();
    guest.close();
  }
}
