package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.Inflater;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Functions of this host's Debian libraries, called from Java and compared with the JDK. */
class GuestLibraryTest {
  private static final String ZLIB = LinuxGuests.AMD64 + "libz.so.1";
  private static final String LIBC = LinuxGuests.AMD64 + "libc.so.6";
  private static final String LIBM = LinuxGuests.AMD64 + "libm.so.6";

  @BeforeAll
  static void hostFits() {
    LinuxGuests.needsLinux();
  }

  private static byte[] text() {
    byte[] b = new byte[20_000];
    Random r = new Random(1);
    for (int i = 0; i < b.length; i++) {
      b[i] = (byte) ('a' + r.nextInt(4));
    }
    return b;
  }

  @Test
  void checksumsOfZlibAreThoseOfTheJdk() throws Exception {
    byte[] data = text();
    CRC32 crc = new CRC32();
    crc.update(data);
    Adler32 adler = new Adler32();
    adler.update(data);
    try (Context c = LinuxGuests.context()) {
      Value z = LinuxGuests.library(c, ZLIB);
      // Types inferred: word, buffer, word.
      assertThat(z.getMember("crc32").execute(0, data, data.length).asLong())
          .isEqualTo(crc.getValue());
      assertThat(z.invokeMember("adler32", 1, ByteBuffer.wrap(data), data.length).asLong())
          .isEqualTo(adler.getValue());
      assertThat(z.getMemberKeys()).contains("crc32", "inflate", "zlibVersion", "bind");
      assertThat(z.hasMember("crc33")).isFalse();
      assertThat(z.invokeMember("bind", "zlibVersion", "():string").execute().asString())
          .startsWith("1.");
    }
  }

  @Test
  void compressesAndUncompresses() throws Exception {
    byte[] data = text();
    try (Context c = LinuxGuests.context()) {
      Value z = LinuxGuests.library(c, ZLIB);
      Value compress = z.invokeMember("bind", "compress", "(pointer,[u64],pointer,u64):s32");
      byte[] packed = new byte[data.length];
      long[] size = {packed.length};
      assertThat(compress.execute(packed, size, data, data.length).asInt()).isZero();
      assertThat(size[0]).isLessThan(data.length / 2);
      Inflater inflater = new Inflater();
      inflater.setInput(packed, 0, (int) size[0]);
      byte[] back = new byte[data.length];
      assertThat(inflater.inflate(back)).isEqualTo(data.length);
      assertThat(back).isEqualTo(data);

      // The other way round in guest memory, by its malloc and free.
      Value source = z.invokeMember("allocate", size[0]);
      for (int i = 0; i < size[0]; i++) {
        source.writeBufferByte(i, packed[i]);
      }
      Value target = z.invokeMember("allocate", data.length);
      Value length = z.invokeMember("allocate", 8);
      length.writeBufferLong(ByteOrder.LITTLE_ENDIAN, 0, data.length);
      assertThat(z.invokeMember("uncompress", target, length, source, size[0]).asInt()).isZero();
      assertThat(length.readBufferLong(ByteOrder.LITTLE_ENDIAN, 0)).isEqualTo(data.length);
      byte[] result = new byte[data.length];
      target.readBuffer(0, result, 0, result.length);
      assertThat(result).isEqualTo(data);
      assertThat(target.getBufferSize()).isEqualTo(data.length);
      z.invokeMember("free", target);
    }
  }

