package org.tuber.truffle.engine.special;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.DynamicConstantDesc;
import java.lang.constant.MethodHandleDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Objects that a written class needs: its static final fields, which get their values from the
 * class data when the class is made. Dynamic constants would be resolved at their first use only,
 * and the host compiles no use that has not been made: each way out of a region taken late would
 * throw the region's code away.
 */
public final class Constants {
  private static final ClassDesc OBJECTS = ConstantDescs.CD_Object.arrayType();

  private static final DirectMethodHandleDesc CLASS_DATA =
      MethodHandleDesc.ofMethod(
          DirectMethodHandleDesc.Kind.STATIC,
          ClassDesc.of(MethodHandles.class.getName()),
          "classData",
          MethodTypeDesc.ofDescriptor(
              "(Ljava/lang/invoke/MethodHandles$Lookup;Ljava/lang/String;Ljava/lang/Class;)"
                  + "Ljava/lang/Object;"));

  private record Field(int number, ClassDesc type) {}

  private final ClassDesc owner;
  private final List<Object> objects = new ArrayList<>();
  private final IdentityHashMap<Object, Integer> numbers = new IdentityHashMap<>();
  private final Map<Field, String> fields = new LinkedHashMap<>();

  /** None yet, of the class {@code owner}. */
  public Constants(ClassDesc owner) {
    this.owner = owner;
  }

  /** Number of {@code object} among them. */
  public int add(Object object) {
    return numbers.computeIfAbsent(
        object,
        x -> {
          objects.add(x);
          return objects.size() - 1;
        });
  }

  /** Loads object {@code number} as a {@code type}. */
  public void load(CodeBuilder b, int number, ClassDesc type) {
    b.getstatic(
        owner,
        fields.computeIfAbsent(new Field(number, type), f -> "constant" + fields.size()),
        type);
  }

  /** The class data: what {@link #writeTo} takes the fields' values from. */
  public Object[] data() {
    return objects.toArray();
  }

  /** Writes the fields and the class's initialization; nothing may be loaded after that. */
  public void writeTo(ClassBuilder c) {
    fields.forEach(
        (field, name) ->
            c.withField(
                name,
                field.type,
                ClassFile.ACC_PRIVATE | ClassFile.ACC_STATIC | ClassFile.ACC_FINAL));
    c.withMethodBody(
        ConstantDescs.CLASS_INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_STATIC, this::fill);
  }

  private void fill(CodeBuilder b) {
    b.loadConstant(DynamicConstantDesc.ofNamed(CLASS_DATA, ConstantDescs.DEFAULT_NAME, OBJECTS));
    fields.forEach(
        (field, name) ->
            b.dup()
                .loadConstant(field.number)
                .aaload()
                .checkcast(field.type)
                .putstatic(owner, name, field.type));
    b.pop().return_();
  }
}
