package org.tuber.launcher.runtime;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Gives the classes of a jar the stack maps of present class files.
 *
 * <p>A class older than Java 6 has none, so the JVM has to verify it by inference each time it
 * loads it, and leaves it out of its cache of loaded and linked classes (JVMS 4.10; JEP 483). A
 * command line library that wants to run everywhere consists of such classes, and makes half of the
 * start of a short command. Nothing but maps and version numbers changes.
 */
public final class RenewedJar {
  private static final int FIRST_WITH_STACK_MAPS = 50;

  private RenewedJar() {}

  /** Renews the jars named, in place; those that need nothing are left as they are. */
  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      renew(Path.of(jar));
    }
  }

  /** Renews one jar in place; false if all its classes are new enough. */
  static boolean renew(Path jar) throws IOException {
    Map<String, byte[]> entries = read(jar);
    ClassFile classFile =
        ClassFile.of(
            StackMapsOption.GENERATE_STACK_MAPS,
            ClassFile.ClassHierarchyResolverOption.of(resolver(entries)));
    boolean isChanged = false;
    for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
      if (entry.getKey().endsWith(".class") && isOld(entry.getValue())) {
        entry.setValue(renew(classFile, entry.getValue()));
        isChanged = true;
      }
    }
    if (isChanged) {
      write(jar, entries);
    }
    return isChanged;
  }

  private static boolean isOld(byte[] content) {
    // u4 magic, u2 minor_version, u2 major_version (JVMS 4.1).
    return ((content[6] & 0xff) << 8 | content[7] & 0xff) < FIRST_WITH_STACK_MAPS;
  }

  private static byte[] renew(ClassFile classFile, byte[] content) {
    ClassModel model = classFile.parse(content);
    MethodTransform mapped = MethodTransform.transformingCode(CodeTransform.ACCEPT_ALL);
    return classFile.transformClass(
        model,
        (builder, element) -> {
          switch (element) {
            case ClassFileVersion ignored -> builder.withVersion(ClassFile.JAVA_8_VERSION, 0);
            case MethodModel method -> builder.transformMethod(method, mapped);
            default -> builder.with(element);
          }
        });
  }

  /** Stack maps need common superclasses: those of the jar, and the JDK's. */
  private static ClassHierarchyResolver resolver(Map<String, byte[]> entries) {
    return ClassHierarchyResolver.ofResourceParsing(
            (ClassDesc type) -> {
              String descriptor = type.descriptorString();
              String name = descriptor.substring(1, descriptor.length() - 1) + ".class";
              byte[] content = entries.get(name);
              return content == null ? null : new ByteArrayInputStream(content);
            })
        .orElse(ClassHierarchyResolver.defaultResolver());
  }

  private static Map<String, byte[]> read(Path jar) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(jar))) {
      for (ZipEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
        entries.put(e.getName(), in.readAllBytes());
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return entries;
  }

  private static void write(Path jar, Map<String, byte[]> entries) throws IOException {
    Path fresh = Files.createTempFile(jar.toAbsolutePath().getParent(), "renewed", ".tmp");
    try {
      try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(fresh))) {
        for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
          out.putNextEntry(new ZipEntry(entry.getKey()));
          out.write(entry.getValue());
          out.closeEntry();
        }
      }
      Files.move(fresh, jar, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }
}
