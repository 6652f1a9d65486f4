package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import java.util.zip.CRC32;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Libraries for i386, from a sysroot: what {@code .ci/fetch-i386} puts there. */
class GuestLibrary32Test {
  private static Path sysroot;

  @BeforeAll
  static void hostFits() {
    LinuxGuests.needsLinux();
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"));
    Path folder = guests == null ? home.resolve(".cache/tuber/guests") : Path.of(guests);
    sysroot = folder.resolve("i386");
    LinuxGuests.needs(sysroot.resolve("lib/ld-linux.so.2").toString());
  }

  private static Context context() {
    return LinuxGuests.builder()
        .option("x86.Tier", "interp")
        .option("x86.Sysroot", Objects.toString(sysroot))
        .build();
  }

  private static Value library(Context c, String name) throws Exception {
    return LinuxGuests.library(c, sysroot.resolve("lib/i386-linux-gnu").resolve(name).toString());
  }

  @Test
  void checksumOfZlib() throws Exception {
    byte[] data = new byte[5000];
    new Random(3).nextBytes(data);
    CRC32 crc = new CRC32();
    crc.update(data);
    try (Context c = context()) {
      Value z = library(c, "libz.so.1");
      assertThat(z.invokeMember("crc32", 0, data, data.length).asLong() & 0xffff_ffffL)
          .isEqualTo(crc.getValue());
      Value typed = z.invokeMember("bind", "crc32", "(u32, pointer, u32) : u32");
      assertThat(typed.execute(0, data, data.length).asLong()).isEqualTo(crc.getValue());
      assertThatThrownBy(() -> typed.execute(0, 20, 4)).hasMessageContaining("SIGSEGV");
    }
  }

  @Test
  void floatingPointWideIntegersAndCallbacks() throws Exception {
    try (Context c = context()) {
      Value m = library(c, "libm.so.6");
      Value pow = m.invokeMember("bind", "pow", "(double, double) : double");
      for (double x : new double[] {0.1, 2, 1e100, 3.7e-200}) {
        double expected = Math.pow(x, 1.5);
        assertThat(pow.execute(x, 1.5).asDouble())
            .isCloseTo(expected, org.assertj.core.data.Offset.offset(Math.ulp(expected)));
      }
      assertThat(m.invokeMember("bind", "sqrtf", "(float):float").execute(2f).asFloat())
          .isEqualTo((float) Math.sqrt(2));
      Value libc = library(c, "libc.so.6");
      Value strtoll = libc.invokeMember("bind", "strtoll", "(string, pointer, sint32) : sint64");
      assertThat(strtoll.execute("-123456789012345", null, 10).asLong())
          .isEqualTo(-123456789012345L);
      byte[] out = new byte[64];
      Value snprintf =
          libc.invokeMember("bind", "snprintf", "(pointer, u32, string, ...s64, f64) : s32");
      int n = snprintf.execute(out, 64, "%lld %g", 1L << 40, 0.25).asInt();
      assertThat(new String(out, 0, n, StandardCharsets.US_ASCII)).isEqualTo("1099511627776 0.25");
      Value qsort =
          libc.invokeMember(
              "bind", "qsort", "([sint32], uint32, uint32, (pointer, pointer):sint32):void");
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
    }
  }
}
