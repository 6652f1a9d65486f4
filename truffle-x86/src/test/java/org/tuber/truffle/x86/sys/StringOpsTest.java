package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.mem.MmioDevice;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** SDM vol. 2, MOVS, STOS, LODS, SCAS, CMPS, INS, OUTS, REP. */
class StringOpsTest {
  private static final long PC = 0x50_0000;
  private static final long OFFSET = 3L << Word.OFFSET_SHIFT;
  private static final long REP = Word.REP | OFFSET;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RSI = 6;
  private static final int RDI = 7;

  private BareMachine m;
  private X86Cpu c;
  private X86State s;

  @BeforeEach
  void machine() {
    m = new BareMachine("qemu64").longMode();
    c = m.cpu;
    s = m.s;
    s.r[X86State.BLOCK_PC] = PC;
    s.pc = PC + 5;
    // 4 KiB pages from 800000H; the page at 804000H is missing.
    m.ram.store64(0x3000 + 8 * 4, 0x5000 | 7);
    for (int i = 0; i < 512; i++) {
      m.ram.store64(0x5000 + 8 * i, i == 4 ? 0 : 0x80_0000L + 4096 * i | 7);
    }
    for (int i = 0; i < 0x4000; i++) {
      m.ram.store8(0x60_0000 + i, i * 7 + (i >> 8));
    }
  }

  @AfterEach
  void close() {
    m.close();
  }

  private void registers(long rsi, long rdi, long rcx) {
    s.r[RSI] = rsi;
    s.r[RDI] = rdi;
    s.r[RCX] = rcx;
  }

  private byte[] bytes(long gpa, int length) {
    byte[] b = new byte[length];
    m.ram.read(gpa, b, 0, length);
    return b;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void repMovsCopiesAcrossPages(int size) {
    registers(0x60_0123, 0x80_0ff1, 0x2000 >> size);
    StringOps.movs(s, c, REP, size);
    assertThat(bytes(0x80_0ff1, 0x2000)).isEqualTo(bytes(0x60_0123, 0x2000));
    assertThat(m.ram.load8(0x80_0ff1 + 0x2000)).isZero();
    assertThat(s.r[RCX]).isZero();
    assertThat(s.r[RSI]).isEqualTo(0x60_2123);
    assertThat(s.r[RDI]).isEqualTo(0x80_2ff1);
    assertThat(s.pc).isEqualTo(PC + 5);
  }

  @Test
  void movsWithoutPrefixMovesOneAndLeavesRcx() {
    registers(0x60_0000, 0x61_0000, 9);
    StringOps.moveOne(s, c, OFFSET, 2);
    assertThat(m.ram.load32(0x61_0000)).isEqualTo(m.ram.load32(0x60_0000));
    assertThat(s.r[RCX]).isEqualTo(9);
    assertThat(s.r[RDI]).isEqualTo(0x61_0004);
  }

  @Test
  void overlappingForwardCopyReplicates() {
    m.ram.store8(0x60_0000, 0x5a);
    registers(0x60_0000, 0x60_0001, 100);
    StringOps.movs(s, c, REP, 0);
    for (int i = 0; i <= 100; i++) {
      assertThat(m.ram.load8(0x60_0000 + i)).isEqualTo(0x5a);
    }
  }

  @Test
  void overlappingCopyDownIsPlain() {
    byte[] before = bytes(0x60_0001, 200);
    registers(0x60_0001, 0x60_0000, 200);
    StringOps.movs(s, c, REP, 0);
    assertThat(bytes(0x60_0000, 200)).isEqualTo(before);
  }

  @Test
  void backwards() {
    byte[] before = bytes(0x60_0000, 0x1100);
    c.setEflags(Flags.DF);
    registers(0x60_10ff, 0x60_10ff + 0x80, 0x1100);
    StringOps.movs(s, c, REP, 0);
    assertThat(bytes(0x60_0080, 0x1100)).isEqualTo(before);
    assertThat(s.r[RSI]).isEqualTo(0x5f_ffff);
  }

  @Test
  void faultLeavesTheRegistersOfTheElementThatFaulted() {
    registers(0x60_0000, 0x80_3000, 0x300);
    GuestFault f = m.faultOf(() -> StringOps.movs(s, c, REP, 3));
    assertThat(f.vector).isEqualTo(X86Cpu.PF);
    assertThat(f.address).isEqualTo(0x80_4000);
    assertThat(s.r[RCX]).isEqualTo(0x300 - 0x200);
    assertThat(s.r[RSI]).isEqualTo(0x60_1000);
    assertThat(s.r[RDI]).isEqualTo(0x80_4000);
    // The missing page appears, the instruction goes on.
    m.ram.store64(0x5000 + 8 * 4, 0x80_4000L | 7);
    StringOps.movs(s, c, REP, 3);
    assertThat(bytes(0x80_3000, 0x1800)).isEqualTo(bytes(0x60_0000, 0x1800));
    assertThat(s.r[RCX]).isZero();
  }

  @Test
  void elementAcrossAMissingPageStoresNothing() {
    registers(0x60_0000, 0x80_3ff9, 2);
    GuestFault f = m.faultOf(() -> StringOps.movs(s, c, REP, 3));
    assertThat(f.address).isEqualTo(0x80_4000);
    assertThat(s.r[RCX]).isEqualTo(2);
    assertThat(m.ram.load8(0x80_3ff9)).isZero();
  }

  @Test
  void pendingRequestLeavesTheInstructionToBeContinued() {
    registers(0x60_0000, 0x61_0000, 0x3000);
    c.pending = 1;
    StringOps.movs(s, c, REP, 0);
    assertThat(s.pc).isEqualTo(PC + 3);
    assertThat(s.r[RCX]).isBetween(1L, 0x2fffL);
    while (s.r[RCX] != 0) {
      s.pc = PC + 5;
      StringOps.movs(s, c, REP, 0);
    }
    assertThat(s.pc).isEqualTo(PC + 5);
    assertThat(bytes(0x61_0000, 0x3000)).isEqualTo(bytes(0x60_0000, 0x3000));
  }

  @Test
  void trapFlagStopsAfterEachElement() {
    c.setEflags(Flags.TF);
    registers(0x60_0000, 0x61_0000, 2);
    StringOps.movs(s, c, REP, 0);
    assertThat(s.r[RCX]).isEqualTo(1);
    assertThat(s.pc).isEqualTo(PC + 3);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 0x1122_3344_5566_7788L, -1})
  void repStos(long value) {
    for (int size = 0; size < 4; size++) {
      s.r[0] = value;
      registers(0, 0x80_0ffd, 0x1800 >> size);
      StringOps.stos(s, c, REP, size);
      for (int i = 0; i < 0x1800; i++) {
        assertThat(m.ram.load8(0x80_0ffd + i))
            .isEqualTo((int) (value >>> 8 * (i & (1 << size) - 1)) & 0xff);
      }
      assertThat(s.r[RDI]).isEqualTo(0x80_0ffd + 0x1800);
      assertThat(s.r[RCX]).isZero();
    }
  }

