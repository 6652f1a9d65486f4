package org.tuber.truffle.engine.special;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.function.Consumer;

/**
 * A class written at run time beside an instruction set's operations, of which there is one object.
 */
public final class WrittenClass {
  private final OperationTable table;
  private final Constants constants;
  private final byte[] bytes;

  /**
   * Writes it.
   *
   * @param self its name, in the package of the look-up class of {@code table}
   * @param base its superclass
   * @param constants what its methods load
   * @param methods adds its methods
   */
  public WrittenClass(
      OperationTable table,
      ClassDesc self,
      ClassDesc base,
      Constants constants,
      Consumer<ClassBuilder> methods) {
    this.table = table;
    this.constants = constants;
    ClassHierarchyResolver classes =
        ClassHierarchyResolver.ofClassLoading(table.cpu().getClassLoader());
    bytes =
        ClassFile.of(ClassFile.ClassHierarchyResolverOption.of(classes))
            .build(
                self,
                c -> {
                  c.withSuperclass(base).withFlags(ClassFile.ACC_FINAL);
                  c.withMethodBody(
                      ConstantDescs.INIT_NAME,
                      ConstantDescs.MTD_void,
                      ClassFile.ACC_PUBLIC,
                      b -> construct(b, base));
                  methods.accept(c);
                  constants.writeTo(c);
                });
  }

  private static void construct(CodeBuilder b, ClassDesc base) {
    b.aload(0).invokespecial(base, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void).return_();
  }

  /** Bytes of bytecode of its longest method. */
  public int codeLength() {
    return ClassFile.of().parse(bytes).methods().stream()
        .mapToInt(m -> m.code().map(c -> ((CodeAttribute) c).codeLength()).orElse(0))
        .max()
        .orElse(0);
  }

  /**
   * The object.
   *
   * @throws IllegalStateException if the host does not take the class
   */
  public <T> T make(Class<T> type) {
    try {
      MethodHandles.Lookup made =
          table.lookup().defineHiddenClassWithClassData(bytes, constants.data(), true);
      return type.cast(
          made.findConstructor(made.lookupClass(), MethodType.methodType(void.class)).invoke());
    } catch (Throwable e) {
      throw new IllegalStateException("the host refuses a class that was written", e);
    }
  }
}
