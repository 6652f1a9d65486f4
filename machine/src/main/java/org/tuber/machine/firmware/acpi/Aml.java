package org.tuber.machine.firmware.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Byte code of the ACPI Machine Language: each method gives one encoded term, and terms nest as
 * they do in ASL source (ACPI 6.5, chapter 20, whose names for terms the methods follow).
 */
public final class Aml {
  private static final int ZERO_OP = 0x00;
  private static final int ONE_OP = 0x01;
  private static final int NAME_OP = 0x08;
  private static final int BYTE_PREFIX = 0x0a;
  private static final int WORD_PREFIX = 0x0b;
  private static final int DWORD_PREFIX = 0x0c;
  private static final int STRING_PREFIX = 0x0d;
  private static final int QWORD_PREFIX = 0x0e;
  private static final int SCOPE_OP = 0x10;
  private static final int BUFFER_OP = 0x11;
  private static final int PACKAGE_OP = 0x12;
  private static final int METHOD_OP = 0x14;
  private static final int DUAL_NAME_PREFIX = 0x2e;
  private static final int MULTI_NAME_PREFIX = 0x2f;
  private static final int EXT_PREFIX = 0x5b;
  private static final int OP_REGION_OP = 0x80;
  private static final int FIELD_OP = 0x81;
  private static final int DEVICE_OP = 0x82;
  private static final int STORE_OP = 0x70;
  private static final int AND_OP = 0x7b;
  private static final int NOTIFY_OP = 0x86;
  private static final int OR_OP = 0x7d;
  private static final int CREATE_DWORD_FIELD_OP = 0x8a;
  private static final int IF_OP = 0xa0;
  private static final int RETURN_OP = 0xa4;
  private static final byte[] NO_TARGET = {0};

  private Aml() {}

  /** First argument of a method. */
  public static byte[] arg0() {
    return new byte[] {0x68};
  }

  /** One named field of an operation region. */
  public record FieldUnit(String name, int bits) {}

