package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.sys.BareMachine;

/** Loops as host classes, whose loads remember the page they went to last. */
class LastPagesTest {
  private static final long CODE = 0x10_0000;

  /** Linear address of pages that lie apart from each other. */
  private static final long PAGES = 0x4000_0000;

  private static final long DIRECTORY = 0x1_0000;
  private static final long TABLE = 0x1_1000;
  private static final long[] FRAMES = {0x30_0000, 0x50_0000, 0x20_0000, 0x60_0000};
  private static final long DEVICE = 0x1000_0000;

  /** l: mov rax,[rsi]; add rbx,rax; add rsi,rdx; dec rcx; jnz l; hlt. */
  private static final String SUM = "488b06 4801c3 4801d6 48ffc9 75f2 f4";

  /** l: mov eax,[esi]; add ebx,eax; pusha; add esp,32; dec ecx; jnz l; hlt. */
  private static final String SUM_AND_PUSH = "8b06 01c3 60 83c420 49 75f5 f4";

  /** A class is written once it is known how often a loop goes round. */
  private static final Engine.Options OPTIONS = new Engine.Options(true, 100_000, 100, 32, 300);

  private static final Pattern BUILT = Pattern.compile("engine: (\\d+) classes built");

  private static BareMachine machine() {
    BareMachine m = new BareMachine(Map.of("model", "max"), OPTIONS).longMode();
    m.ram.store64(0x2000 + 8, DIRECTORY | 7);
    m.ram.store64(DIRECTORY, TABLE | 7);
    for (int i = 0; i < FRAMES.length; i++) {
      m.ram.store64(TABLE + 8 * i, FRAMES[i] | 7);
    }
    return m;
  }

  private static void run(BareMachine m, String hex, long rounds, long address) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(CODE, code, 0, code.length);
    m.s.r[1] = rounds;
    m.s.r[3] = 0;
    m.s.r[6] = address;
    m.s.pc = CODE;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
  }

  /** Until {@code classes} have been written, beside the guest. */
  private static void warmUp(BareMachine m, String hex, long rounds, long address, int classes) {
    int runs = 0;
    do {
      run(m, hex, rounds, address);
      assertThat(++runs).as("runs until there is a class").isLessThan(100_000);
    } while (classes(m) < classes);
    run(m, hex, rounds, address);
  }

  private static int classes(BareMachine m) {
    Matcher built = BUILT.matcher(m.cpu.statistics());
    assertThat(built.find()).isTrue();
    return Integer.parseInt(built.group(1));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8, 20, 4096, 4097})
  void acrossPagesThatLieApart(int step) {
    try (BareMachine m = machine()) {
      byte[] bytes = new byte[4096 * FRAMES.length];
      new Random(step).nextBytes(bytes);
      for (int i = 0; i < FRAMES.length; i++) {
        m.ram.write(FRAMES[i], bytes, 4096 * i, 4096);
      }
      int rounds = (bytes.length - 8) / step;
      long sum = 0;
      for (int i = 0; i < rounds; i++) {
        sum += wordAt(bytes, i * step);
      }
      m.s.r[2] = step;
      warmUp(m, SUM, rounds, PAGES, 1);
      for (int i = 0; i < 3; i++) {
        run(m, SUM, rounds, PAGES);
        assertThat(m.s.r[3]).isEqualTo(sum);
      }
    }
  }

  private static long wordAt(byte[] bytes, int at) {
    long word = 0;
    for (int i = 7; i >= 0; i--) {
      word = word << 8 | bytes[at + i] & 0xff;
    }
    return word;
  }

  /**
   * What is called in a loop may change the mapping: here a device does, below the page where a
   * PUSHA begins, whose later stores are calls therefore.
   */
  @Test
  void theMappingChangesInTheLoop() {
    int rounds = 4000;
    int early = 3000;
    long page = 0x30_0000;
    try (BareMachine m = new BareMachine(Map.of("model", "max"), OPTIONS).protectedMode();
        GuestRam other = new GuestRam(4096)) {
      int[] stores = new int[1];
      m.memory.mapDevice(
          DEVICE,
          4096,
          new MmioDevice() {
            @Override
            public long read(long offset, int size) {
              return 0;
            }

            @Override
            public void write(long offset, long value, int size) {
              if (++stores[0] == early) {
                m.memory.mapRam(page, 4096, other, 0, false, AddressSpace.PRIORITY_PLATFORM);
              }
            }
          },
          AddressSpace.PRIORITY_PLATFORM);
      m.memory.mapRam(DEVICE + 4096, 4096, m.ram, 0x40_0000, false, AddressSpace.PRIORITY_PLATFORM);
      m.ram.store32(page, 1);
      other.store32(0, 1 << 16);
      // Seven of eight registers fit above the device.
      m.s.r[4] = DEVICE + 4096 + 28;
      stores[0] = Integer.MIN_VALUE;
      // The one that leaves for the device, one that asks for each store, one that calls.
      warmUp(m, SUM_AND_PUSH, rounds, page, 3);
      stores[0] = 0;
      run(m, SUM_AND_PUSH, rounds, page);
      assertThat(stores[0]).isEqualTo(rounds);
      assertThat(m.s.r[3] & 0xffff_ffffL).isEqualTo(early + ((long) (rounds - early) << 16));
    }
  }
}
