package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What a user sees from outside: exit status and lines. */
class TuberProcessTest {
  @Test
  void unknownOptionIsStatusOneAndOneLine() throws Exception {
    TuberProcess.Result result = TuberProcess.run("system-x86_64", "-frobnicate");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).isEqualTo("tuber: -frobnicate: unknown option\n");
    assertThat(result.out()).isEmpty();
  }

  @Test
  void unknownValueIsStatusOneAndOneLine() throws Exception {
    TuberProcess.Result result = TuberProcess.run("system-x86_64", "-nographic", "-cpu", "8086");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err().lines()).hasSize(1);
    assertThat(result.err()).contains("8086");
  }

  @Test
  void unknownCommandIsStatusOneAndOneLine() throws Exception {
    TuberProcess.Result result = TuberProcess.run("fly");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).isEqualTo("tuber: unknown command 'fly'; 'tuber help' lists them\n");
  }

  @Test
  void guestCodeWillBeCompiled() throws Exception {
    TuberProcess.Result result = TuberProcess.run("runtime");
    assertThat(result.out()).contains("compiles yes");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }

  @Test
  void withoutTheCompilerTheCauseIsNamed() throws Exception {
    TuberProcess.Result result = TuberProcess.runWithoutCompiler("runtime");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.out()).contains("the JDK's empty jdk.graal.compiler hides the real one");
  }
}
