package org.tuber.core.backend;

/**
 * The keys of a PC keyboard by position, named as the command line's {@code sendkey} names them.
 *
 * <p>Each carries its make code of scan code set 1: one byte, or E0H (E1H for Pause) and a byte.
 */
public enum KeyCode {
  /** Key esc. */
  ESC("esc", 0x01),
  /** Key 1. */
  DIGIT_1("1", 0x02),
  /** Key 2. */
  DIGIT_2("2", 0x03),
  /** Key 3. */
  DIGIT_3("3", 0x04),
  /** Key 4. */
  DIGIT_4("4", 0x05),
  /** Key 5. */
  DIGIT_5("5", 0x06),
  /** Key 6. */
  DIGIT_6("6", 0x07),
  /** Key 7. */
  DIGIT_7("7", 0x08),
  /** Key 8. */
  DIGIT_8("8", 0x09),
  /** Key 9. */
  DIGIT_9("9", 0x0a),
  /** Key 0. */
  DIGIT_0("0", 0x0b),
  /** Key minus. */
  MINUS("minus", 0x0c),
  /** Key equal. */
  EQUAL("equal", 0x0d),
  /** Key backspace. */
  BACKSPACE("backspace", 0x0e),
  /** Key tab. */
  TAB("tab", 0x0f),
  /** Key q. */
  Q("q", 0x10),
  /** Key w. */
  W("w", 0x11),
  /** Key e. */
  E("e", 0x12),
  /** Key r. */
  R("r", 0x13),
  /** Key t. */
  T("t", 0x14),
  /** Key y. */
  Y("y", 0x15),
  /** Key u. */
  U("u", 0x16),
  /** Key i. */
  I("i", 0x17),
  /** Key o. */
  O("o", 0x18),
  /** Key p. */
  P("p", 0x19),
  /** Key bracket_left. */
  BRACKET_LEFT("bracket_left", 0x1a),
  /** Key bracket_right. */
  BRACKET_RIGHT("bracket_right", 0x1b),
  /** Key ret. */
  RET("ret", 0x1c),
  /** Key ctrl. */
  CTRL("ctrl", 0x1d),
  /** Key a. */
  A("a", 0x1e),
  /** Key s. */
  S("s", 0x1f),
  /** Key d. */
  D("d", 0x20),
  /** Key f. */
  F("f", 0x21),
  /** Key g. */
  G("g", 0x22),
  /** Key h. */
  H("h", 0x23),
  /** Key j. */
  J("j", 0x24),
  /** Key k. */
  K("k", 0x25),
  /** Key l. */
  L("l", 0x26),
  /** Key semicolon. */
  SEMICOLON("semicolon", 0x27),
  /** Key apostrophe. */
  APOSTROPHE("apostrophe", 0x28),
  /** Key grave_accent. */
  GRAVE_ACCENT("grave_accent", 0x29),
  /** Key shift. */
  SHIFT("shift", 0x2a),
  /** Key backslash. */
  BACKSLASH("backslash", 0x2b),
  /** Key z. */
  Z("z", 0x2c),
  /** Key x. */
  X("x", 0x2d),
  /** Key c. */
  C("c", 0x2e),
  /** Key v. */
  V("v", 0x2f),
  /** Key b. */
  B("b", 0x30),
  /** Key n. */
  N("n", 0x31),
  /** Key m. */
  M("m", 0x32),
  /** Key comma. */
  COMMA("comma", 0x33),
  /** Key dot. */
  DOT("dot", 0x34),
  /** Key slash. */
  SLASH("slash", 0x35),
  /** Key shift_r. */
  SHIFT_R("shift_r", 0x36),
  /** Key kp_multiply. */
  KP_MULTIPLY("kp_multiply", 0x37),
  /** Key alt. */
  ALT("alt", 0x38),
  /** Key spc. */
  SPC("spc", 0x39),
  /** Key caps_lock. */
  CAPS_LOCK("caps_lock", 0x3a),
  /** Key f1. */
  F1("f1", 0x3b),
  /** Key f2. */
  F2("f2", 0x3c),
  /** Key f3. */
  F3("f3", 0x3d),
  /** Key f4. */
  F4("f4", 0x3e),
  /** Key f5. */
  F5("f5", 0x3f),
  /** Key f6. */
  F6("f6", 0x40),
  /** Key f7. */
  F7("f7", 0x41),
  /** Key f8. */
  F8("f8", 0x42),
  /** Key f9. */
  F9("f9", 0x43),
  /** Key f10. */
  F10("f10", 0x44),
  /** Key num_lock. */
  NUM_LOCK("num_lock", 0x45),
  /** Key scroll_lock. */
  SCROLL_LOCK("scroll_lock", 0x46),
  /** Key kp_7. */
  KP_7("kp_7", 0x47),
  /** Key kp_8. */
  KP_8("kp_8", 0x48),
  /** Key kp_9. */
  KP_9("kp_9", 0x49),
  /** Key kp_subtract. */
  KP_SUBTRACT("kp_subtract", 0x4a),
  /** Key kp_4. */
  KP_4("kp_4", 0x4b),
  /** Key kp_5. */
  KP_5("kp_5", 0x4c),
  /** Key kp_6. */
  KP_6("kp_6", 0x4d),
  /** Key kp_add. */
  KP_ADD("kp_add", 0x4e),
  /** Key kp_1. */
  KP_1("kp_1", 0x4f),
  /** Key kp_2. */
  KP_2("kp_2", 0x50),
  /** Key kp_3. */
  KP_3("kp_3", 0x51),
  /** Key kp_0. */
  KP_0("kp_0", 0x52),
  /** Key kp_decimal. */
  KP_DECIMAL("kp_decimal", 0x53),
  /** Key less. */
  LESS("less", 0x56),
  /** Key f11. */
  F11("f11", 0x57),
  /** Key f12. */
  F12("f12", 0x58),
  /** Key kp_enter. */
  KP_ENTER("kp_enter", 0xe01c),
  /** Key ctrl_r. */
  CTRL_R("ctrl_r", 0xe01d),
  /** Key kp_divide. */
  KP_DIVIDE("kp_divide", 0xe035),
  /** Key print. */
  PRINT("print", 0xe037),
  /** Key alt_r. */
  ALT_R("alt_r", 0xe038),
  /** Key pause. */
  PAUSE("pause", 0xe146),
  /** Key home. */
  HOME("home", 0xe047),
  /** Key up. */
  UP("up", 0xe048),
  /** Key pgup. */
  PGUP("pgup", 0xe049),
  /** Key left. */
  LEFT("left", 0xe04b),
  /** Key right. */
  RIGHT("right", 0xe04d),
  /** Key end. */
  END("end", 0xe04f),
  /** Key down. */
  DOWN("down", 0xe050),
  /** Key pgdn. */
  PGDN("pgdn", 0xe051),
  /** Key insert. */
  INSERT("insert", 0xe052),
  /** Key delete. */
  DELETE("delete", 0xe053),
  /** Key meta_l. */
  META_L("meta_l", 0xe05b),
  /** Key meta_r. */
  META_R("meta_r", 0xe05c),
  /** Key menu. */
  MENU("menu", 0xe05d),
  /** Key power. */
  POWER("power", 0xe05e),
  /** Key sleep. */
  SLEEP("sleep", 0xe05f),
  /** Key wake. */
  WAKE("wake", 0xe063),
  /** Key ro. */
  RO("ro", 0x73),
  /** Key hiragana. */
  HIRAGANA("hiragana", 0x70),
  /** Key henkan. */
  HENKAN("henkan", 0x79),
  /** Key muhenkan. */
  MUHENKAN("muhenkan", 0x7b),
  /** Key yen. */
  YEN("yen", 0x7d),
  /** Key audionext. */
  AUDIONEXT("audionext", 0xe019),
  /** Key audioprev. */
  AUDIOPREV("audioprev", 0xe010),
  /** Key audiostop. */
  AUDIOSTOP("audiostop", 0xe024),
  /** Key audioplay. */
  AUDIOPLAY("audioplay", 0xe022),
  /** Key audiomute. */
  AUDIOMUTE("audiomute", 0xe020),
  /** Key volumeup. */
  VOLUMEUP("volumeup", 0xe030),
  /** Key volumedown. */
  VOLUMEDOWN("volumedown", 0xe02e);

  private final String qcode;
  private final int set1;

  KeyCode(String qcode, int set1) {
    this.qcode = qcode;
    this.set1 = set1;
  }

  /** The name in {@code sendkey}. */
  public String qcode() {
    return qcode;
  }

  /** Make code of set 1; bits 15:8 hold the prefix byte or zero. */
  public int set1() {
    return set1;
  }

  /** The key with this {@code sendkey} name, or null. */
  public static KeyCode ofQcode(String name) {
    for (KeyCode key : values()) {
      if (key.qcode.equals(name)) {
        return key;
      }
    }
    return null;
  }
}
