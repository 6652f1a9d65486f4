package org.tuber.launcher.user;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs for AArch64: of a sysroot, what {@code .ci/fetch-arm64} puts there, beside the same
 * under qemu-aarch64; and some built by a cross compiler, beside the same built for the host.
 */
class UserProgramArm64Test {
  private static final String COMPILER = "/usr/bin/aarch64-linux-gnu-gcc";
  private static final String QEMU = "/usr/bin/qemu-aarch64";

  @TempDir Path folder;
  private static String sysroot;

  @BeforeAll
  static void hostFits() {
    Programs.needsHost();
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"));
    Path all = guests == null ? home.resolve(".cache/tuber/guests") : Path.of(guests);
    sysroot = all.resolve("arm64-sysroot").toString();
    Programs.needs(sysroot + "/usr/bin/python3");
    Programs.needs(COMPILER);
    Programs.needs(QEMU);
  }

  /** The sysroot's program under qemu-aarch64, and under Tuber. */
  private void same(String program, String... arguments) throws Exception {
    List<String> plain = new ArrayList<>(List.of(QEMU, "-L", sysroot, sysroot + program));
    plain.addAll(List.of(arguments));
    List<String> emulated = new ArrayList<>(List.of("-L", sysroot, program));
    emulated.addAll(List.of(arguments));
    Programs.same(folder, plain, emulated);
  }

