package org.tuber.truffle.engine.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Parameters and result of a guest function, written as in Truffle NFI: {@code (POINTER, UINT64,
 * [DOUBLE], (SINT32) : VOID, ...DOUBLE) : SINT32}. Names in any case; also short ones such as
 * {@code u64}.
 */
public record Signature(List<NativeType> parameters, NativeType result) {
  private static final int MAX_DEPTH = 8;

  /** Reads one; throws {@link GuestException} that says where it is wrong. */
  static Signature parse(String text) {
    Parser p = new Parser(text);
    Signature s = p.signature(0);
    p.end();
    return s;
  }

  NativeType.Kind[] kinds() {
    return parameters.stream().map(NativeType::kind).toArray(NativeType.Kind[]::new);
  }

  private static final class Parser {
    private final String text;
    private int at;

    Parser(String text) {
      this.text = text;
    }

    private GuestException wrong(String expected) {
      return new GuestException(
          "signature '" + text + "', at character " + (at + 1) + ": " + expected + " expected");
    }

    private void skipBlanks() {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
        at++;
      }
    }

    private boolean take(char c) {
      skipBlanks();
      if (at < text.length() && text.charAt(at) == c) {
        at++;
        return true;
      }
      return false;
    }

    private void need(char c) {
      if (!take(c)) {
        throw wrong("'" + c + "'");
      }
    }

    void end() {
      skipBlanks();
      if (at < text.length()) {
        throw wrong("the end");
      }
    }

    Signature signature(int depth) {
      if (depth > MAX_DEPTH) {
        throw wrong("less nesting");
      }
      need('(');
      List<NativeType> parameters = new ArrayList<>();
      if (!take(')')) {
        do {
          skipBlanks();
          if (text.startsWith("...", at)) {
            // Passed like the others: the callee learns from AL that vector registers are used.
            at += 3;
          }
          NativeType type = type(depth);
          if (type.kind() == NativeType.Kind.VOID) {
            throw wrong("a type of a parameter before here");
          }
          parameters.add(type);
        } while (take(','));
        need(')');
      }
      need(':');
      NativeType result = type(depth);
      if (result.kind() == NativeType.Kind.ARRAY) {
        throw wrong("a type of a result before here");
      }
      return new Signature(List.copyOf(parameters), result);
    }

    private NativeType type(int depth) {
      skipBlanks();
      if (at < text.length() && text.charAt(at) == '(') {
        return new NativeType(NativeType.Kind.FUNCTION, null, signature(depth + 1));
      }
      if (take('[')) {
        NativeType.Kind element = kind();
        if (element.bytes == 0) {
          throw wrong("a number type before here");
        }
        need(']');
        return new NativeType(NativeType.Kind.ARRAY, element, null);
      }
      return NativeType.of(kind());
    }

    private NativeType.Kind kind() {
      skipBlanks();
      int from = at;
      while (at < text.length() && Character.isLetterOrDigit(text.charAt(at))) {
        at++;
      }
      NativeType.Kind kind = NativeType.Kind.of(text.substring(from, at).toLowerCase(Locale.ROOT));
      if (kind == null) {
        at = from;
        throw wrong("a type");
      }
      return kind;
    }
  }
}