  @Test
  void addressSizeOf32BitsClearsUpperHalves() {
    s.r[0] = 0xab;
    registers(0, 0x7_0060_0000L, 0x9_0000_0010L);
    StringOps.stos(s, c, REP | Word.ADDR32, 0);
    assertThat(s.r[RDI]).isEqualTo(0x60_0010);
    assertThat(s.r[RCX]).isZero();
    assertThat(m.ram.load8(0x60_000f)).isEqualTo(0xab);
  }

  @Test
  void addressSizeOf16BitsWraps() {
    try (BareMachine real = new BareMachine("qemu64")) {
      real.cpu.segments[X86Cpu.ES].set(0x1000, 0x1_0000, 0xffff, 0x93);
      real.cpu.modeChanged();
      real.s.r[0] = 0x77;
      real.s.r[RDI] = 0x4444_fffe;
      real.s.r[RCX] = 4;
      StringOps.stos(real.s, real.cpu, REP | Word.ADDR16, 0);
      assertThat(real.s.r[RDI]).isEqualTo(0x4444_0002);
      assertThat(real.ram.load16(0x1_fffe)).isEqualTo(0x7777);
      assertThat(real.ram.load16(0x1_0000)).isEqualTo(0x7777);
    }
  }

  @Test
  void scasFindsTheByte() {
    for (int i = 0; i < 300; i++) {
      m.ram.store8(0x61_0000 + i, 'a');
    }
    m.ram.store8(0x61_0000 + 250, 0);
    s.r[0] = 0;
    registers(0, 0x61_0000, -1);
    StringOps.scas(s, c, Word.REPNE, 0);
    assertThat(s.r[RDI]).isEqualTo(0x61_0000 + 251);
    assertThat(s.r[RCX]).isEqualTo(-1 - 251);
    assertThat(Flags.zf(s)).isTrue();
  }

  @Test
  void cmpsStopsAtTheFirstDifference() {
    m.ram.write(0x61_0000, bytes(0x60_0000, 100), 0, 100);
    m.ram.store8(0x61_0000 + 40, m.ram.load8(0x60_0000 + 40) - 1);
    registers(0x60_0000, 0x61_0000, 100);
    StringOps.cmps(s, c, REP, 0);
    assertThat(s.r[RCX]).isEqualTo(59);
    assertThat(Flags.zf(s)).isFalse();
    assertThat(Flags.cf(s)).isFalse();
    registers(0x60_0000, 0x61_0000, 40);
    StringOps.cmps(s, c, REP, 0);
    assertThat(Flags.zf(s)).isTrue();
  }

  @Test
  void countZeroDoesNothing() {
    registers(0, 0, 0);
    c.setEflags(Flags.CF);
    StringOps.scas(s, c, Word.REPNE, 0);
    StringOps.movs(s, c, REP, 0);
    StringOps.lods(s, c, REP, 0);
    assertThat(c.eflags()).isEqualTo(Flags.CF | Flags.FIXED);
    assertThat(s.r[RDI]).isZero();
  }

