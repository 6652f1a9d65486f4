package org.tuber.truffle.x86.user;

import java.io.InputStream;
import java.util.Map;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.Calls32;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.Syscalls;
import org.tuber.truffle.x86.sys.CpuFeature;
import org.tuber.truffle.x86.sys.CpuModel;

/** Linux on i386, as a 64-bit kernel offers it. */
final class I386Abi extends Abi {
  static final int EM_386 = 3;

  /** Where a program's addresses end. */
  static final long END = 0xffff_e000L;

  private static final int HWCAP2_FSGSBASE = 2;
  private static final byte[] TRAP = {(byte) 0xcd, (byte) X86UserCpu.TRAP_VECTOR};

  private final CpuModel model;

  I386Abi(CpuModel model) {
    super(EM_386, true, new Layout(END, 0xf7ff_e000L, 0x5655_5000L));
    this.model = model;
  }

  @Override
  protected InputStream numbers() {
    return I386Abi.class.getResourceAsStream("syscalls-i386.txt");
  }

  @Override
  protected String hostName(String name) {
    return Calls32.hostName(name);
  }

  @Override
  protected void adapt(Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {
    Calls32.replace(calls, signatures);
    calls.put("sigreturn", (t, a, b, c, d, e, f) -> SignalFrame32.popOld(X86UserCpu.of(t)));
    calls.put("rt_sigreturn", (t, a, b, c, d, e, f) -> SignalFrame32.popRt(X86UserCpu.of(t)));
    calls.put("arch_prctl", (t, a, b, c, d, e, f) -> -Errno.EINVAL);
    calls.put(
        "set_thread_area",
        (t, at, b, c, d, e, f) -> X86UserCpu.of(t).segments().setThreadArea(t, at));
    calls.put(
        "modify_ldt",
        (t, function, at, n, d, e, f) -> LocalDescriptors.modify(t, (int) function, at, n));
  }

  @Override
  protected String platform() {
    return "i686";
  }

  @Override
  protected long capabilities() {
    return model.featureWord();
  }

  @Override
  protected long moreCapabilities() {
    return model.has(CpuFeature.FSGSBASE) ? HWCAP2_FSGSBASE : 0;
  }

  @Override
  protected byte[] signalReturnCode() {
    return SignalFrame32.RETURN_CODE;
  }

  @Override
  protected String dynamicLinker(boolean musl) {
    return musl ? "/lib/ld-musl-i386.so.1" : "/lib/ld-linux.so.2";
  }

  @Override
  protected byte[] trap() {
    return TRAP;
  }

  @Override
  protected String pcName() {
    return "rip";
  }
}
