package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Far transfers and loads of segment registers at privilege 3 against what a processor (AMD, family
 * 26) did: {@code far-transfers.txt}, written by the program beside it. Which of several faults is
 * raised, its error code, and that nothing has changed then.
 */
class FarTransferTest {
  private static final long AREA = 0x10_0000;
  private static final int AREA_BYTES = 0x4000;
  private static final int STACKS = 0x2000;
  private static final long CODE = 0x5000;
  private static final long TARGET = 0x6000;
  private static final long LDT = 0x7000;
  private static final long HANDLERS = 0x4000;
  private static final int LDT_SELECTOR = 0x30;
  private static final byte[] CONTENT = new byte[AREA_BYTES];

  static {
    Arrays.fill(CONTENT, 0, STACKS, (byte) 0xcc);
    Arrays.fill(CONTENT, STACKS, AREA_BYTES, (byte) 0xff);
  }

  private static final int ECX = 0x5555_5555;

  private static final Map<String, String> KINDS =
      Map.ofEntries(
          Map.entry("jmp32", "ff2b"),
          Map.entry("jmp16", "66ff2b"),
          Map.entry("call32", "ff1b"),
          Map.entry("call16", "66ff1b"),
          Map.entry("retf32", "cb"),
          Map.entry("retf16", "66cb"),
          Map.entry("retf32n", "ca0800"),
          Map.entry("iret32", "cf"),
          Map.entry("iret16", "66cf"),
          Map.entry("lds", "c50b"),
          Map.entry("lss", "0fb20b"),
          Map.entry("popds", "1f"),
          Map.entry("popss", "17"));

  /** What the program asks modify_ldt for, base 0. */
  private static final long[] SEGMENTS = {
    0x00cf_fb00_0000_ffffL,
    0x0040_fb00_0000_0fffL,
    0x0040_7b00_0000_0fffL,
    0x0040_7f00_0000_0fffL,
    0x0000_f900_0000_0fffL,
    0x00cf_f300_0000_ffffL,
    0x0040_f300_0000_2fffL,
    0x00cf_7300_0000_ffffL,
    0x00cf_f100_0000_ffffL,
    0x0000_f300_0000_2fffL,
    0x0040_f700_0000_2fffL
  };

  private final BareMachine m = new BareMachine("max");
  private final X86Cpu c = m.cpu;

  @AfterEach
  void close() {
    m.close();
  }

  /** Pages of 4 KiB, for everybody, with a hole behind the area. */
  private void machine() {
    m.ram.store32(BareMachine.PML4, 0x2000 | 7);
    for (int i = 0; i < 1024; i++) {
      boolean mapped = i != (AREA + AREA_BYTES) >> 12;
      m.ram.store32(0x2000 + 4L * i, mapped ? i << 12 | 7 : 0);
    }
    c.cr3 = BareMachine.PML4;
    m.protectedMode();
    c.cr0 |= Cr.CR0_PG | Cr.CR0_WP;
    for (int i = 0; i < SEGMENTS.length; i++) {
      m.ram.store64(LDT + 8L * i, SEGMENTS[i] | AREA << 16);
    }
    c.segments[X86Cpu.LDTR].set(LDT_SELECTOR, LDT, SEGMENTS.length * 8 - 1, 0x82);
    for (int v = 0; v < 32; v++) {
      m.gate32(v, HANDLERS + v, 14, v == X86Cpu.BP ? 3 : 0);
      m.ram.store8(HANDLERS + v, 0xf4);
    }
  }

  private String run(String kind, int selector, int offset, int ss, int esp) {
    int slot = kind.contains("16") ? 2 : 4;
    m.ram.write(AREA, CONTENT, 0, AREA_BYTES);
    int[] slots = {offset, selector, Flags.IF | Flags.FIXED};
    int first = kind.startsWith("pop") ? 1 : 0;
    for (int i = first; i < slots.length; i++) {
      int at = esp + (i - first) * slot;
      if (at >= STACKS && at + 4 <= AREA_BYTES) {
        store(AREA + at, slots[i], slot);
      }
    }
    store(TARGET, offset, slot);
    store(TARGET + slot, selector, 2);
    byte[] code = HexFormat.of().parseHex(KINDS.get(kind) + "f4f4f4f4");
    m.ram.write(CODE, code, 0, code.length);
    c.engine.codePages().written(m.ram, CODE, code.length);

    m.user();
    for (int i : new int[] {X86Cpu.ES, X86Cpu.DS, X86Cpu.FS, X86Cpu.GS}) {
      c.segments[i].copyFrom(c.segments[X86Cpu.SS]);
    }
    Descriptors.set(c.segments[X86Cpu.SS], ss, m.ram.load64(LDT + (ss & ~7)));
    c.setEflags(Flags.IF | Flags.FIXED);
    c.modeChanged();
    m.s.r[1] = ECX;
    m.s.r[3] = TARGET;
    m.s.r[4] = esp;
    m.s.pc = CODE;
    c.clearHalt();
    assertThat(c.run(100)).isEqualTo(ExitReason.HALTED);
    return outcome(ss, esp);
  }

  private void store(long at, int value, int bytes) {
    if (bytes == 2) {
      m.ram.store16(at, value);
    } else {
      m.ram.store32(at, value);
    }
  }

  /** In the words of the program that made the file. */
  private String outcome(int ss, int esp) {
    int vector = (int) (m.s.pc - 1 - HANDLERS);
    boolean hasError = vector >= X86Cpu.TS && vector <= X86Cpu.PF;
    long frame = m.s.r[4] + (hasError ? 4 : 0);
    int error = hasError ? m.ram.load32(m.s.r[4]) : 0;
    int eip = m.ram.load32(frame);
    int newEsp = m.ram.load32(frame + 12);
    StringBuilder text = new StringBuilder().append(vector);
    if (error != 0) {
      text.append('.').append(Integer.toHexString(error));
    }
    boolean fault = eip == CODE;
    if (!fault) {
      text.append(eip > CODE && eip < CODE + 64 ? 'n' : 't').append('@');
      text.append(Integer.toHexString(newEsp));
    }
    boolean changed =
        newEsp != esp
            || m.ram.load32(frame + 4) != BareMachine.USER_CS
            || m.ram.load32(frame + 16) != ss
            || m.s.r[1] != ECX
            || c.segments[X86Cpu.DS].selector != BareMachine.USER_DS;
    return fault && changed ? text + "!" : text.toString();
  }

  private static List<String> lines() throws Exception {
    try (InputStream in = FarTransferTest.class.getResourceAsStream("far-transfers.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }

  @Test
  void everyTransferDoesWhatHardwareDid() throws Exception {
    machine();
    List<String> lines = lines();
    String[] stacks = lines.getFirst().split(" ");
    List<String> differences = new ArrayList<>();
    int cases = 0;
    for (String line : lines.subList(1, lines.size())) {
      String[] words = line.split(" ");
      int colon = words[1].indexOf(':');
      int selector = Integer.parseInt(words[1].substring(0, colon), 16);
      int offset = Integer.parseInt(words[1].substring(colon + 1), 16);
      for (int i = 2; i < words.length; i++) {
        String[] stack = stacks[i - 1].split(":");
        String here =
            run(
                words[0],
                selector,
                offset,
                Integer.parseInt(stack[0], 16),
                Integer.parseInt(stack[1], 16));
        cases++;
        if (!here.equals(words[i])) {
          differences.add(
              words[0] + " " + words[1] + " " + stacks[i - 1] + ": " + here + ", not " + words[i]);
        }
      }
    }
    assertThat(cases).isGreaterThan(2500);
    assertThat(differences).isEmpty();
  }
}