  @Test
  void floatingPointOfLibm() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value m = LinuxGuests.library(c, LIBM);
      // Indirect functions: their resolvers choose by CPUID.
      Value sin = m.getMember("sin").invokeMember("bind", "(DOUBLE) : DOUBLE");
      Value pow = m.invokeMember("bind", "pow", "(f64, f64): f64");
      Value sqrt = m.invokeMember("bind", "sqrtf", "(FLOAT):FLOAT");
      for (double x : new double[] {0, 0.5, 1, -3, 1e10}) {
        assertThat(sin.execute(x).asDouble()).isCloseTo(Math.sin(x), within(Math.sin(x)));
        assertThat(pow.execute(Math.abs(x), 1.5).asDouble())
            .isCloseTo(Math.pow(Math.abs(x), 1.5), within(Math.pow(Math.abs(x), 1.5)));
      }
      assertThat(sqrt.execute(2f).asFloat()).isEqualTo((float) Math.sqrt(2));
      Value frexp = m.invokeMember("bind", "frexp", "(double, [sint32]):double");
      int[] exponent = {0};
      assertThat(frexp.execute(48.0, exponent).asDouble()).isEqualTo(0.75);
      assertThat(exponent[0]).isEqualTo(6);
    }
  }

  private static org.assertj.core.data.Offset<Double> within(double x) {
    return org.assertj.core.data.Offset.offset(Math.ulp(x));
  }

  @Test
  void sortsWithAComparisonInJava() throws Exception {
    int[] numbers = new Random(2).ints(300).toArray();
    int[] sorted = numbers.clone();
    Arrays.sort(sorted);
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LIBC);
      Value qsort =
          libc.invokeMember(
              "bind", "qsort", "([sint32], uint64, uint64, (pointer, pointer):sint32):void");
      ProxyExecutable compare =
          a ->
              Integer.compare(
                  a[0].readBufferInt(ByteOrder.LITTLE_ENDIAN, 0),
                  a[1].readBufferInt(ByteOrder.LITTLE_ENDIAN, 0));
      assertThat(qsort.execute(numbers, numbers.length, 4, compare).isNull()).isTrue();
      assertThat(numbers).isEqualTo(sorted);
    }
  }

  @Test
  void nestedCallsAndExceptionsOfCallbacks() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LIBC);
      Value qsort =
          libc.invokeMember("bind", "qsort", "(pointer, u64, u64, (pointer, pointer):sint32):void");
      Value strcmp = libc.invokeMember("bind", "strcmp", "(pointer,pointer):sint32");
      byte[] words = "pear\0\0\0\0fig\0\0\0\0\0apple\0\0\0".getBytes(StandardCharsets.US_ASCII);
      ProxyExecutable viaGuest = a -> strcmp.execute(a[0], a[1]).asInt();
      qsort.execute(words, 3, 8, viaGuest);
      assertThat(new String(words, StandardCharsets.US_ASCII).replaceAll("\0+", " "))
          .isEqualTo("apple fig pear ");

      int[] calls = {0};
      ProxyExecutable fails =
          a -> {
            if (++calls[0] == 2) {
              throw new IllegalArgumentException("enough");
            }
            return 0;
          };
      assertThatThrownBy(() -> qsort.execute(new byte[64], 8, 8, fails))
          .isInstanceOfSatisfying(
              PolyglotException.class,
              e -> {
                assertThat(e.isHostException()).isTrue();
                assertThat(e.asHostException()).hasMessage("enough");
              });
      assertThat(strcmp.execute("a", "a").asInt()).isZero();

      // One that outlives the call it was passed to.
      StringBuilder seen = new StringBuilder();
      ProxyExecutable note = a -> seen.append(a[0].asInt()).append(' ').length();
      Value kept = libc.invokeMember("callback", note, "(sint32):void");
      libc.invokeMember("signal", 10, kept);
      libc.invokeMember("raise", 10);
      assertThat(seen.toString()).isEqualTo("10 ");
      Value signal = libc.invokeMember("bind", "signal", "(sint32, (sint32):void):pointer");
      signal.execute(12, note);
      assertThatThrownBy(() -> libc.invokeMember("raise", 12))
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("after the call it was passed to");
    }
  }

  @Test
  void variadicFunctionsAndManyArguments() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LIBC);
      Value snprintf =
          libc.invokeMember(
              "bind",
              "snprintf",
              "(pointer, u64, string, ...string, double, sint32, sint64, u8, sint32, sint32):sint32");
      byte[] out = new byte[100];
      int n =
          snprintf
              .execute(out, 100, "%s %.3f %d %ld %u %d %d", "x\u00e9", 2.5, -1, -2L, 200, 7, 8)
              .asInt();
      assertThat(new String(out, 0, n, StandardCharsets.UTF_8))
          .isEqualTo("x\u00e9 2.500 -1 -2 200 7 8");
      // Inferred, ten doubles: two of them on the stack.
      Object[] many = new Object[13];
      many[0] = out;
      many[1] = 100;
      many[2] = "%g %g %g %g %g %g %g %g %g %g";
      for (int i = 0; i < 10; i++) {
        many[3 + i] = i + 0.5;
      }
      n = libc.getMember("snprintf").execute(many).asInt();
      assertThat(new String(out, 0, n, StandardCharsets.UTF_8))
          .isEqualTo("0.5 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5");
    }
  }

  @Test
  void dataSymbolsAndMemory() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LIBC);
      Value stdout = libc.getMember("stdout");
      assertThat(stdout.getBufferSize()).isEqualTo(8);
      long address = stdout.readBufferLong(ByteOrder.LITTLE_ENDIAN, 0);
      assertThat(address).isNotZero();
      Value memory = libc.getMember("memory");
      assertThat(memory.readBufferLong(ByteOrder.LITTLE_ENDIAN, stdout.asNativePointer()))
          .isEqualTo(address);
      assertThatThrownBy(() -> memory.readBufferByte(16)).isInstanceOf(Exception.class);
      Value s = libc.invokeMember("bind", "strdup", "(string):pointer").execute("hello");
      assertThat(s.invokeMember("string").asString()).isEqualTo("hello");
      assertThat(s.invokeMember("slice", 1, 3).readBufferByte(2)).isEqualTo((byte) 'l');
      s.writeBufferByte(0, (byte) 'j');
      assertThat(libc.invokeMember("bind", "strlen", "(pointer):u64").execute(s).asInt())
          .isEqualTo(5);
      assertThat(s.invokeMember("string").asString()).isEqualTo("jello");
    }
  }

  @Test
  void faultsAreExceptionsAndTheLibraryStaysUsable() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LIBC);
      Value strlen = libc.getMember("strlen");
      assertThatThrownBy(() -> strlen.execute(0x1234))
          .isInstanceOfSatisfying(
              PolyglotException.class,
              e -> {
                assertThat(e.isGuestException()).isTrue();
                assertThat(e.getMessage()).contains("SIGSEGV at address 0x1234", "strlen", "rip=");
              });
      assertThat(strlen.execute("four").asInt()).isEqualTo(4);
      assertThatThrownBy(() -> libc.invokeMember("abort"))
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("SIGABRT");
      assertThatThrownBy(() -> strlen.execute("x"))
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("SIGABRT");
      Value another = LinuxGuests.library(c, LIBC);
      assertThatThrownBy(() -> another.invokeMember("exit", 3))
          .isInstanceOfSatisfying(
              PolyglotException.class,
              e -> {
                assertThat(e.isExit()).isTrue();
                assertThat(e.getExitStatus()).isEqualTo(3);
              });
    }
  }

  @Test
  void wrongArgumentsAreRefused() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LIBC);
      Value abs = libc.invokeMember("bind", "abs", "(sint32):sint32");
      assertThat(abs.execute(-5).asInt()).isEqualTo(5);
      assertThatThrownBy(() -> abs.execute(1, 2)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> abs.execute(1L << 40)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> abs.execute("x")).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> abs.execute(new Object()))
          .isInstanceOf(IllegalArgumentException.class);
      for (String bad :
          new String[] {"", "(", "(sint32)", "(foo):void", "():", "(void):void", "():void x"}) {
        assertThatThrownBy(() -> libc.invokeMember("bind", "abs", bad))
            .as(bad)
            .isInstanceOf(PolyglotException.class)
            .hasMessageContaining("expected");
      }
      assertThatThrownBy(() -> libc.invokeMember("bind", "no_such", "():void"))
          .hasMessageContaining("no function 'no_such'");
      assertThatThrownBy(() -> libc.invokeMember("symbol", "no_such"))
          .hasMessageContaining("no symbol 'no_such'");
    }
  }

  @Test
  void librariesFromBytesAndWhatIsNone() throws Exception {
    LinuxGuests.needs(ZLIB);
    byte[] file = java.nio.file.Files.readAllBytes(java.nio.file.Path.of(ZLIB));
    try (Context c = LinuxGuests.context()) {
      Value z = c.eval(bytes(file));
      assertThat(z.invokeMember("crc32", 0, new byte[] {1, 2, 3}, 3).asLong())
          .isEqualTo(0x55bc801dL);
      assertThatThrownBy(
              () ->
                  c.eval(
                      Source.newBuilder("x86", ByteSequence.create(new byte[100]), "zeros")
                          .mimeType(X86Language.ELF)
                          .build()))
          .hasMessageContaining("not an ELF file");
      byte[] arm = file.clone();
      arm[18] = (byte) 183;
      assertThatThrownBy(() -> c.eval(bytes(arm))).hasMessageContaining("not for x86");
      assertThatThrownBy(() -> c.eval(bytes(Arrays.copyOf(file, 70))))
          .isInstanceOf(PolyglotException.class);
      assertThatThrownBy(() -> c.eval(bytes(Arrays.copyOf(file, 5000))))
          .isInstanceOf(PolyglotException.class);
    }
    try (Context c =
        Context.newBuilder("x86").option("engine.WarnInterpreterOnly", "false").build()) {
      assertThatThrownBy(() -> c.eval(bytes(file))).hasMessageContaining("native access");
    }
  }

  private static Source bytes(byte[] file) {
    return Source.newBuilder("x86", ByteSequence.create(file), "file").buildLiteral();
  }
}
