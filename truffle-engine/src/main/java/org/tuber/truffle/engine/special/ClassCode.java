package org.tuber.truffle.engine.special;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.AttributedElement;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.constant.ClassDesc;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A class's methods and fields as its class file describes them. */
final class ClassCode {
  private static final Map<Class<?>, ClassCode> KNOWN = new ConcurrentHashMap<>();

  /** What the class file says of a field. */
  record Field(
      boolean isStatic, boolean isFinal, boolean isPublic, boolean isPrivate, boolean isStable) {}

  final Class<?> loaded;
  private final Map<String, MethodModel> models = new HashMap<>();
  private final Map<String, MethodCode> methods = new HashMap<>();
  private final Map<String, Field> fields = new HashMap<>();

  private ClassCode(Class<?> loaded) {
    this.loaded = loaded;
    String name = loaded.getName();
    String file = name.substring(name.lastIndexOf('.') + 1) + ".class";
    try (InputStream in = loaded.getResourceAsStream(file)) {
      if (in == null) {
        return;
      }
      ClassModel model =
          ClassFile.of(
                  ClassFile.DebugElementsOption.DROP_DEBUG,
                  ClassFile.LineNumbersOption.DROP_LINE_NUMBERS)
              .parse(in.readAllBytes());
      for (MethodModel m : model.methods()) {
        models.put(m.methodName().stringValue() + m.methodType().stringValue(), m);
      }
      for (FieldModel f : model.fields()) {
        int flags = f.flags().flagsMask();
        fields.put(
            f.fieldName().stringValue(),
            new Field(
                (flags & ClassFile.ACC_STATIC) != 0,
                (flags & ClassFile.ACC_FINAL) != 0,
                (flags & ClassFile.ACC_PUBLIC) != 0,
                (flags & ClassFile.ACC_PRIVATE) != 0,
                isAnnotated(f, "$CompilationFinal")));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("class file of " + name, e);
    }
  }

  static ClassCode of(Class<?> loaded) {
    return KNOWN.computeIfAbsent(loaded, ClassCode::new);
  }

  static Class<?> load(ClassDesc name, ClassLoader loader) {
    try {
      String descriptor = name.descriptorString();
      return Class.forName(
          descriptor.substring(1, descriptor.length() - 1).replace('/', '.'), false, loader);
    } catch (ClassNotFoundException e) {
      throw new Unsuited("class " + name.displayName());
    }
  }

  /** The method, or null where this class does not declare it. */
  synchronized MethodCode method(String key) {
    MethodCode known = methods.get(key);
    if (known == null) {
      MethodModel model = models.get(key);
      if (model != null) {
        known = new MethodCode(model);
        methods.put(key, known);
      }
    }
    return known;
  }

  /** The field, or null where this class does not declare it. */
  Field field(String name) {
    return fields.get(name);
  }

  static boolean isAnnotated(AttributedElement element, String name) {
    String end = name + ";";
    return element
            .findAttribute(Attributes.runtimeVisibleAnnotations())
            .map(
                all ->
                    all.annotations().stream()
                        .anyMatch(a -> a.className().stringValue().endsWith(end)))
            .orElse(false)
        || element
            .findAttribute(Attributes.runtimeInvisibleAnnotations())
            .map(
                all ->
                    all.annotations().stream()
                        .anyMatch(a -> a.className().stringValue().endsWith(end)))
            .orElse(false);
  }
}
