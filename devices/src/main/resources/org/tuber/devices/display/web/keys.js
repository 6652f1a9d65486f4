// Keys by place: KeyboardEvent.code (UI Events KeyboardEvent code Values) to make codes of scan code
// set 1, those after E0 with bit 7 set, as the RFB extended key event carries them.

const ROWS = [
  [0x01, 'Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace'],
  [0x0f, 'Tab KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter'],
  [0x1d, 'ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote'],
  [0x2a, 'ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply'],
  [0x38, 'AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock'],
  [0x47, 'Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal PrintScreen'],
  [0x56, 'IntlBackslash F11 F12'],
  [0x9c, 'NumpadEnter ControlRight'],
  [0xc6, 'Pause Home ArrowUp PageUp'],
  [0xdb, 'MetaLeft MetaRight ContextMenu Power Sleep'],
];

const SINGLE = {
  NumpadDivide: 0xb5, AltRight: 0xb8, ArrowLeft: 0xcb, ArrowRight: 0xcd, End: 0xcf, ArrowDown: 0xd0,
  PageDown: 0xd1, Insert: 0xd2, Delete: 0xd3, WakeUp: 0xe3, IntlRo: 0x73, KanaMode: 0x70, Convert: 0x79,
  NonConvert: 0x7b, IntlYen: 0x7d, NumpadEqual: 0x59, NumpadComma: 0x7e,
};

const numbers = new Map(Object.entries(SINGLE));
for (const [first, names] of ROWS) {
  names.split(' ').forEach((name, i) => numbers.set(name, first + i));
}

/** The number of the key of a keyboard event, or 0. */
export function keyNumber(event) {
  return numbers.get(event.code) || 0;
}

/** What the keys of an event send on a serial terminal (xterm's sequences), or null. */
export function terminalBytes(event, applicationCursor) {
  const arrows = { ArrowUp: 'A', ArrowDown: 'B', ArrowRight: 'C', ArrowLeft: 'D', Home: 'H', End: 'F' };
  const tildes = { Insert: 2, Delete: 3, PageUp: 5, PageDown: 6, F5: 15, F6: 17, F7: 18, F8: 19, F9: 20, F10: 21, F11: 23, F12: 24 };
  const plain = { Enter: '\r', Backspace: '\x7f', Tab: event.shiftKey ? '\x1b[Z' : '\t', Escape: '\x1b' };
  const key = event.key;
  if (event.metaKey) return null;
  if (arrows[key]) {
    const modifier = 1 + (event.shiftKey ? 1 : 0) + (event.altKey ? 2 : 0) + (event.ctrlKey ? 4 : 0);
    if (modifier > 1) return `\x1b[1;${modifier}${arrows[key]}`;
    return (applicationCursor ? '\x1bO' : '\x1b[') + arrows[key];
  }
  if (tildes[key]) return `\x1b[${tildes[key]}~`;
  if (/^F[1-4]$/.test(key)) return '\x1bO' + 'PQRS'[key[1] - 1];
  if (plain[key] !== undefined) return (event.altKey ? '\x1b' : '') + plain[key];
  if ([...key].length !== 1) return null;
  const altGraph = event.getModifierState && event.getModifierState('AltGraph');
  if (event.ctrlKey && !altGraph) {
    if (event.shiftKey && /[cv]/i.test(key)) return null; // copy and paste
    if (key === ' ' || key === '@') return '\0';
    const code = key.toUpperCase().charCodeAt(0);
    if (code >= 0x41 && code <= 0x5f) return (event.altKey ? '\x1b' : '') + String.fromCharCode(code & 0x1f);
    return key === '?' ? '\x7f' : null;
  }
  return (event.altKey && !altGraph ? '\x1b' : '') + key;
}