  /** Terms one after the other. */
  public static byte[] terms(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  /** Terms one after the other. */
  public static byte[] terms(List<byte[]> parts) {
    return terms(parts.toArray(new byte[0][]));
  }

  private static byte[] op(int opcode, byte[]... parts) {
    return terms(new byte[] {(byte) opcode}, terms(parts));
  }

  private static byte[] extOp(int opcode, byte[]... parts) {
    return terms(new byte[] {(byte) EXT_PREFIX, (byte) opcode}, terms(parts));
  }

  /** A body with its package length before it, which counts itself (20.2.4). */
  private static byte[] sized(byte[]... parts) {
    byte[] body = terms(parts);
    if (body.length + 1 < 0x40) {
      return terms(new byte[] {(byte) (body.length + 1)}, body);
    }
    int more = body.length + 2 < 1 << 12 ? 1 : body.length + 3 < 1 << 20 ? 2 : 3;
    int length = body.length + 1 + more;
    byte[] lead = new byte[1 + more];
    lead[0] = (byte) (more << 6 | length & 0xf);
    for (int i = 1; i <= more; i++) {
      lead[i] = (byte) (length >>> (8 * i - 4));
    }
    return terms(lead, body);
  }

  /** A path of name segments: {@code \_SB.PCI0}, {@code ^PRQ0}; short segments are padded. */
  public static byte[] path(String path) {
    int start = 0;
    while (start < path.length() && (path.charAt(start) == '\\' || path.charAt(start) == '^')) {
      start++;
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(path.substring(0, start).getBytes(StandardCharsets.US_ASCII));
    String rest = path.substring(start);
    if (rest.isEmpty()) {
      out.write(0);
      return out.toByteArray();
    }
    List<String> segments = new ArrayList<>(List.of(rest.split("\\.")));
    if (segments.size() == 2) {
      out.write(DUAL_NAME_PREFIX);
    } else if (segments.size() > 2) {
      out.write(MULTI_NAME_PREFIX);
      out.write(segments.size());
    }
    for (String segment : segments) {
      if (segment.length() > 4) {
        throw new IllegalArgumentException("name segment " + segment);
      }
      out.writeBytes((segment + "____").substring(0, 4).getBytes(StandardCharsets.US_ASCII));
    }
    return out.toByteArray();
  }

  /** An integer in its shortest encoding. */
  public static byte[] integer(long value) {
    if (value == 0) {
      return new byte[] {ZERO_OP};
    }
    if (value == 1) {
      return new byte[] {ONE_OP};
    }
    int bytes = value >>> 8 == 0 ? 1 : value >>> 16 == 0 ? 2 : value >>> 32 == 0 ? 4 : 8;
    int prefix =
        switch (bytes) {
          case 1 -> BYTE_PREFIX;
          case 2 -> WORD_PREFIX;
          case 4 -> DWORD_PREFIX;
          default -> QWORD_PREFIX;
        };
    return op(prefix, little(value, bytes));
  }

  /** {@code bytes} bytes of {@code value}, least significant first. */
  static byte[] little(long value, int bytes) {
    byte[] b = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      b[i] = (byte) (value >>> (8 * i));
    }
    return b;
  }

  /** A string. */
  public static byte[] string(String text) {
    return op(STRING_PREFIX, (text + "\0").getBytes(StandardCharsets.US_ASCII));
  }

  /** A compressed EISA identifier such as {@code PNP0A03} (19.3.4). */
  public static byte[] eisaId(String id) {
    int vendor = (id.charAt(0) - '@') << 10 | (id.charAt(1) - '@') << 5 | (id.charAt(2) - '@');
    int product = Integer.parseInt(id.substring(3), 16);
    return integer(Integer.reverseBytes(vendor << 16 | product) & 0xffff_ffffL);
  }

  /** {@code Name (name, value)}. */
  public static byte[] name(String name, byte[] value) {
    return op(NAME_OP, path(name), value);
  }

  /** {@code Scope (path) {…}}. */
  public static byte[] scope(String path, byte[]... body) {
    return op(SCOPE_OP, sized(path(path), terms(body)));
  }

  /** {@code Device (name) {…}}. */
  public static byte[] device(String name, byte[]... body) {
    return extOp(DEVICE_OP, sized(path(name), terms(body)));
  }

  /** {@code Method (name, arguments, NotSerialized) {…}}. */
  public static byte[] method(String name, int arguments, byte[]... body) {
    return op(METHOD_OP, sized(path(name), new byte[] {(byte) arguments}, terms(body)));
  }

  /** {@code Method (name, arguments, Serialized) {…}}: for methods that create names. */
  public static byte[] serializedMethod(String name, int arguments, byte[]... body) {
    return op(METHOD_OP, sized(path(name), new byte[] {(byte) (arguments | 8)}, terms(body)));
  }

  /** {@code Package () {…}}. */
  public static byte[] pkg(byte[]... elements) {
    if (elements.length > 255) {
      throw new IllegalArgumentException(elements.length + " package elements");
    }
    return op(PACKAGE_OP, sized(new byte[] {(byte) elements.length}, terms(elements)));
  }

  /** {@code Buffer () {…}}. */
  public static byte[] buffer(byte[] bytes) {
    return op(BUFFER_OP, sized(integer(bytes.length), bytes));
  }

  /** {@code ResourceTemplate () {…}}: a buffer of descriptors and the end tag. */
  public static byte[] resources(byte[]... descriptors) {
    return buffer(terms(terms(descriptors), AmlResource.END));
  }

  /** {@code OperationRegion (name, PCI_Config, offset, bytes)}. */
  public static byte[] pciConfigRegion(String name, int offset, int bytes) {
    final byte[] pciConfigSpace = {2};
    return extOp(OP_REGION_OP, path(name), pciConfigSpace, integer(offset), integer(bytes));
  }

  /** {@code Field (region, ByteAcc, NoLock, Preserve) {…}}. */
  public static byte[] byteFields(String region, FieldUnit... units) {
    final byte[] byteAccess = {1};
    ByteArrayOutputStream list = new ByteArrayOutputStream();
    for (FieldUnit unit : units) {
      if (unit.bits() >= 0x40) {
        throw new IllegalArgumentException("field of " + unit.bits() + " bits");
      }
      list.writeBytes(path(unit.name()));
      list.write(unit.bits());
    }
    return extOp(FIELD_OP, sized(path(region), byteAccess, list.toByteArray()));
  }

  /** {@code CreateDWordField (buffer, byteIndex, name)}. */
  public static byte[] createDwordField(byte[] buffer, int byteIndex, String name) {
    return op(CREATE_DWORD_FIELD_OP, buffer, integer(byteIndex), path(name));
  }

  /** {@code Store (value, target)}. */
  public static byte[] store(byte[] value, byte[] target) {
    return op(STORE_OP, value, target);
  }

  /** {@code Notify (object, value)}. */
  public static byte[] notify(byte[] object, int value) {
    return op(NOTIFY_OP, object, integer(value));
  }

  /** {@code And (a, b)}, value only. */
  public static byte[] and(byte[] a, byte[] b) {
    return op(AND_OP, a, b, NO_TARGET);
  }

  /** {@code Or (a, b, target)}. */
  public static byte[] orInto(byte[] a, byte[] b, byte[] target) {
    return op(OR_OP, a, b, target);
  }

  /** {@code If (predicate) {…}}. */
  public static byte[] ifThen(byte[] predicate, byte[]... body) {
    return op(IF_OP, sized(predicate, terms(body)));
  }

  /** {@code Return (value)}. */
  public static byte[] ret(byte[] value) {
    return op(RETURN_OP, value);
  }
}
