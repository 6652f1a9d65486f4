package org.tuber.truffle.x86.user;

import java.io.InputStream;
import java.util.Map;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.Syscalls;
import org.tuber.truffle.x86.sys.CpuFeature;
import org.tuber.truffle.x86.sys.CpuModel;

/** Linux on x86-64 (System V ABI for x86-64, appendix A). */
final class Amd64Abi extends Abi {
  static final int EM_X86_64 = 62;
  private static final int HWCAP2_FSGSBASE = 2;
  private static final byte[] TRAP = {(byte) 0xcd, (byte) X86UserCpu.TRAP_VECTOR};

  private final CpuModel model;

  Amd64Abi(CpuModel model) {
    super(EM_X86_64, false, new Layout(0x7fff_ffff_f000L, 0x7fff_f7ff_f000L, 0x5555_5555_4000L));
    this.model = model;
  }

  @Override
  protected InputStream numbers() {
    return hostNumbers();
  }

  @Override
  protected void adapt(Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {
    calls.put("rt_sigreturn", (t, a, b, c, d, e, f) -> SignalFrame.pop(X86UserCpu.of(t)));
    calls.put(
        "arch_prctl",
        (t, code, at, c, d, e, f) -> X86UserCpu.of(t).segments().archPrctl((int) code, at));
    calls.put(
        "set_thread_area",
        (t, at, b, c, d, e, f) -> X86UserCpu.of(t).segments().setThreadArea(t, at));
    calls.put(
        "modify_ldt",
        (t, function, at, n, d, e, f) -> LocalDescriptors.modify(t, (int) function, at, n));
  }

  @Override
  protected String platform() {
    return "x86_64";
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
  protected String dynamicLinker(boolean musl) {
    return musl ? "/lib/ld-musl-x86_64.so.1" : "/lib64/ld-linux-x86-64.so.2";
  }

  @Override
  protected byte[] trap() {
    return TRAP;
  }

  @Override
  protected String pcName() {
    return "rip";
  }

  @Override
  protected byte[] link(byte[] object, String name) {
    return ObjectLinker.link(object, name);
  }
}
