package org.tuber.machine.gdb;

import java.util.List;
import java.util.stream.Collectors;
import org.tuber.core.cpu.Vcpu;

/**
 * The registers of an architecture: GDB manual, appendix "Target Descriptions".
 *
 * <p>A register's number is its place in {@link #registers}; the description says it, so that
 * features may be in any order.
 */
public interface GdbTarget {
  /**
   * Registers that belong together.
   *
   * @param name of the feature as GDB knows it
   * @param types definitions of types, XML
   * @param first number of the first register in {@link GdbTarget#registers}
   * @param count how many follow one another
   * @param more numbers of further registers
   */
  record Feature(String name, String types, int first, int count, List<Integer> more) {}

  /** GDB's name of the architecture. */
  String architecture();

  /** All registers in the order of their numbers. */
  List<GdbRegister> registers();

  /** How many of them the packets {@code g} and {@code G} carry. */
  int generalCount();

  /** The features. */
  List<Feature> features();

  /** What the program counter is an offset from: x86 outside of 64-bit mode, the base of CS. */
  default long codeBase(Vcpu cpu) {
    return 0;
  }

  /** Number of the program counter. */
  int programCounter();

  /** The description, XML. */
  default String description() {
    StringBuilder xml = new StringBuilder("<?xml version=\"1.0\"?>");
    xml.append("<!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>");
    xml.append(architecture()).append("</architecture>");
    for (Feature f : features()) {
      xml.append("<feature name=\"").append(f.name).append("\">").append(f.types);
      for (int i = 0; i < f.count; i++) {
        appendRegister(xml, f.first + i);
      }
      f.more.forEach(n -> appendRegister(xml, n));
      xml.append("</feature>");
    }
    return xml.append("</target>").toString();
  }

  private void appendRegister(StringBuilder xml, int number) {
    GdbRegister r = registers().get(number);
    xml.append("<reg name=\"").append(r.name()).append("\" bitsize=\"").append(8 * r.bytes());
    xml.append("\" type=\"").append(r.type()).append("\" regnum=\"").append(number).append("\"/>");
  }

  /** A flags type: names by bit position. */
  static String flags(String id, int bytes, List<String> namesFromBit0) {
    StringBuilder xml = new StringBuilder("<flags id=\"").append(id).append("\" size=\"");
    xml.append(bytes).append("\">");
    for (int bit = 0; bit < namesFromBit0.size(); bit++) {
      if (!namesFromBit0.get(bit).isEmpty()) {
        xml.append("<field name=\"").append(namesFromBit0.get(bit)).append("\" start=\"");
        xml.append(bit).append("\" end=\"").append(bit).append("\"/>");
      }
    }
    return xml.append("</flags>").toString();
  }

  /** A 128-bit vector register that can be looked at in several ways. */
  static String vector128(String id) {
    List<String> lanes = List.of("float:ieee_single:4", "double:ieee_double:2", "i8:uint8:16");
    List<String> more = List.of("i16:uint16:8", "i32:uint32:4", "i64:uint64:2");
    StringBuilder xml = new StringBuilder();
    StringBuilder union = new StringBuilder("<union id=\"" + id + "\">");
    for (String lane :
        java.util.stream.Stream.of(lanes, more)
            .flatMap(List::stream)
            .collect(Collectors.toList())) {
      String[] p = lane.split(":", 3);
      xml.append("<vector id=\"").append(id).append(p[0]).append("\" type=\"").append(p[1]);
      xml.append("\" count=\"").append(p[2]).append("\"/>");
      union.append("<field name=\"v").append(p[2]).append('_').append(p[0]).append("\" type=\"");
      union.append(id).append(p[0]).append("\"/>");
    }
    union.append("<field name=\"uint128\" type=\"uint128\"/></union>");
    return xml.append(union).toString();
  }
}
