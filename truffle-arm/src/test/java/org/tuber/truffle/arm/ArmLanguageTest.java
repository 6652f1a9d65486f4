package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.io.ByteSequence;
import org.junit.jupiter.api.Test;

class ArmLanguageTest {
  @Test
  void isRegisteredAndSaysThatItCannotExecute() {
    try (Context c =
        Context.newBuilder("arm").option("engine.WarnInterpreterOnly", "false").build()) {
      assertThat(c.getEngine().getLanguages()).containsKey("arm");
      // ret
      byte[] code = {(byte) 0xc0, 0x03, 0x5f, (byte) 0xd6};
      Source source = Source.newBuilder("arm", ByteSequence.create(code), "ret").buildLiteral();
      assertThatThrownBy(() -> c.eval(source))
          .isInstanceOf(PolyglotException.class)
          .hasMessage("AArch64 code is not executable yet");
    }
  }
}
