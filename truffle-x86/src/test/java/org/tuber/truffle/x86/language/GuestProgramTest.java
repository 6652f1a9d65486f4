package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Linux programs, and libraries built here, as an embedder sees them. */
class GuestProgramTest {
  @TempDir static Path folder;

  private static final String HELLO =
      """
      #include <stdio.h>
      #include <stdlib.h>
      int main(int c, char **v) {
        char line[80] = "";
        fgets(line, 80, stdin);
        printf("hello %s, %s", c > 1 ? v[1] : "nobody", line);
        fprintf(stderr, "to the other stream\\n");
        return c > 2 ? atoi(v[2]) : 0;
      }
      """;

  @BeforeAll
  static void hostFits() {
    LinuxGuests.needsLinux();
  }

  private static LinuxGuests.Run run(Path program, String input, String... arguments)
      throws Exception {
    return LinuxGuests.run(
        LinuxGuests.source(program.toString()),
        input.getBytes(StandardCharsets.UTF_8),
        Map.of(),
        arguments);
  }

  @ParameterizedTest
  @CsvSource({"static,-static", "dynamic,-no-pie", "pie,-pie", "staticpie,-static-pie"})
  void aProgramRunsWithTheContextsStreams(String name, String option) throws Exception {
    Path program = LinuxGuests.compile(folder, name, HELLO, option);
    LinuxGuests.Run run = run(program, "how are you?\nwell", "you");
    assertThat(run.out()).isEqualTo("hello you, how are you?\n");
    assertThat(run.errors()).isEqualTo("to the other stream\n");
    assertThat(run.value().asInt()).isZero();
    assertThatThrownBy(() -> run(program, "", "x", "7"))
        .isInstanceOfSatisfying(
            PolyglotException.class,
            e -> {
              assertThat(e.isExit()).isTrue();
              assertThat(e.getExitStatus()).isEqualTo(7);
            });
  }

  @Test
  void aProgramFromBytesAsAFunction() throws Exception {
    byte[] file = Files.readAllBytes(LinuxGuests.compile(folder, "b\u00fctes", HELLO));
    Source source =
        Source.newBuilder("x86", ByteSequence.create(file), "h\u00ebllo").buildLiteral();
    try (Context c =
        LinuxGuests.builder()
            .option("x86.Run", "false")
            .option("x86.Tier", "interp")
            .in(java.io.InputStream.nullInputStream())
            .build()) {
      Value hello = c.eval(source);
      assertThat(hello.execute("a", "5").asInt()).isEqualTo(5);
      assertThat(hello.execute().asInt()).isZero();
    }
  }

  @Test
  void aFatalSignalIsAGuestException() throws Exception {
    Path program =
        LinuxGuests.compile(
            folder, "crash", "int main(int c, char **v) { *(volatile int *) 24 = c; return 0; }");
    assertThatThrownBy(() -> run(program, ""))
        .isInstanceOfSatisfying(
            PolyglotException.class,
            e -> {
              assertThat(e.isGuestException()).isTrue();
              assertThat(e.isExit()).isFalse();
              assertThat(e.getMessage()).contains("SIGSEGV at address 0x18");
            });
  }

  @Test
  @Timeout(60)
  void cancellingEndsAProgram() throws Exception {
    Path program =
        LinuxGuests.compile(
            folder,
            "endless",
            "#include <unistd.h>\nint main() { write(1, \"x\", 1); for (;;) pause(); }");
    cancelled(c -> c.eval(LinuxGuests.source(program.toString())));
  }

  private interface Body {
    void run(Context c) throws Exception;
  }

  /** Runs something endless, cancels it. */
  private static void cancelled(Body body) throws Exception {
    Context c = LinuxGuests.builder().build();
    CompletableFuture<Throwable> outcome = new CompletableFuture<>();
    Thread t =
        new Thread(
            () -> {
              try {
                body.run(c);
                outcome.complete(new AssertionError("it ended"));
              } catch (Exception e) {
                outcome.complete(e);
              }
            });
    t.start();
    assertThat(outcome.completeOnTimeout(null, 1500, TimeUnit.MILLISECONDS).copy())
        .succeedsWithin(Duration.ofSeconds(10));
    c.close(true);
    t.join(30_000);
    assertThat(t.isAlive()).isFalse();
  }

