package org.tuber.truffle.x86.oracle;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Set;
import java.util.TreeSet;

/**
 * Runs code on the processor this JVM runs on: the oracle.
 *
 * <p>A trampoline loads every register from a control page (XRSTOR, FS and GS base, the general
 * registers, then IRETQ for RIP, RFLAGS, RSP and CS at once) and the code runs until it raises an
 * exception; INT3 is the normal end. The signal handler, also written here, runs on a stack of its
 * own, copies the registers out of the signal frame (struct sigcontext and the XSAVE area in it,
 * see the Linux headers asm/sigcontext.h) and returns straight to the caller of the trampoline.
 * Signals that are none of this go on to the JVM's handlers. So faulting code is as good as any.
 *
 * <p>All pages that code may touch have fixed addresses below 2 GiB, the same as in the guest.
 */
@SuppressWarnings("restricted") // running foreign code is what it is for
final class HostCpu implements AutoCloseable {
  private static final long CONTROL = NativePages.BASE + 0x20_0000;
  private static final long STUB = CONTROL + 0x2000;
  private static final long CONTROL_BYTES = 0x3000;
  private static final int SIGNAL_STACK_BYTES = 0x10_0000;

  // Control page, offsets from CONTROL.
  private static final int REGISTERS = 0;
  private static final int FRAME = 0x80;
  private static final int FS_BASE = 0xa8;
  private static final int GS_BASE = 0xb0;
  private static final int ACTIVE = 0xb8;
  private static final int SAVED_RSP = 0xc0;
  private static final int SAVED_MXCSR = 0xc8;
  private static final int SAVED_FCW = 0xcc;
  private static final int SAVED_FS = 0xd0;
  private static final int SAVED_GS = 0xd8;
  private static final int SELECTORS = 0xe0;
  private static final int OLD_HANDLERS = 0x100;
  private static final int OUT_GREGS = 0x200;
  private static final int OUT_FS = 0x2c0;
  private static final int OUT_GS = 0x2c8;
  private static final int IN_XSAVE = 0x400;
  private static final int OUT_XSAVE = 0x800;

  /** Legacy region, header, high halves of YMM. */
  private static final int XSAVE_BYTES = 832;

  private static final int XSTATE_BV = 512;
  private static final int YMM_HIGH = 576;

  // Indexes of struct sigcontext's general registers.
  private static final int GREG_COUNT = 23;
  private static final int GREG_RIP = 16;
  private static final int GREG_FLAGS = 17;
  private static final int GREG_ERR = 19;
  private static final int GREG_TRAP = 20;
  private static final int GREG_CR2 = 22;

  /** Where sigcontext has RAX RCX RDX RBX RSP RBP RSI RDI R8-R15. */
  private static final int[] GREG = {
    13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7,
  };

  private static final int[] SIGNALS = {4, 5, 7, 8, 11};
  private static final int SIGACTION_BYTES = 152;
  private static final int SIGACTION_FLAGS = 136;
  private static final int SA_SIGINFO_ONSTACK_NODEFER = 4 | 0x0800_0000 | 0x4000_0000;
  private static final int SS_DISABLE = 2;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Arena arena = Arena.ofShared();
  private final Linker linker = Linker.nativeLinker();
  private final SymbolLookup libc = linker.defaultLookup();
  private final MethodHandle sigaction;
  private final MethodHandle enter;
  private final MemorySegment control;
  private final MemorySegment code;
  private final MemorySegment data;
  private final MemorySegment signalStack;
  private final MemorySegment[] oldActions = new MemorySegment[SIGNALS.length];
  private final Thread owner = Thread.currentThread();
  private final boolean avx;
  private byte[] stub = new byte[1024];
  private int stubLength;

  /** Flags of the first processor in /proc/cpuinfo. */
  static Set<String> cpuFlags() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
        if (line.startsWith("flags")) {
          return new TreeSet<>(Set.of(line.substring(line.indexOf(':') + 1).strip().split(" ")));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Set.of();
  }

