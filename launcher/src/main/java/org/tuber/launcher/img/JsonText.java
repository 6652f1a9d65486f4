package org.tuber.launcher.img;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Writes maps, lists and values as JSON text, indented by four spaces. */
final class JsonText {
  private final StringBuilder out = new StringBuilder();

  private JsonText() {}

  static String of(Object value) {
    JsonText t = new JsonText();
    t.value(value, 0);
    return t.out.toString();
  }

  private void value(Object v, int depth) {
    switch (v) {
      case Map<?, ?> m -> {
        out.append('{');
        Iterator<? extends Map.Entry<?, ?>> it = m.entrySet().iterator();
        while (it.hasNext()) {
          Map.Entry<?, ?> e = it.next();
          newLine(depth + 1);
          string(e.getKey().toString());
          out.append(": ");
          value(e.getValue(), depth + 1);
          out.append(it.hasNext() ? "," : "");
        }
        newLine(depth);
        out.append('}');
      }
      case List<?> l -> {
        out.append('[');
        for (int i = 0; i < l.size(); i++) {
          newLine(depth + 1);
          value(l.get(i), depth + 1);
          out.append(i + 1 < l.size() ? "," : "");
        }
        newLine(depth);
        out.append(']');
      }
      case String s -> string(s);
      case null -> out.append("null");
      default -> out.append(v);
    }
  }

  private void newLine(int depth) {
    out.append('\n').append("    ".repeat(depth));
  }

  private void string(String s) {
    out.append('"').append(escape(s)).append('"');
  }

  static String escape(String s) {
    StringBuilder b = new StringBuilder();
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '"' -> b.append("\\\"");
        case '\\' -> b.append("\\\\");
        case '\n' -> b.append("\\n");
        case '\t' -> b.append("\\t");
        default -> {
          if (c < 0x20) {
            b.append(String.format("\\u%04X", (int) c));
          } else {
            b.append(c);
          }
        }
      }
    }
    return b.toString();
  }
}