  private static final String LIBRARY =
      """
      #include <pthread.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <unistd.h>
      static __thread int per_thread = 5;
      int counter = 40;
      static int made;
      __attribute__((constructor)) static void make(void) { made = 1; }
      __attribute__((destructor)) static void done(void) { puts("unloaded"); fflush(stdout); }
      int get(void) { return per_thread++ + made; }
      void spin(void) { for (;;) __asm__ volatile(""); }
      int sleepy(void) { return pause(); }
      void say(const char *s) { printf("library says %s\\n", s); fflush(stdout); }
      struct job { int (*f)(int); int in, out; };
      static void *work(void *p) { struct job *j = p; j->out = j->f ? j->f(j->in) : -1; return 0; }
      int on_thread(int (*f)(int), int in) {
        struct job j = {f, in, 0};
        pthread_t t;
        pthread_create(&t, 0, work, &j);
        pthread_join(t, 0);
        return j.out;
      }
      double mean(int n, const double *v) { double s = 0; for (int i = 0; i < n; i++) s += v[i]; return s / n; }
      float half(float x) { return x / 2; }
      long long wide(long long a, int b) { return a * b; }
      double apply(double (*f)(double, int, long long), double x) { return f(x, -3, 1ll << 40); }
      int divide(int a, int b) { return a / b; }
      """;

  private static Value library(Context c) throws Exception {
    Path file = folder.resolve("l\u00efb.so");
    if (!Files.exists(file)) {
      LinuxGuests.compile(folder, "l\u00efb.so", LIBRARY, "-shared", "-fPIC", "-pthread");
    }
    return c.eval(LinuxGuests.source(file.toString()));
  }

  @Test
  void aLibraryIsInitializedPrintsAndIsFinalized() throws Exception {
    var out = new java.io.ByteArrayOutputStream();
    try (Context c = LinuxGuests.builder().option("x86.Tier", "interp").out(out).build()) {
      Value lib = library(c);
      assertThat(lib.invokeMember("get").asInt()).isEqualTo(6);
      assertThat(lib.invokeMember("get").asInt()).isEqualTo(7);
      Value counter = lib.getMember("counter");
      assertThat(counter.readBufferInt(java.nio.ByteOrder.LITTLE_ENDIAN, 0)).isEqualTo(40);
      assertThat(counter.getBufferSize()).isEqualTo(4);
      lib.invokeMember("say", "hi");
      assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("library says hi\n");
      Value mean = lib.invokeMember("bind", "mean", "(sint32, [double]): double");
      assertThat(mean.execute(4, new double[] {1, 2, 3, 4}).asDouble()).isEqualTo(2.5);
      assertThat(lib.invokeMember("bind", "half", "(float):float").execute(3).asFloat())
          .isEqualTo(1.5f);
      Value apply =
          lib.invokeMember("bind", "apply", "((double, sint32, sint64):double, double):double");
      ProxyExecutable f = a -> a[0].asDouble() + a[1].asInt() + a[2].asLong();
      assertThat(apply.execute(f, 0.5).asDouble()).isEqualTo(0.5 - 3 + (1L << 40));
      assertThatThrownBy(() -> lib.invokeMember("divide", 1, 0))
          .hasMessageContaining("SIGFPE")
          .hasMessageContaining("b.so");
      assertThat(lib.invokeMember("divide", 84, 2).asInt()).isEqualTo(42);
      assertThat(
              lib.invokeMember("bind", "on_thread", "(pointer,s32):s32").execute(null, 3).asInt())
          .isEqualTo(-1);
    }
    assertThat(out.toString(StandardCharsets.UTF_8)).endsWith("unloaded\n");
  }

  @Test
  @Timeout(60)
  void cancellingEndsACallThatComputesAndOneThatWaits() throws Exception {
    cancelled(c -> library(c).invokeMember("spin"));
    cancelled(c -> library(c).invokeMember("sleepy"));
  }

