package org.tuber.truffle.arm.user;

import java.io.InputStream;
import java.util.Map;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.linux.Abi;
import org.tuber.truffle.engine.linux.GenericLayout;
import org.tuber.truffle.engine.linux.Syscalls;

/**
 * Linux on AArch64: the generic ABI with arm64's own flags of open (asm/fcntl.h).
 *
 * <p>Deviation: programs have 47 bits of addresses, not 48, with pages of 4 KiB.
 */
final class Arm64Abi extends Abi {
  static final int EM_AARCH64 = 183;

  // Flags of open: here and on the host.
  private static final int O_DIRECTORY = 0x4000;
  private static final int O_NOFOLLOW = 0x8000;
  private static final int O_DIRECT = 0x10000;
  private static final int O_LARGEFILE = 0x20000;
  private static final int HOST_O_DIRECT = 0x4000;
  private static final int HOST_O_LARGEFILE = 0x8000;
  private static final int HOST_O_DIRECTORY = 0x10000;
  private static final int HOST_O_NOFOLLOW = 0x20000;
  private static final int ALL = O_DIRECTORY | O_NOFOLLOW | O_DIRECT | O_LARGEFILE;

  /** {@code mov x8, #__NR_rt_sigreturn; svc #0}. */
  private static final byte[] RETURN_CODE = {
    0x68, 0x11, (byte) 0x80, (byte) 0xd2, 0x01, 0x00, 0x00, (byte) 0xd4
  };

  /** {@code hlt #0x54}: undefined without a debugger. */
  private static final byte[] TRAP = {(byte) 0x80, 0x0a, 0x40, (byte) 0xd4};

  static final int TRAP_INSTRUCTION = 0xd440_0a80;

  private final CpuModel model;

  Arm64Abi(CpuModel model) {
    super(EM_AARCH64, false, new Layout(0x7fff_ffff_f000L, 0x7fff_f7ff_f000L, 0x5555_5555_0000L));
    this.model = model;
  }

  @Override
  protected InputStream numbers() {
    return Arm64Abi.class.getResourceAsStream("syscalls-aarch64.txt");
  }

  @Override
  protected void adapt(Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {
    GenericLayout.replace(calls);
    calls.put("rt_sigreturn", (t, a, b, c, d, e, f) -> SignalFrame.pop((ArmUserCpu) t.cpu()));
  }

  @Override
  protected int hostOpenFlags(int flags) {
    return flags & ~ALL
        | ((flags & O_DIRECTORY) != 0 ? HOST_O_DIRECTORY : 0)
        | ((flags & O_NOFOLLOW) != 0 ? HOST_O_NOFOLLOW : 0)
        | ((flags & O_DIRECT) != 0 ? HOST_O_DIRECT : 0)
        | ((flags & O_LARGEFILE) != 0 ? HOST_O_LARGEFILE : 0);
  }

  @Override
  protected int guestOpenFlags(int flags) {
    return flags & ~ALL
        | ((flags & HOST_O_DIRECTORY) != 0 ? O_DIRECTORY : 0)
        | ((flags & HOST_O_NOFOLLOW) != 0 ? O_NOFOLLOW : 0)
        | ((flags & HOST_O_DIRECT) != 0 ? O_DIRECT : 0)
        | ((flags & HOST_O_LARGEFILE) != 0 ? O_LARGEFILE : 0);
  }

  @Override
  protected boolean isGeneric() {
    return true;
  }

  @Override
  protected String platform() {
    return "aarch64";
  }

  @Override
  protected long capabilities() {
    return Capabilities.of(model) & 0xffff_ffffL;
  }

  @Override
  protected long moreCapabilities() {
    return Capabilities.of(model) >>> 32;
  }

  @Override
  protected int minSignalStackBytes() {
    return 5120;
  }

  @Override
  protected byte[] signalReturnCode() {
    return RETURN_CODE;
  }

  @Override
  protected String dynamicLinker(boolean musl) {
    return musl ? "/lib/ld-musl-aarch64.so.1" : "/lib/ld-linux-aarch64.so.1";
  }

  @Override
  protected byte[] trap() {
    return TRAP;
  }

  @Override
  protected String pcName() {
    return "pc";
  }
}
