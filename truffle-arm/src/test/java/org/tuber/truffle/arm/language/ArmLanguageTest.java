package org.tuber.truffle.arm.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import org.assertj.core.data.Offset;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Programs and libraries for AArch64, from a sysroot: what {@code .ci/fetch-arm64} puts there. */
class ArmLanguageTest {
  private static Path sysroot;

  @BeforeAll
  static void hostFits() {
    assumeTrue(
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64"),
        "user mode needs a Linux host on x86-64");
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"));
    Path folder = guests == null ? home.resolve(".cache/tuber/guests") : Path.of(guests);
    sysroot = folder.resolve("arm64-sysroot");
    boolean there = Files.exists(sysroot.resolve("usr/bin/python3"));
    if (System.getenv("CI") != null) {
      assertThat(there).as("programs for arm64 are there").isTrue();
    } else {
      assumeTrue(there, "no programs for arm64 in " + sysroot);
    }
  }

  private static Context.Builder builder() {
    return Context.newBuilder("arm")
        .allowAllAccess(true)
        .option("engine.WarnInterpreterOnly", "false")
        .option("arm.Tier", "interp")
        .option("arm.Sysroot", sysroot.toString());
  }

  private static Value library(Context c, String name) throws Exception {
    Path file = sysroot.resolve("lib/aarch64-linux-gnu").resolve(name);
    return c.eval(Source.newBuilder("arm", file.toFile()).build());
  }

  private static Source program(String path) throws Exception {
    return Source.newBuilder("arm", sysroot.resolve(path).toFile()).build();
  }

