package org.tuber.launcher.console;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.backend.UsKeyboard;

/**
 * Which keys of a US keyboard make what a terminal sends: characters, control characters, and the
 * sequences of xterm for other keys ("XTerm Control Sequences", PC-Style Function Keys).
 */
final class TypedKeys {
  private static final int CONTROL_LIMIT = 0x20;
  private static final int RUBOUT = 0x7f;
  private static final int MOST_PARAMETER = 99;
  private static final String LETTERS =
      "A up B down C right D left H home F end P f1 Q f2 R f3 S f4 M kp_enter E kp_5";
  private static final String NUMBERS =
      "1 home 2 insert 3 delete 4 end 5 pgup 6 pgdn 7 home 8 end 11 f1 12 f2 13 f3 14 f4 15 f5 "
          + "17 f6 18 f7 19 f8 20 f9 21 f10 23 f11 24 f12";

  private static final KeyCode SHIFT = KeyCode.ofQcode("shift");
  private static final KeyCode CTRL = KeyCode.ofQcode("ctrl");
  private static final KeyCode ALT = KeyCode.ofQcode("alt");

  private final Map<Character, List<KeyCode>> characters = new HashMap<>();
  private final Map<Character, KeyCode> letters = new HashMap<>();
  private final Map<Integer, KeyCode> numbers = new HashMap<>();

  TypedKeys() {
    UsKeyboard.strokes()
        .forEach(
            (c, stroke) ->
                characters.put(
                    c, stroke.shifted() ? List.of(SHIFT, stroke.key()) : List.of(stroke.key())));
    String[] words = LETTERS.split(" ", -1);
    for (int i = 0; i < words.length; i += 2) {
      letters.put(words[i].charAt(0), KeyCode.ofQcode(words[i + 1]));
    }
    words = NUMBERS.split(" ", -1);
    for (int i = 0; i < words.length; i += 2) {
      numbers.put(Integer.valueOf(words[i]), KeyCode.ofQcode(words[i + 1]));
    }
  }

  /** The keys to hold together for a byte by itself; empty: none makes it. */
  List<KeyCode> plain(int value) {
    switch (value) {
      case '\r', '\n':
        return List.of(KeyCode.ofQcode("ret"));
      case '\t':
        return List.of(KeyCode.ofQcode("tab"));
      case 0x1b:
        return List.of(KeyCode.ofQcode("esc"));
      case RUBOUT:
        return List.of(KeyCode.ofQcode("backspace"));
      case 0:
        return List.of(CTRL, KeyCode.ofQcode("spc"));
      default:
        break;
    }
    if (value < CONTROL_LIMIT) {
      char c = (char) (value + 0x40);
      List<KeyCode> keys = characters.getOrDefault(Character.toLowerCase(c), List.of());
      return keys.isEmpty() ? List.of() : with(CTRL, keys);
    }
    return characters.getOrDefault((char) value, List.of());
  }

  /** The keys for a byte after ESC: the same with Alt. */
  List<KeyCode> meta(int value) {
    List<KeyCode> keys = plain(value);
    return keys.isEmpty() ? keys : with(ALT, keys);
  }

  /**
   * The keys for a sequence.
   *
   * @param parameters what stood between {@code ESC [} or {@code ESC O} and {@code end}
   */
  List<KeyCode> sequence(String parameters, char end) {
    String[] parts = parameters.split(";", -1);
    KeyCode key = end == '~' ? numbers.get(number(parts[0])) : letters.get(end);
    if (end == 'Z') {
      return List.of(SHIFT, KeyCode.ofQcode("tab"));
    }
    if (key == null) {
      return List.of();
    }
    List<KeyCode> keys = List.of(key);
    int modifiers = parts.length > 1 ? Math.max(0, number(parts[1]) - 1) : 0;
    keys = (modifiers & 1) != 0 ? with(SHIFT, keys) : keys;
    keys = (modifiers & 2) != 0 ? with(ALT, keys) : keys;
    return (modifiers & 4) != 0 ? with(CTRL, keys) : keys;
  }

  private static List<KeyCode> with(KeyCode modifier, List<KeyCode> keys) {
    List<KeyCode> result = new ArrayList<>();
    result.add(modifier);
    result.addAll(keys);
    return result;
  }

  private static int number(String text) {
    int value = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9' || value > MOST_PARAMETER) {
        return -1;
      }
      value = 10 * value + c - '0';
    }
    return value;
  }
}
