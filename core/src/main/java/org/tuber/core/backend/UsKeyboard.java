package org.tuber.core.backend;

import java.util.Map;
import java.util.TreeMap;

/** What is printed on a US keyboard: the keys that make the printable characters of ASCII. */
public final class UsKeyboard {
  /** Character, character with Shift, name of the key. */
  private static final String[] ROWS = {
    "`~ grave_accent",
    "-_ minus",
    "=+ equal",
    "[{ bracket_left",
    "]} bracket_right",
    ";: semicolon",
    "'\" apostrophe",
    "\\| backslash",
    ",< comma",
    ".> dot",
    "/? slash",
    "1! 1",
    "2@ 2",
    "3# 3",
    "4$ 4",
    "5% 5",
    "6^ 6",
    "7& 7",
    "8* 8",
    "9( 9",
    "0) 0"
  };

  private UsKeyboard() {}

  /**
   * A key and whether Shift is held with it.
   *
   * @param shifted the character is the upper one on the key
   */
  public record Stroke(KeyCode key, boolean shifted) {}

  /** The strokes by character. */
  public static Map<Character, Stroke> strokes() {
    Map<Character, Stroke> strokes = new TreeMap<>();
    for (char c = 'a'; c <= 'z'; c++) {
      put(strokes, c, Character.toUpperCase(c), String.valueOf(c));
    }
    for (String row : ROWS) {
      put(strokes, row.charAt(0), row.charAt(1), row.substring(3));
    }
    strokes.put(' ', new Stroke(KeyCode.SPC, false));
    return strokes;
  }

  private static void put(Map<Character, Stroke> strokes, char lower, char upper, String name) {
    KeyCode key = KeyCode.ofQcode(name);
    strokes.put(lower, new Stroke(key, false));
    strokes.put(upper, new Stroke(key, true));
  }
}