  private Path data(int numbers) throws Exception {
    StringBuilder text = new StringBuilder();
    long x = 88172645463325252L;
    for (int i = 0; i < numbers; i++) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      text.append(Long.toString(x >>> (i & 31), 36)).append(i % 7 == 0 ? '\n' : ' ');
    }
    return Files.writeString(folder.resolve("data"), text);
  }

  /** What the kernel does is the same for programs built for the host. */
  @ParameterizedTest
  @ValueSource(strings = {"calls", "descriptors", "tasks", "sizes", "usage", "limits"})
  void systemCallsOfManyKinds(String name) throws Exception {
    String source = Files.readString(Programs.resource(name + ".c"));
    List<String> options = List.of("-static", "-w", "-pthread");
    Path own = Files.createDirectory(folder.resolve("host"));
    Path guest = Files.createDirectory(folder.resolve("guest"));
    Path plain = Programs.compile(own, name, source, options);
    Path emulated = Programs.compile(COMPILER, guest, name, source, options);
    Path errors = folder.resolve("errors");
    Programs.Result expected = Programs.runNative(own, List.of(plain.toString()));
    Programs.Result actual = Programs.runEmulated(guest, List.of(emulated.toString()), errors);
    assertThat(actual.out())
        .as(Files.readString(errors))
        .isEqualTo(expected.out().replace("x86_64\n", "aarch64\n"));
    assertThat(actual.status()).isEqualTo(expected.status());
  }

  @Test
  void damagedHeaders() throws Exception {
    Programs.damaged(COMPILER, folder, List.of("-static"));
  }

  /** A handler sees and changes vector registers, and FPCR is the thread's own. */
  @Test
  void vectorsInSignalFrames() throws Exception {
    String source =
        """
        #include <fenv.h>
        #include <signal.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/auxv.h>
        #include <ucontext.h>
        static void handler(int s, siginfo_t *i, void *p) {
          ucontext_t *u = p;
          struct fpsimd_context *f = (void *)u->uc_mcontext.__reserved;
          uint64_t v[2];
          memcpy(v, &f->vregs[9], 16);
          printf("%d %x %u %lx %lx %x\\n", s, f->head.magic, f->head.size, (long)v[0], (long)v[1],
                 f->fpcr);
          v[1] = 7;
          memcpy(&f->vregs[9], v, 16);
          f->fpcr = 0;
          u->uc_mcontext.pc += 4;
        }
        int main(void) {
          struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
          sigaction(SIGTRAP, &a, 0);
          fesetround(FE_UPWARD);
          uint64_t low = 0x1122334455667788, high;
          __asm__ volatile("dup v9.2d, %1\\n brk #5\\n mov %0, v9.d[1]" : "=r"(high) : "r"(low) : "v9");
          uint64_t midr;
          __asm__ volatile("mrs %0, midr_el1" : "=r"(midr));
          printf("%ld %d %d %d\\n", (long)high, fegetround() == FE_TONEAREST, midr != 0,
                 (getauxval(AT_HWCAP) & 0x803) == 0x803);
          return 0;
        }
        """;
    Path program = Programs.compile(COMPILER, folder, "frames", source, List.of("-static", "-lm"));
    Path errors = folder.resolve("errors");
    Programs.Result r = Programs.runEmulated(folder, List.of(program.toString()), errors);
    assertThat(r.out())
        .as(Files.readString(errors))
        .isEqualTo(
            """
            5 46508001 528 1122334455667788 1122334455667788 400000
            7 1 1 1
            """);
    assertThat(r.status()).isZero();
  }

  /** By load-exclusive and by LSE, whichever the CPU has. */
  @ParameterizedTest
  @ValueSource(strings = {"cortex-a57", "max"})
  void threadsCountTogether(String model) throws Exception {
    String source =
        """
        #include <pthread.h>
        #include <stdatomic.h>
        #include <stdio.h>
        static _Atomic long atomic;
        static long guarded;
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static void *count(void *unused) {
          for (int i = 0; i < 50000; i++) {
            atomic++;
            if (i % 10 == 0) {
              pthread_mutex_lock(&lock);
              guarded++;
              pthread_mutex_unlock(&lock);
            }
          }
          return unused;
        }
        int main(void) {
          pthread_t t[4];
          for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, count, 0);
          for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
          printf("%ld %ld\\n", atomic, guarded);
          return 0;
        }
        """;
    Path program =
        Programs.compile(COMPILER, folder, "threads", source, List.of("-static", "-pthread"));
    List<String> command = List.of("-cpu", model, program.toString());
    Programs.Result r = Programs.runEmulated(folder, command, folder.resolve("errors"));
    assertThat(r.out()).isEqualTo("200000 20000\n");
  }

  /** Results and FPSR, in whichever tier they are computed. */
  @ParameterizedTest
  @ValueSource(strings = {"floats", "bytes"})
  void arithmeticOfManyKinds(String name) throws Exception {
    String source = Files.readString(Programs.resource(name + ".c"));
    List<String> options = List.of("-static", "-w", "-march=armv8.2-a+i8mm");
    String program = Programs.compile(COMPILER, folder, name, source, options).toString();
    List<String> model = List.of("-cpu", "max");
    List<String> plain = Programs.join(Programs.join(List.of(QEMU), "-cpu", "max"), program);
    Programs.same(folder, plain, Programs.join(model, program));
  }

  @Test
  void bashForksPipesAndTraps() throws Exception {
    String script =
        "x=$(echo sub; (exit 3)); echo $x $?; trap 'echo usr1' USR1; kill -USR1 $$; "
            + "cat < <(echo fifo); echo $((7 ** 20)); sleep 0.2 & wait $!; echo $?; "
            + "(kill -9 $BASHPID); echo $?; uname -m; exit 7";
    Path errors = folder.resolve("errors");
    Programs.Result r =
        Programs.runEmulated(folder, List.of("-L", sysroot, "/bin/bash", "-c", script), errors);
    assertThat(r.out())
        .as(Files.readString(errors))
        .isEqualTo("sub 3\nusr1\nfifo\n79792266297612001\n0\n137\naarch64\n");
    assertThat(r.status()).isEqualTo(7);
  }

  @Test
  void coreutils() throws Exception {
    String file = data(60_000).toString();
    same("/usr/bin/sort", file);
    same("/usr/bin/sha256sum", file);
  }

  @Test
  void compressors() throws Exception {
    String file = data(20_000).toString();
    same("/bin/bzip2", "-c", file);
    same("/usr/bin/xz", "-2", "-T2", "--block-size=64KiB", "-c", file);
    same("/usr/bin/zstd", "-T2", "-q", "-c", file);
  }

  @Test
  void openssl() throws Exception {
    String file = data(20_000).toString();
    same("/usr/bin/openssl", "dgst", "-sha512", file);
    String key = "00112233445566778899aabbccddeeff";
    same("/usr/bin/openssl", "enc", "-aes-128-ctr", "-K", key, "-iv", "00", "-in", file);
  }

  @Test
  void sqlite() throws Exception {
    String query =
        "with recursive c(x) as (select 1 union all select x+1 from c where x<5000)"
            + " select sum(x), group_concat(x%7,'') from c where x%50=0;"
            + " select sin(1.5), 0.1+0.2, printf('%.17g', 1e22/7);";
    same("/usr/bin/sqlite3", ":memory:", query);
  }

  @Test
  void perl() throws Exception {
    same("/usr/bin/perl", "-e", Programs.PERL);
  }

  @Test
  void python() throws Exception {
    String program =
        """
        import json, re, threading, hashlib, os
        out = []
        ts = [threading.Thread(target=lambda i=i: out.append(i)) for i in range(4)]
        [t.start() for t in ts]; [t.join() for t in ts]
        print(sorted(out), json.dumps({"a": [1, 2.5, None]}), re.findall(r"\\d+", "a1b22"))
        print(hashlib.sha256(b"x" * 1000).hexdigest(), 2.0 ** 0.5, os.uname().machine)
        """;
    same("/usr/bin/python3", "-c", program);
  }

  /** The guest's own compiler runs its passes, and what it links runs. */
  @Test
  void gccCompilesAndLinks() throws Exception {
    String gcc = "/usr/bin/aarch64-linux-gnu-gcc-12";
    Programs.needs(sysroot + gcc);
    String source =
        """
        #include <stdio.h>
        static unsigned long mix(unsigned long x) { x ^= x << 13; x ^= x >> 7; return x ^ x << 17; }
        int main(void) {
          unsigned long x = 88172645463325252;
          double r = 0;
          for (int i = 0; i < 1000; i++) { x = mix(x); r = r / 3 + i * 0.25; }
          printf("%lu %.17g\\n", x, r);
          return (int)(x % 77);
        }
        """;
    Path file = Files.writeString(folder.resolve("mix.c"), source);
    Path program = folder.resolve("mix");
    Path errors = folder.resolve("errors");
    List<String> compile =
        List.of("-L", sysroot, gcc, "-O1", file.toString(), "-o", program.toString());
    Programs.Result built = Programs.runEmulated(folder, compile, errors);
    assertThat(built.status()).as(Files.readString(errors)).isZero();
    List<String> plain = List.of(QEMU, "-L", sysroot, program.toString());
    Programs.same(folder, plain, List.of("-L", sysroot, program.toString()));
  }
}
