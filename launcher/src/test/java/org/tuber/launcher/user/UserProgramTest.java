package org.tuber.launcher.user;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.launcher.TuberProcess;

/** Programs of this host, and some built here, under {@code tuber user} and without it. */
class UserProgramTest {
  @TempDir static Path folder;

  @BeforeAll
  static void hostFits() {
    Programs.needsHost();
  }

  private static void same(String... command) throws Exception {
    Programs.same(folder, List.of(command), List.of(command));
  }

  private static Path build(String name, String source, String... options) throws Exception {
    return Programs.compile(folder, name, source, List.of(options));
  }

  @ParameterizedTest
  @CsvSource({"static,-static", "dynamic,-no-pie", "pie,-pie"})
  void helloInEachKindOfElf(String name, String option) throws Exception {
    String source =
        "#include <stdio.h>\nint main(int c, char **v) { printf(\"%d %s\\n\", c, v[1]); return 3; }";
    same(build(name, source, option).toString(), "x");
  }

  @Test
  void threadsLocksAndSignals() throws Exception {
    String source =
        """
        #include <pthread.h>
        #include <signal.h>
        #include <stdatomic.h>
        #include <stdio.h>
        #include <unistd.h>
        static _Atomic long atomic;
        static long guarded;
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static volatile sig_atomic_t got;
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
        static void handler(int s, siginfo_t *i, void *c) { got = s; }
        int main(void) {
          pthread_t t[4];
          for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, count, 0);
          for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
          printf("%ld %ld\\n", atomic, guarded);
          struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
          sigaction(SIGALRM, &a, 0);
          ualarm(100000, 0);
          int r = pause();
          printf("%d %d\\n", r, got);
          return 0;
        }
        """;
    same(build("threads", source, "-pthread").toString());
  }

  @Test
  void aFaultReachesItsHandlerAndAFatalOneTheParent() throws Exception {
    String source =
        """
        #include <setjmp.h>
        #include <signal.h>
        #include <stdio.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static sigjmp_buf back;
        static void handler(int s, siginfo_t *i, void *c) {
          printf("%d %d %p\\n", s, i->si_code, i->si_addr);
          siglongjmp(back, 1);
        }
        int main(void) {
          struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
          sigaction(SIGSEGV, &a, 0);
          if (!sigsetjmp(back, 1)) *(volatile int *)0x1234 = 1;
          if (!sigsetjmp(back, 1)) *(volatile int *)main = 1;
          fflush(stdout);
          pid_t p = fork();
          if (p == 0) { signal(SIGSEGV, SIG_DFL); *(volatile int *)0 = 1; }
          int status;
          waitpid(p, &status, 0);
          printf("%d %d\\n", WIFSIGNALED(status), WTERMSIG(status));
          return 0;
        }
        """;
    same(build("faults", source, "-no-pie").toString());
  }

  @Test
  void bashForksPipesAndTraps() throws Exception {
    Programs.needs("/usr/bin/bash");
    String script =
        "ls /etc | sort | head -5; x=$(echo sub; (exit 3)); echo $x $?; "
            + "trap 'echo usr1' USR1; kill -USR1 $$; cat < <(echo fifo); "
            + "sleep 0.2 & wait $!; echo $?; (kill -9 $BASHPID); echo $?; exit 7";
    same("/usr/bin/bash", "-c", script);
  }

  @Test
  void coreutilsSortAndDigest() throws Exception {
    same("/usr/bin/sort", "/etc/passwd");
    same("/usr/bin/sha256sum", "/usr/bin/sort");
  }

  @Test
  void python() throws Exception {
    Programs.needs("/usr/bin/python3");
    String program =
        """
        import json, re, threading, subprocess
        out = []
        ts = [threading.Thread(target=lambda i=i: out.append(i)) for i in range(4)]
        [t.start() for t in ts]; [t.join() for t in ts]
        print(sorted(out), json.dumps({"a": [1, 2.5, None]}), re.findall(r"\\d+", "a1b22"))
        print(subprocess.run(["echo", "child"], capture_output=True))
        """;
    same("/usr/bin/python3", "-c", program);
  }

