package org.tuber.devices.display.vnc;

import java.util.HashMap;
import java.util.Map;
import org.tuber.core.backend.KeyCode;

/**
 * Keys by place: the numbers of the QEMU extended key event, which are make codes of scan code set
 * 1, those after E0H with bit 7 set. The RFB Protocol (rfbproto), "QEMU Extended Key Event
 * Message".
 */
final class KeyNumbers {
  private static final int PAUSE = 0xc6;
  private static final int PRINT = 0x54;
  private static final Map<Integer, KeyCode> KEYS = table();

  private KeyNumbers() {}

  /** The key, or null for a number that no key has. */
  static KeyCode key(int number) {
    return KEYS.get(number);
  }

  private static Map<Integer, KeyCode> table() {
    Map<Integer, KeyCode> keys = new HashMap<>();
    for (KeyCode key : KeyCode.values()) {
      int code = key.set1();
      keys.putIfAbsent(code > 0xff ? code & 0xff | 0x80 : code, key);
    }
    // These two send more than one code; the number is that of their plain form.
    keys.put(PAUSE, KeyCode.ofQcode("pause"));
    keys.put(PRINT, KeyCode.ofQcode("print"));
    return keys;
  }
}
