package org.tuber.launcher.arch;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * HotSpot never compiles a method of 8,000 bytecodes or more (HugeMethodLimit): an interpreter loop
 * that grows past it would run fifty times slower without a word.
 */
class MethodSizeTest {
  private static final int HUGE_METHOD_LIMIT = 8000;

  private static int codeBytes(MethodModel method) {
    return method.findAttribute(Attributes.code()).map(code -> code.codeLength()).orElse(0);
  }

  private static List<String> hugeMethods(ClassModel type) {
    List<String> result = new ArrayList<>();
    for (MethodModel method : type.methods()) {
      // A table filled once at start may be as long as it likes, and nobody calls what javac adds
      // for
      // serializable lambdas (ADR 6).
      boolean isHot =
          !method.methodName().equalsString("<clinit>")
              && !method.methodName().equalsString("$deserializeLambda$");
      if (isHot && codeBytes(method) >= HUGE_METHOD_LIMIT) {
        result.add(
            type.thisClass().asInternalName()
                + "."
                + method.methodName().stringValue()
                + ": "
                + codeBytes(method)
                + " bytes");
      }
    }
    return result;
  }

  @Test
  void everyMethodCanBeCompiled() throws IOException {
    List<String> huge = new ArrayList<>();
    for (JavaClass type : Classes.PRODUCT) {
      try (InputStream in = type.getSource().orElseThrow().getUri().toURL().openStream()) {
        huge.addAll(hugeMethods(ClassFile.of().parse(in.readAllBytes())));
      }
    }
    assertThat(Classes.PRODUCT).isNotEmpty();
    assertThat(huge).isEmpty();
  }

  @Test
  void theRuleSeesAHugeMethod() {
    byte[] bytes =
        ClassFile.of()
            .build(
                java.lang.constant.ClassDesc.of("x.Huge"),
                type ->
                    type.withMethodBody(
                        "loop",
                        java.lang.constant.ConstantDescs.MTD_void,
                        ClassFile.ACC_STATIC,
                        code -> {
                          for (int i = 0; i < HUGE_METHOD_LIMIT; i++) {
                            code.nop();
                          }
                          code.return_();
                        }));
    assertThat(hugeMethods(ClassFile.of().parse(bytes))).hasSize(1);
  }
}