  /** The JVM, and what {@code ./tuber} says of its caller. */
  @Test
  void theLimitOfDescriptorsIsTheCallers() throws Exception {
    ProcessBuilder tuber =
        TuberProcess.builder(
            true,
            "user",
            "/bin/bash",
            "-c",
            "exec 2>&1; ulimit -Sn; for i in {1..30}; do exec {x}< /dev/null; done");
    List<String> limited = new ArrayList<>(tuber.command());
    limited.add(1, "-Dtuber.user.files=20");
    Programs.Result r = Programs.runNative(folder, limited);
    assertThat(r.out()).startsWith("20\n").contains("Too many open files");
  }

  @ParameterizedTest
  @ValueSource(strings = {"calls", "descriptors", "tasks", "sizes", "usage", "limits", "faults"})
  void systemCallsOfManyKinds(String name) throws Exception {
    String source = Files.readString(Programs.resource(name + ".c"));
    same(build(name, source, "-w", "-pthread").toString());
  }

  /** By the scripts that start Tuber: the JVM cannot tell its own descriptors from others. */
  @ParameterizedTest
  @ValueSource(strings = {"tuber", "launcher/src/image/tuber.sh"})
  void descriptorsAreInherited(String name) throws Exception {
    Path script = Path.of(System.getProperty("tuber.root"), name);
    String finding =
        Files.readAllLines(script).stream()
            .dropWhile(line -> !line.equals("descriptors="))
            .takeWhile(line -> !line.equals("fi"))
            .collect(Collectors.joining("\n", "", "\nfi\n"));
    Path input = Files.writeString(folder.resolve("input"), "seven\n");
    Path output = folder.resolve("output");
    List<String> tuber = TuberProcess.builder(true).command();
    String main = tuber.removeLast();
    Path starter = folder.resolve("starter");
    String java = tuber.stream().map("'%s'"::formatted).collect(Collectors.joining(" "));
    Files.writeString(
        starter,
        "#!/bin/sh\n"
            + finding
            + "exec "
            + java
            + " \"-Dtuber.descriptors=$descriptors\" "
            + main
            + " \"$@\"\n");
    assertThat(starter.toFile().setExecutable(true)).isTrue();
    String command =
        "%s user /bin/sh -c 'cat <&7; echo eight >&8; echo none >&9' 7<%s 8>%s 9>&-"
            .formatted(starter, input, output);
    Programs.Result r = Programs.runNative(folder, List.of("/bin/sh", "-c", command));
    assertThat(r.out()).isEqualTo("seven\n");
    assertThat(r.status()).as("of a write to a descriptor that is closed").isNotZero();
    assertThat(output).hasContent("eight");
  }

  @Test
  void damagedHeaders() throws Exception {
    Programs.damaged("/usr/bin/gcc", folder, List.of());
  }

  @Test
  void jobControlOnATerminal() throws Exception {
    Programs.needs("/usr/bin/expect");
    String script = Programs.resource("job-control.exp").toString();
    List<String> shell = List.of("/bin/bash", "--norc", "--noprofile");
    List<String> plain = new ArrayList<>(List.of("/usr/bin/expect", "-f", script));
    plain.addAll(shell);
    List<String> emulated = new ArrayList<>(List.of("/usr/bin/expect", "-f", script));
    emulated.addAll(TuberProcess.builder(true, "user").command());
    emulated.addAll(shell);
    Programs.Result expected = Programs.runNative(folder, plain);
    assertThat(expected.out()).endsWith("status 7\n");
    assertThat(Programs.runNative(folder, emulated).out()).isEqualTo(expected.out());
  }

  @Test
  void whatIsNoProgramIsOneLine() throws Exception {
    Path text = Files.writeString(folder.resolve("text"), "no program");
    assertThat(text.toFile().setExecutable(true)).isTrue();
    TuberProcess.Result r = TuberProcess.run("user", text.toString());
    assertThat(r.status()).isEqualTo(1);
    assertThat(r.err()).isEqualTo("tuber: user: " + text + ": not an ELF program\n");
  }
}
