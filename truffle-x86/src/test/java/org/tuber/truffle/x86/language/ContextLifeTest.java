package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Value;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a closed context leaves behind: nothing. */
class ContextLifeTest {
  private static final int CONTEXTS = 50;
  private static final int WARM_UP = 5;

  @BeforeAll
  static void hostFits() {
    LinuxGuests.needsLinux();
  }

  /** Of this process: the largest part is reserved address space, 32 GiB for each context. */
  private record Footprint(long reservedMegabytes, long residentMegabytes, int descriptors) {
    static Footprint now() throws IOException {
      System.gc();
      String status = Files.readString(Path.of("/proc/self/status"));
      try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
        // Of the Java heap what is in use: how much of it lies fallow is the collector's affair,
        // and
        // depends on the tests before.
        long fallow = Runtime.getRuntime().freeMemory() >> 20;
        return new Footprint(
            megabytes(status, "VmSize"), megabytes(status, "RssAnon") - fallow, (int) open.count());
      }
    }

    private static long megabytes(String status, String name) {
      String line = status.lines().filter(l -> l.startsWith(name + ":")).findFirst().orElseThrow();
      return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
    }
  }

  private static Set<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(n -> n.startsWith("tuber-") || n.equals("guest"))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static void use(boolean program) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (Context c =
        LinuxGuests.builder()
            .option("x86.Tier", "interp")
            .arguments("x86", new String[] {"-c", "sleep 5 & sleep 0.01; kill $!; echo done"})
            .out(out)
            .build()) {
      Value z = LinuxGuests.library(c, LinuxGuests.AMD64 + "libz.so.1");
      assertThat(z.invokeMember("adler32", 1, new byte[] {1, 2, 3}, 3).asLong()).isEqualTo(851975);
      if (program) {
        c.eval(LinuxGuests.source("/bin/dash"));
      }
    }
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(program ? "done\n" : "");
  }

  @Test
  void fiftyContextsLeaveNoMemoryThreadsOrDescriptors() throws Exception {
    LinuxGuests.needs("/bin/dash");
    for (int i = 0; i < WARM_UP; i++) {
      use(true);
    }
    Footprint before = Footprint.now();
    for (int i = 0; i < CONTEXTS; i++) {
      use(i % 5 == 0);
    }
    Footprint after = Footprint.now();
    assertThat(threads()).isEmpty();
    assertThat(after.descriptors()).isLessThanOrEqualTo(before.descriptors() + 2);
    assertThat(after.reservedMegabytes()).isLessThan(before.reservedMegabytes() + 1024);
    assertThat(after.residentMegabytes()).isLessThan(before.residentMegabytes() + 100);
  }

  /** A fault in what a thread of the library does ends its process, and a call says so. */
  @Test
  void aFaultOfAnotherThreadIsReported() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value libc = LinuxGuests.library(c, LinuxGuests.AMD64 + "libc.so.6");
      Value create =
          libc.invokeMember("bind", "pthread_create", "(pointer, pointer, pointer, u64):sint32");
      long[] thread = {0};
      assertThatThrownBy(
              () -> {
                // The thread may be faster than this call.
                create.execute(thread, null, libc.getMember("strlen"), 16);
                for (int i = 0; i < 100; i++) {
                  libc.invokeMember("usleep", 50_000);
                }
              })
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("SIGSEGV at address 0x10");
    }
  }
}