  private static final String OBJECT =
      """
      #include <math.h>
      #include <string.h>
      static int calls;
      int common;
      const char *names[] = {"zero", "one", "two"};
      int (*compare)(const char *, const char *) = strcmp;
      static int twice(int x) { calls++; return 2 * x; }
      __attribute__((noinline)) int inner(int x) { return twice(x) + 1; }
      int outer(int x) { return inner(x) + calls + common; }
      int length(int n) { return strlen(names[n]) + (compare("a", "b") < 0 ? 100 : 0); }
      double root(double x) { return cbrt(x); }
      __attribute__((constructor)) static void make(void) { calls = 1000; }
      """;

  @Test
  void anObjectFileIsLinked() throws Exception {
    Path object =
        LinuxGuests.compile(
            folder, "p\u00e4rt.o", OBJECT, "-c", "-fPIC", "-fcommon", "-fno-builtin");
    try (Context c = LinuxGuests.context()) {
      Value o = c.eval(LinuxGuests.source(object.toString()));
      assertThat(o.invokeMember("outer", 5).asInt()).isEqualTo(11 + 1001);
      o.getMember("common").writeBufferInt(java.nio.ByteOrder.LITTLE_ENDIAN, 0, 7);
      assertThat(o.invokeMember("outer", 5).asInt()).isEqualTo(11 + 1002 + 7);
      assertThat(o.invokeMember("length", 2).asInt()).isEqualTo(103);
      assertThat(o.invokeMember("bind", "root", "(f64):f64").execute(8.0).asDouble())
          .isCloseTo(2, org.assertj.core.data.Offset.offset(Math.ulp(2.0)));
      assertThat(o.getMemberKeys()).contains("outer", "names").doesNotContain("twice");
      Path absolute =
          LinuxGuests.compile(
              folder, "abs.o", "int v; int get(int i) { return (&v)[i]; }", "-c", "-fno-pic");
      assertThatThrownBy(() -> c.eval(LinuxGuests.source(absolute.toString())))
          .hasMessageContaining("-fPIC");
    }
  }

  @Test
  @Timeout(60)
  void aCallFromAThreadOfTheLibraryIsRefused() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value lib = library(c);
      Value onThread = lib.invokeMember("bind", "on_thread", "((sint32):sint32, sint32):sint32");
      ProxyExecutable f = a -> a[0].asInt();
      assertThatThrownBy(() -> onThread.execute(f, 1))
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("on a thread that the library made");
      assertThatThrownBy(() -> lib.invokeMember("get")).hasMessageContaining("on a thread");
      // Its own functions are no matter, and another process is not concerned.
      Value other = library(c);
      Value abs = other.invokeMember("symbol", "abs");
      assertThat(other.invokeMember("on_thread", abs, -3).asInt()).isEqualTo(3);
    }
  }

  @Test
  @Timeout(60)
  void threadsTakeTurns() throws Exception {
    try (Context c = LinuxGuests.context()) {
      Value lib = library(c);
      assertThat(lib.invokeMember("get").asInt()).isEqualTo(6);
      CompletableFuture<Integer> second =
          CompletableFuture.supplyAsync(() -> lib.invokeMember("get").asInt());
      assertThat(second.get(30, TimeUnit.SECONDS)).isEqualTo(7);
      assertThat(lib.invokeMember("get").asInt()).isEqualTo(8);
    }
  }

  @Test
  void aMissingDependencyIsSaid() throws Exception {
    Path dependency =
        LinuxGuests.compile(folder, "libgone.so", "int gone(void){return 1;}", "-shared", "-fPIC");
    Path user =
        LinuxGuests.compile(
            folder,
            "libuser.so",
            "int gone(void); int use(void){return gone();}",
            "-shared",
            "-fPIC",
            "-L" + folder,
            "-lgone");
    Files.delete(dependency);
    try (Context c = LinuxGuests.context()) {
      assertThatThrownBy(() -> c.eval(LinuxGuests.source(user.toString())))
          .hasMessageContaining("libgone.so")
          .hasMessageContaining("cannot open shared object file");
    }
  }
}