  @Test
  void oneElementDownwards() {
    c.setEflagsHigh(c.eflagsHigh | Flags.DF);
    registers(0x60_0010, 0x80_0010, 9);
    StringOps.moveOne(s, c, OFFSET, 1);
    assertThat(m.ram.load16(0x80_0010)).isEqualTo(m.ram.load16(0x60_0010));
    StringOps.compareOne(s, c, OFFSET, 3);
    StringOps.loadOne(s, c, OFFSET, 0);
    StringOps.storeOne(s, c, OFFSET, 0);
    assertThat(s.r[RSI]).isEqualTo(0x60_0010 - 2 - 8 - 1);
    assertThat(s.r[RDI]).isEqualTo(0x80_0010 - 2 - 8 - 1);
    assertThat(s.r[RCX]).isEqualTo(9);
    assertThat(m.ram.load8(0x80_0006)).isEqualTo(m.ram.load8(0x60_0006));
  }

  @Test
  void oneElementComparedSetsFlags() {
    registers(0x60_0000, 0x60_0000, 0);
    StringOps.compareOne(s, c, OFFSET, 2);
    assertThat(Flags.zf(s)).isTrue();
    s.r[0] = m.ram.load8(0x60_0004) - 1L & 0xff;
    StringOps.scanOne(s, c, OFFSET, 0);
    assertThat(Flags.zf(s)).isFalse();
    assertThat(Flags.cf(s)).isTrue();
    assertThat(s.r[RDI]).isEqualTo(0x60_0005);
  }

  @Test
  void oneElementThatFaultsChangesNothing() {
    registers(0x60_0000, 0x80_4000, 5);
    GuestFault f = m.faultOf(() -> StringOps.moveOne(s, c, OFFSET, 3));
    assertThat(f.address).isEqualTo(0x80_4000);
    assertThat(s.r[RSI]).isEqualTo(0x60_0000);
    assertThat(s.r[RDI]).isEqualTo(0x80_4000);
  }

  @Test
  void addressesWrapAtTheirSize() {
    registers(0x1_0060_0000L, 0x7_0080_0000L, 0);
    StringOps.moveOne(s, c, OFFSET | Word.ADDR32, 0);
    assertThat(m.ram.load8(0x80_0000)).isEqualTo(m.ram.load8(0x60_0000));
    assertThat(s.r[RSI]).isEqualTo(0x60_0001);
    assertThat(s.r[RDI]).isEqualTo(0x80_0001);
  }

  @Test
  void segmentOverrideOfTheSource() {
    c.segments[X86Cpu.FS].base = 0x60_0000;
    c.segmentBase[X86Cpu.FS] = 0x60_0000;
    registers(0x10, 0, 0);
    StringOps.loadOne(s, c, (X86Cpu.FS + 1L) << Word.SEGMENT_SHIFT, 3);
    assertThat(s.r[0]).isEqualTo(m.ram.load64(0x60_0010));
    assertThat(s.r[RSI]).isEqualTo(0x18);
  }

  /** A port that counts up. */
  private static final class Counting implements MmioDevice {
    final List<Long> written = new ArrayList<>();
    int next = 1;

    @Override
    public long read(long offset, int size) {
      return next++;
    }

    @Override
    public void write(long offset, long value, int size) {
      written.add(value);
    }
  }

  @Test
  void insAndOuts() {
    Counting port = new Counting();
    m.mapPorts(0x1f0, 8, port);
    s.r[RDX] = 0x1f0;
    registers(0, 0x80_3ffc, 4);
    GuestFault f = m.faultOf(() -> StringOps.ins(s, c, REP, 1));
    assertThat(f.address).isEqualTo(0x80_4000);
    // The faulting element was not read from the port.
    assertThat(port.next).isEqualTo(3);
    assertThat(m.ram.load16(0x80_3ffe)).isEqualTo(2);
    registers(0x60_0000, 0, 3);
    StringOps.outs(s, c, REP, 1);
    assertThat(port.written)
        .containsExactly(
            (long) m.ram.load16(0x60_0000),
            (long) m.ram.load16(0x60_0002),
            (long) m.ram.load16(0x60_0004));
  }

  @Test
  void portPermissionComesFromTheTss() {
    Counting port = new Counting();
    m.mapPorts(0x3f8, 8, port);
    m.user();
    assertThat(m.faultOf(() -> PortIo.in(s, c, 0x3f8, 0)).vector).isEqualTo(X86Cpu.GP);
    c.segments[X86Cpu.TR].limit = 0x68 + 0x2000;
    for (int i = 0; i < 0x2000; i++) {
      m.ram.store8(BareMachine.TSS + 0x68 + i, i == 0x3f8 / 8 ? 0xf0 : 0xff);
    }
    PortIo.in(s, c, 0x3f8, 2);
    assertThat(s.r[0]).isEqualTo(1);
    assertThat(m.faultOf(() -> PortIo.in(s, c, 0x3fb, 1)).vector).isEqualTo(X86Cpu.GP);
    c.setEflags(Flags.IOPL);
    PortIo.in(s, c, 0x3fb, 0);
  }
}
