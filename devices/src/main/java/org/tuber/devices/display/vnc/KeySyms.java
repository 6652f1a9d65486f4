package org.tuber.devices.display.vnc;

import java.util.HashMap;
import java.util.Map;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.backend.UsKeyboard;

/**
 * Which key of a US keyboard makes an X11 key symbol. X Window System Protocol, appendix A. Shifted
 * symbols give the same key: the client sends the shift key itself.
 */
final class KeySyms {
  private static final String FUNCTIONS =
      "ff08 backspace ff09 tab fe20 tab ff0d ret ff1b esc ff13 pause ff14 scroll_lock ff61 print "
          + "ff50 home ff51 left ff52 up ff53 right ff54 down ff55 pgup ff56 pgdn ff57 end "
          + "ff63 insert ffff delete ff67 menu ff7f num_lock ff8d kp_enter ffaa kp_multiply "
          + "ffab kp_add ffad kp_subtract ffae kp_decimal ffaf kp_divide ffe1 shift ffe2 shift_r "
          + "ffe3 ctrl ffe4 ctrl_r ffe5 caps_lock ffe7 meta_l ffe8 meta_r ffe9 alt ffea alt_r "
          + "ffeb meta_l ffec meta_r fe03 alt_r ff95 kp_7 ff96 kp_4 ff97 kp_8 ff98 kp_6 ff99 kp_2 "
          + "ff9a kp_9 ff9b kp_3 ff9c kp_1 ff9d kp_5 ff9e kp_0 ff9f kp_decimal";
  private static final Map<Integer, KeyCode> KEYS = table();

  private KeySyms() {}

  /** The key, or null for a symbol that no key makes. */
  static KeyCode key(int keysym) {
    return KEYS.get(keysym);
  }

  private static Map<Integer, KeyCode> table() {
    Map<Integer, KeyCode> keys = new HashMap<>();
    // The symbols of printable ASCII are its characters.
    UsKeyboard.strokes().forEach((c, stroke) -> keys.put((int) c, stroke.key()));
    String[] words = FUNCTIONS.split(" ", -1);
    for (int i = 0; i < words.length; i += 2) {
      put(keys, Integer.parseInt(words[i], 16), words[i + 1]);
    }
    for (int i = 0; i < 12; i++) {
      put(keys, 0xffbe + i, "f" + (i + 1));
    }
    for (int i = 0; i < 10; i++) {
      put(keys, 0xffb0 + i, "kp_" + i);
    }
    return keys;
  }

  private static void put(Map<Integer, KeyCode> keys, int keysym, String qcode) {
    KeyCode key = KeyCode.ofQcode(qcode);
    if (key == null) {
      throw new IllegalStateException("no key is called " + qcode);
    }
    keys.put(keysym, key);
  }
}