  @Test
  void programsRunWithTheContextsStreams() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] input = "pear\napple\n".getBytes(StandardCharsets.UTF_8);
    try (Context c =
        builder()
            .arguments("arm", new String[] {"-r"})
            .in(new ByteArrayInputStream(input))
            .out(out)
            .build()) {
      assertThat(c.eval(program("usr/bin/sort")).asInt()).isZero();
      assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("pear\napple\n");
    }
    out.reset();
    try (Context c = builder().option("arm.Run", "false").out(out).build()) {
      Value shell = c.eval(program("bin/bash"));
      assertThat(shell.execute("-c", "echo $((6 * 7)) | cat; exit 9").asInt()).isEqualTo(9);
      assertThat(shell.execute("-c", "uname -m").asInt()).isZero();
      assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("42\naarch64\n");
    }
  }

  @Test
  void checksumOfZlib() throws Exception {
    byte[] data = new byte[5000];
    new Random(3).nextBytes(data);
    CRC32 crc = new CRC32();
    crc.update(data);
    try (Context c = builder().build()) {
      Value z = library(c, "libz.so.1");
      assertThat(z.invokeMember("crc32", 0, data, data.length).asLong()).isEqualTo(crc.getValue());
      Value typed = z.invokeMember("bind", "crc32", "(u64, pointer, u32) : u64");
      assertThat(typed.execute(0, data, data.length).asLong()).isEqualTo(crc.getValue());
      assertThatThrownBy(() -> typed.execute(0, 20, 4)).hasMessageContaining("SIGSEGV", "pc=");
      // The library goes on after a crash.
      assertThat(typed.execute(0, data, data.length).asLong()).isEqualTo(crc.getValue());
    }
  }

  @Test
  void floatingPointManyArgumentsAndCallbacks() throws Exception {
    try (Context c = builder().build()) {
      Value m = library(c, "libm.so.6");
      Value pow = m.invokeMember("bind", "pow", "(double, double) : double");
      for (double x : new double[] {0.1, 2, 1e100, 3.7e-200}) {
        double expected = Math.pow(x, 1.5);
        assertThat(pow.execute(x, 1.5).asDouble())
            .isCloseTo(expected, Offset.offset(Math.ulp(expected)));
      }
      assertThat(m.invokeMember("bind", "sqrtf", "(float):float").execute(2f).asFloat())
          .isEqualTo((float) Math.sqrt(2));
      Value libc = library(c, "libc.so.6");
      Value snprintf =
          libc.invokeMember(
              "bind",
              "snprintf",
              "(pointer, u64, string, ...s64, f64, s32, s32, s32, s32, s32, s32, f64) : s32");
      byte[] out = new byte[99];
      int n =
          snprintf
              .execute(
                  out, 99, "%ld %g %d %d %d %d %d %d %g", 1L << 40, 0.25, 1, 2, 3, 4, 5, -6, 7.5)
              .asInt();
      assertThat(new String(out, 0, n, StandardCharsets.US_ASCII))
          .isEqualTo("1099511627776 0.25 1 2 3 4 5 -6 7.5");
      Value qsort =
          libc.invokeMember(
              "bind", "qsort", "([sint32], uint64, uint64, (pointer, pointer):sint32):void");
      int[] numbers = new Random(4).ints(50).toArray();
      int[] sorted = numbers.clone();
      Arrays.sort(sorted);
      ProxyExecutable compare =
          a ->
              Integer.compare(
                  a[0].readBufferInt(ByteOrder.LITTLE_ENDIAN, 0),
                  a[1].readBufferInt(ByteOrder.LITTLE_ENDIAN, 0));
      qsort.execute(numbers, 50, 4, compare);
      assertThat(numbers).isEqualTo(sorted);
      assertThatThrownBy(() -> libc.invokeMember("exit", 3))
          .isInstanceOfSatisfying(
              PolyglotException.class, e -> assertThat(e.getExitStatus()).isEqualTo(3));
    }
  }

  @Test
  void guestMemoryIsABuffer() throws Exception {
    try (Context c = builder().build()) {
      Value libc = library(c, "libc.so.6");
      Value memory = libc.invokeMember("allocate", 100);
      memory.writeBufferLong(ByteOrder.LITTLE_ENDIAN, 8, 0x1122334455667788L);
      Value copy = libc.invokeMember("allocate", 100);
      libc.invokeMember("memcpy", copy, memory, 100);
      assertThat(copy.readBufferInt(ByteOrder.LITTLE_ENDIAN, 8)).isEqualTo(0x55667788);
      assertThat(libc.toString()).startsWith("arm library ");
    }
  }

  /** Of this process, in MiB. */
  private static long reserved() throws Exception {
    String status = Files.readString(Path.of("/proc/self/status"));
    String line = status.lines().filter(l -> l.startsWith("VmSize:")).findFirst().orElseThrow();
    return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
  }

  private static void useOnce() throws Exception {
    try (Context c = builder().build()) {
      Value z = library(c, "libz.so.1");
      assertThat(z.invokeMember("adler32", 1, new byte[] {1, 2, 3}, 3).asLong()).isEqualTo(851975);
    }
  }

  /** Each context reserves 32 GiB of address space while it is open. */
  @Test
  void fiftyContextsLeaveNoMemoryOrThreads() throws Exception {
    useOnce();
    long before = reserved();
    for (int i = 0; i < 50; i++) {
      useOnce();
    }
    assertThat(reserved()).isLessThan(before + 1024);
    assertThat(Thread.getAllStackTraces().keySet().stream().map(Thread::getName))
        .noneMatch(n -> n.startsWith("tuber-") || n.equals("guest"));
  }

  @Test
  void otherFilesAreRefused() {
    try (Context c = builder().build()) {
      byte[] code = {(byte) 0xc0, 0x03, 0x5f, (byte) 0xd6};
      Source source =
          Source.newBuilder("arm", ByteSequence.create(code), "ret")
              .mimeType("application/x-elf")
              .buildLiteral();
      assertThatThrownBy(() -> c.eval(source)).isInstanceOf(PolyglotException.class);
      assertThatThrownBy(() -> c.eval(Source.newBuilder("arm", new File("/bin/true")).build()))
          .hasMessageContaining("not for AArch64");
    }
  }
}