  /** Why this host cannot be the oracle; null: it can. */
  static String unsuitable() {
    if (!System.getProperty("os.name").equals("Linux")
        || !System.getProperty("os.arch").equals("amd64")) {
      return "the host-CPU oracle needs x86-64 Linux";
    }
    Set<String> flags = cpuFlags();
    for (String needed : new String[] {"xsave", "fsgsbase"}) {
      if (!flags.contains(needed)) {
        return "the host-CPU oracle needs a processor with " + needed;
      }
    }
    return null;
  }

  HostCpu() {
    avx = cpuFlags().contains("avx");
    sigaction =
        function(
            "sigaction",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS));
    code = NativePages.map(CpuState.CODE, CpuState.CODE_BYTES, NativePages.PROT_RWX);
    data = NativePages.map(CpuState.DATA, CpuState.DATA_BYTES, NativePages.PROT_RW);
    control = NativePages.map(CONTROL, CONTROL_BYTES, NativePages.PROT_RWX);
    // Out of the samples' reach: the kernel takes any RSP within it for one of a signal handler.
    signalStack = arena.allocate(SIGNAL_STACK_BYTES, 4096);
    long handler = assemble();
    signalStack(0);
    installHandlers(handler);
    enter = linker.downcallHandle(MemorySegment.ofAddress(STUB), FunctionDescriptor.ofVoid());
  }

  private MethodHandle function(String name, FunctionDescriptor type) {
    return linker.downcallHandle(libc.find(name).orElseThrow(), type);
  }

  /** This thread's stack for signals; {@code flags} 2: none. */
  private void signalStack(int flags) {
    MethodHandle sigaltstack =
        function(
            "sigaltstack",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    MemorySegment stack = arena.allocate(24, 8);
    stack.set(LONG, 0, signalStack.address());
    stack.set(INT, 8, flags);
    stack.set(LONG, 16, SIGNAL_STACK_BYTES);
    try {
      if ((int) sigaltstack.invokeExact(stack, MemorySegment.NULL) != 0) {
        throw new IllegalStateException("sigaltstack");
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private void installHandlers(long handler) {
    for (int i = 0; i < SIGNALS.length; i++) {
      MemorySegment action = arena.allocate(SIGACTION_BYTES, 8);
      oldActions[i] = arena.allocate(SIGACTION_BYTES, 8);
      action.set(LONG, 0, handler);
      action.set(INT, SIGACTION_FLAGS, SA_SIGINFO_ONSTACK_NODEFER);
      // First look, so that the handler has somewhere to go on to when it is called at once.
      act(SIGNALS[i], MemorySegment.NULL, oldActions[i]);
      control.set(LONG, OLD_HANDLERS + 8L * SIGNALS[i], oldActions[i].get(LONG, 0));
      act(SIGNALS[i], action, MemorySegment.NULL);
    }
  }

  private void act(int signal, MemorySegment action, MemorySegment old) {
    try {
      if ((int) sigaction.invokeExact(signal, action, old) != 0) {
        throw new IllegalStateException("sigaction");
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  // ---------------------------------------------------------------- machine code

  private void emit(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    System.arraycopy(bytes, 0, stub, stubLength, bytes.length);
    stubLength += bytes.length;
  }

  /** An instruction and the 32-bit address of a field of the control page. */
  private void emit(String hex, int field) {
    emit(hex);
    emit32(CONTROL + field);
  }

  private void emit32(long v) {
    for (int i = 0; i < 4; i++) {
      stub[stubLength++] = (byte) (v >>> (8 * i));
    }
  }

  private void emitLoad(int register) {
    emit(register < 8 ? "48 8b" : "4c 8b");
    emit(String.format("%02x 25", (register & 7) << 3 | 4), REGISTERS + 8 * register);
  }

  /** Writes the stub; returns the address of the signal handler. */
  private long assemble() {
    emit("53 55 41 54 41 55 41 56 41 57"); // push rbx rbp r12 r13 r14 r15
    emit("48 89 24 25", SAVED_RSP);
    emit("0f ae 1c 25", SAVED_MXCSR); // stmxcsr
    emit("d9 3c 25", SAVED_FCW); // fnstcw
    emit("f3 48 0f ae c0 48 89 04 25", SAVED_FS); // rdfsbase rax; mov [], rax
    emit("f3 48 0f ae c8 48 89 04 25", SAVED_GS);
    emit("b8 07 00 00 00 31 d2 48 0f ae 2c 25", IN_XSAVE); // eax = 7; edx = 0; xrstor64
    emit("48 8b 04 25", FS_BASE);
    emit("48 8b 1c 25", GS_BASE);
    emit("48 c7 04 25", ACTIVE); // mov qword [], 1
    emit32(1);
    emit("8b 0c 25", SELECTORS);
    emit("8e d9 8e c1 8e e1 8e e9"); // mov ds es fs gs, ecx
    emit("f3 48 0f ae d0 f3 48 0f ae db"); // wrfsbase rax; wrgsbase rbx
    emit("48 c7 c4", FRAME); // mov rsp, FRAME
    for (int i = 15; i >= 0; i--) {
      if (i != CpuState.RSP) {
        emitLoad(i);
      }
    }
    emit("48 cf"); // iretq

    int handler = stubLength;
    emit("48 83 3c 25", ACTIVE); // cmp qword [], 0
    emit("00 0f 84"); // je chain
    int toChain1 = stubLength;
    emit32(0);
    emit("48 89 e0 48 b9"); // mov rax, rsp; mov rcx, stack
    emit32(signalStack.address());
    emit32(signalStack.address() >>> 32);
    emit("48 29 c8 48 3d"); // sub rax, rcx; cmp rax, size; jae chain
    emit32(SIGNAL_STACK_BYTES);
    emit("0f 83");
    int toChain2 = stubLength;
    emit32(0);
    emit("48 8d 72 28 bf", OUT_GREGS); // lea rsi, [rdx + 28h]; mov edi, OUT_GREGS
    emit("b9 17 00 00 00 f3 48 a5"); // ecx = 23; rep movsq
    emit("48 8b b2 e0 00 00 00 bf", OUT_XSAVE); // mov rsi, [rdx + e0h]; mov edi, OUT_XSAVE
    emit("b9 68 00 00 00 f3 48 a5"); // ecx = 832 / 8; rep movsq
    emit("f3 48 0f ae c0 48 89 04 25", OUT_FS);
    emit("f3 48 0f ae c8 48 89 04 25", OUT_GS);
    emit("31 c0 8e d8 8e c0 8e e0 8e e8"); // xor eax, eax; mov ds es fs gs, eax
    emit("48 8b 04 25", SAVED_FS);
    emit("f3 48 0f ae d0"); // wrfsbase rax
    emit("48 8b 04 25", SAVED_GS);
    emit("f3 48 0f ae d8"); // wrgsbase rax
    emit("48 c7 04 25", ACTIVE);
    emit32(0);
    emit("48 8b 24 25", SAVED_RSP);
    emit("db e3 d9 2c 25", SAVED_FCW); // fninit; fldcw
    emit("0f ae 14 25", SAVED_MXCSR); // ldmxcsr
    if (avx) {
      emit("c5 f8 77"); // vzeroupper
    }
    emit("41 5f 41 5e 41 5d 41 5c 5d 5b"); // pop r15 r14 r13 r12 rbp rbx
    emit("68 02 02 00 00 9d c3"); // push 202h; popfq; ret
    int chain = stubLength;
    emit("ff 24 fd", OLD_HANDLERS); // jmp [rdi * 8 + OLD_HANDLERS]
    patch(toChain1, chain);
    patch(toChain2, chain);
    MemorySegment.copy(stub, 0, control, ValueLayout.JAVA_BYTE, STUB - CONTROL, stubLength);
    return STUB + handler;
  }

  private void patch(int at, int target) {
    int end = stubLength;
    stubLength = at;
    emit32(target - at - 4);
    stubLength = end;
  }

  // ---------------------------------------------------------------- running

  /** Fills the code pages. */
  void setCode(byte[] pages) {
    MemorySegment.copy(pages, 0, code, ValueLayout.JAVA_BYTE, 0, pages.length);
  }

  /** What has become of the code pages. */
  void getCode(byte[] pages) {
    MemorySegment.copy(code, ValueLayout.JAVA_BYTE, 0, pages, 0, pages.length);
  }

  /**
   * Runs from {@code in} until an exception.
   *
   * @param bits64 false: in a 32-bit code segment
   */
  void run(CpuState in, CpuState out, boolean bits64) {
    if (Thread.currentThread() != owner) {
      throw new IllegalStateException("the signal stack is another thread's");
    }
    for (int i = 0; i < 16; i++) {
      control.set(LONG, REGISTERS + 8 * i, in.r[i]);
    }
    control.set(LONG, FRAME, in.rip);
    control.set(LONG, FRAME + 8, bits64 ? 0x33 : 0x23);
    // Null selectors are of no use in 32-bit code.
    control.set(INT, SELECTORS, bits64 ? 0 : 0x2b);
    control.set(LONG, FRAME + 16, in.rflags);
    control.set(LONG, FRAME + 24, in.r[CpuState.RSP]);
    control.set(LONG, FRAME + 32, 0x2b);
    control.set(LONG, FS_BASE, in.fsBase);
    control.set(LONG, GS_BASE, in.gsBase);
    putXsave(in);
    MemorySegment.copy(in.data, 0, data, ValueLayout.JAVA_BYTE, 0, CpuState.DATA_BYTES);
    try {
      enter.invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    for (int i = 0; i < 16; i++) {
      out.r[i] = greg(GREG[i]);
    }
    out.rip = greg(GREG_RIP);
    out.rflags = greg(GREG_FLAGS);
    out.vector = (int) greg(GREG_TRAP);
    out.errorCode = greg(GREG_ERR);
    out.cr2 = greg(GREG_CR2);
    out.fsBase = control.get(LONG, OUT_FS);
    out.gsBase = control.get(LONG, OUT_GS);
    getXsave(out);
    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, 0, out.data, 0, CpuState.DATA_BYTES);
  }

  private long greg(int i) {
    assert i < GREG_COUNT;
    return control.get(LONG, OUT_GREGS + 8 * i);
  }

  private void putXsave(CpuState s) {
    control.asSlice(IN_XSAVE, XSAVE_BYTES).fill((byte) 0);
    control.set(SHORT, IN_XSAVE, (short) s.fcw);
    control.set(SHORT, IN_XSAVE + 2, (short) s.fsw);
    control.set(SHORT, IN_XSAVE + 4, (short) s.tags);
    control.set(INT, IN_XSAVE + 24, s.mxcsr);
    for (int i = 0; i < 8; i++) {
      int n = s.top() + i & 7;
      control.set(LONG, IN_XSAVE + 32 + 16 * i, s.significand[n]);
      control.set(SHORT, IN_XSAVE + 40 + 16 * i, (short) s.signExponent[n]);
    }
    for (int i = 0; i < 32; i++) {
      control.set(LONG, IN_XSAVE + 160 + 8 * i, s.x[i]);
      control.set(LONG, IN_XSAVE + YMM_HIGH + 8 * i, s.yh[i]);
    }
    control.set(LONG, IN_XSAVE + XSTATE_BV, avx ? 7 : 3);
  }

  private void getXsave(CpuState s) {
    long present = control.get(LONG, OUT_XSAVE + XSTATE_BV);
    s.fcw = control.get(SHORT, OUT_XSAVE) & 0xffff;
    s.fsw = control.get(SHORT, OUT_XSAVE + 2) & 0xffff;
    s.tags = control.get(SHORT, OUT_XSAVE + 4) & 0xff;
    s.mxcsr = control.get(INT, OUT_XSAVE + 24);
    for (int i = 0; i < 8; i++) {
      int n = s.top() + i & 7;
      s.significand[n] = control.get(LONG, OUT_XSAVE + 32 + 16 * i);
      s.signExponent[n] = control.get(SHORT, OUT_XSAVE + 40 + 16 * i) & 0xffff;
    }
    for (int i = 0; i < 32; i++) {
      s.x[i] = (present & 2) != 0 ? control.get(LONG, OUT_XSAVE + 160 + 8 * i) : 0;
      s.yh[i] = (present & 4) != 0 ? control.get(LONG, OUT_XSAVE + YMM_HIGH + 8 * i) : 0;
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < SIGNALS.length; i++) {
      act(SIGNALS[i], oldActions[i], MemorySegment.NULL);
    }
    signalStack(SS_DISABLE);
    arena.close();
  }
}
