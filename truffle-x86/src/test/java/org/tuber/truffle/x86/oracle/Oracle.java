package org.tuber.truffle.x86.oracle;

import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.InstructionBatch;

/** Host and guest side by side, for one sample at a time. */
final class Oracle implements AutoCloseable {
  /** The guest's outcome is outside what may be run on the host. */
  static final String UNSAFE = "unsafe";

  private static final long REACH = 0x20_0000;

  final HostCpu host;
  private final boolean ownsHost;
  final GuestMachine guest;
  final CpuState hostOut = new CpuState();
  final CpuState guestOut = new CpuState();

  Oracle(Engine.Options options) {
    host = new HostCpu();
    ownsHost = true;
    guest = new GuestMachine(options);
  }

  /** Shares {@code host} with another. */
  Oracle(HostCpu host, Engine.Options options) {
    this.host = host;
    ownsHost = false;
    guest = new GuestMachine(options);
  }

  /** Runs the guest only, to get the code compiled. */
  void warmUp(Sample sample) {
    guest.setCode(sample.pages());
    guest.run(sample.in, guestOut, sample.bits64);
  }

  /** Runs the guest and compares with what the host did before. */
  String runGuest(Sample sample, CpuState expected) {
    warmUp(sample);
    return Judgement.compare(sample, expected, guestOut);
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

  /** The same with the sample's instruction compiled in {@code batch}. */
  String runCompiled(Sample sample, CpuState expected, InstructionBatch batch, int index) {
    guest.setCode(sample.pages());
    guest.run(sample.in, guestOut, sample.bits64, batch, index);
    return Judgement.compare(sample, expected, guestOut);
  }

  @Override
  public void close() {
    if (ownsHost) {
      host.close();
    }
    guest.close();
  }
}
