// A terminal for a serial line or a monitor: the control sequences of ECMA-48 and xterm that Linux
// programs use, drawn as rows of text so that it can be selected and copied.

import { terminalBytes } from './keys.js';

const COLUMNS = 80, ROWS = 24, MOST_HISTORY = 2000, RETRY_MS = 2000;
const BOLD = 1, DIM = 2, ITALIC = 4, UNDERLINE = 8, INVERSE = 16, HIDDEN = 32;
const BASE = ['#000000', '#cd3131', '#0dbc79', '#c8a020', '#2472c8', '#bc3fbc', '#11a8cd', '#d0d0d0',
  '#666666', '#f14c4c', '#23d18b', '#f5f543', '#3b8eea', '#d670d6', '#29b8db', '#ffffff'];
const LINES = '◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·';

function colour(index) {
  if (index < 16) return BASE[index];
  if (index > 231) {
    const grey = 8 + 10 * (index - 232);
    return `rgb(${grey},${grey},${grey})`;
  }
  const part = n => n ? 55 + 40 * n : 0;
  const cube = index - 16;
  return `rgb(${part(Math.floor(cube / 36))},${part(Math.floor(cube / 6) % 6)},${part(cube % 6)})`;
}

/** The grid and what control sequences do to it; draws nothing. */
export class Grid {
  constructor(reply) {
    this.reply = reply;
    this.history = [];
    this.reset();
  }

  reset() {
    this.main = this.rows = Array.from({ length: ROWS }, () => this.blank());
    this.other = null;
    this.x = this.y = 0;
    this.style = { flags: 0, fore: null, back: null };
    this.top = 0;
    this.bottom = ROWS - 1;
    this.saved = null;
    this.wrapNext = false;
    this.cursorShown = true;
    this.autoWrap = true;
    this.insert = false;
    this.origin = false;
    this.applicationCursor = false;
    this.bracketedPaste = false;
    this.sets = ['B', 'B'];
    this.shift = 0;
    this.parse = this.ground;
  }

  blank() {
    return Array.from({ length: COLUMNS }, () => ({ c: ' ', s: { flags: 0, fore: null, back: this.style ? this.style.back : null } }));
  }

  write(text) {
    for (const c of text) this.parse(c);
  }

  // Parser states: each takes one character.

  ground(c) {
    const code = c.codePointAt(0);
    if (code >= 0x20 && code !== 0x7f) {
      this.put(c);
      return;
    }
    switch (c) {
      case '\b': this.x = Math.max(0, this.x - 1); this.wrapNext = false; break;
      case '\t': this.x = Math.min(COLUMNS - 1, (this.x | 7) + 1); break;
      case '\n': case '\v': case '\f': this.lineFeed(); break;
      case '\r': this.x = 0; this.wrapNext = false; break;
      case '\x0e': this.shift = 1; break;
      case '\x0f': this.shift = 0; break;
      case '\x1b': this.parse = this.escape; break;
    }
  }

  escape(c) {
    this.parse = this.ground;
    switch (c) {
      case '[': this.given = ''; this.parse = this.control; break;
      case ']': case 'P': case '_': case '^': this.given = ''; this.parse = this.string; break;
      case '(': case ')': this.parse = set => { this.sets[c === ')' ? 1 : 0] = set; this.parse = this.ground; }; break;
      case '#': case '%': case '*': case '+': this.parse = () => { this.parse = this.ground; }; break;
      case '7': this.save(); break;
      case '8': this.restore(); break;
      case 'D': this.lineFeed(); break;
      case 'E': this.x = 0; this.lineFeed(); break;
      case 'M': this.reverseFeed(); break;
      case 'c': this.reset(); break;
    }
  }

  string(c) {
    // Titles and the like, ended by BEL or ESC \; too long a one is not one.
    if (c === '\x07' || this.given.length > 4096) this.parse = this.ground;
    else if (c === '\x1b') this.parse = this.escape;
    this.given += c;
  }

  control(c) {
    if (c === '\x1b') {
      this.parse = this.escape;
      return;
    }
    if (c < ' ') {
      this.ground(c);
      return;
    }
    if (c < '@') {
      if (this.given.length < 256) this.given += c;
      return;
    }
    this.parse = this.ground;
    const mark = /^[<=>?]/.test(this.given) ? this.given[0] : '';
    if (/[ -/]$/.test(this.given)) return;
    const p = this.given.slice(mark.length).split(/[;:]/).map(n => Math.min(9999, parseInt(n, 10) || 0));
    this.sequence(mark, c, p);
  }

  sequence(mark, c, p) {
    const n = Math.max(1, p[0]);
    if (mark) {
      if (mark === '?' && (c === 'h' || c === 'l')) p.forEach(mode => this.privateMode(mode, c === 'h'));
      return;
    }
    this.wrapNext = false;
    switch (c) {
      case 'A': this.y = Math.max(this.y >= this.top ? this.top : 0, this.y - n); break;
      case 'B': case 'e': this.y = Math.min(this.y <= this.bottom ? this.bottom : ROWS - 1, this.y + n); break;
      case 'C': case 'a': this.x = Math.min(COLUMNS - 1, this.x + n); break;
      case 'D': this.x = Math.max(0, this.x - n); break;
      case 'E': this.x = 0; this.y = Math.min(ROWS - 1, this.y + n); break;
      case 'F': this.x = 0; this.y = Math.max(0, this.y - n); break;
      case 'G': case '`': this.x = Math.min(COLUMNS, n) - 1; break;
      case 'd': this.move(n, this.x + 1); break;
      case 'H': case 'f': this.move(n, Math.max(1, p[1] || 1)); break;
      case 'J': this.eraseScreen(p[0]); break;
      case 'K': this.eraseLine(p[0]); break;
      case 'L': this.scrollFrom(this.y, -n); break;
      case 'M': this.scrollFrom(this.y, n); break;
      case 'P': this.shiftLine(n, true); break;
      case '@': this.shiftLine(n, false); break;
      case 'X': for (let i = this.x; i < Math.min(COLUMNS, this.x + n); i++) this.erase(this.y, i); break;
      case 'S': this.scroll(this.top, n); break;
      case 'T': this.scroll(this.top, -n); break;
      case 'b': for (let i = 0; i < Math.min(n, COLUMNS); i++) this.put(this.lastPut || ' '); break;
      case 'm': this.look(p); break;
      case 'r': this.region(p); break;
      case 's': this.save(); break;
      case 'u': this.restore(); break;
      case 'h': case 'l': if (p[0] === 4) this.insert = c === 'h'; break;
      case 'n': this.report(p[0]); break;
      case 'c': this.reply('\x1b[?6c'); break;
    }
  }

  privateMode(mode, on) {
    switch (mode) {
      case 1: this.applicationCursor = on; break;
      case 6: this.origin = on; this.move(1, 1); break;
      case 7: this.autoWrap = on; break;
      case 25: this.cursorShown = on; break;
      case 47: case 1047: this.alternate(on); break;
      case 1049:
        if (on) this.save();
        this.alternate(on);
        if (!on) this.restore();
        break;
      case 2004: this.bracketedPaste = on; break;
    }
  }

  alternate(on) {
    if (on === (this.rows !== this.main)) return;
    this.rows = on ? Array.from({ length: ROWS }, () => this.blank()) : this.main;
  }

  report(what) {
    if (what === 5) this.reply('\x1b[0n');
    if (what === 6) this.reply(`\x1b[${this.y + 1};${this.x + 1}R`);
  }

  // Grid.

  put(c) {
    if (this.wrapNext && this.autoWrap) {
      this.x = 0;
      this.lineFeed();
    }
    this.wrapNext = false;
    if (this.sets[this.shift] === '0' && c >= '`' && c <= '~') c = LINES[c.charCodeAt(0) - 0x60] || c;
    this.lastPut = c;
    if (this.insert) this.shiftLine(1, false);
    this.rows[this.y][this.x] = { c, s: this.style };
    if (this.x === COLUMNS - 1) this.wrapNext = true;
    else this.x++;
  }

  lineFeed() {
    this.wrapNext = false;
    if (this.y === this.bottom) this.scroll(this.top, 1);
    else if (this.y < ROWS - 1) this.y++;
  }

  reverseFeed() {
    if (this.y === this.top) this.scroll(this.top, -1);
    else if (this.y > 0) this.y--;
  }

  /** Moves the lines from {@code first} to the end of the region up, or down when negative. */
  scroll(first, n) {
    const size = this.bottom - first + 1;
    const count = Math.min(Math.abs(n), size);
    for (let i = 0; i < count; i++) {
      if (n > 0) {
        const gone = this.rows.splice(first, 1)[0];
        this.rows.splice(this.bottom, 0, this.blank());
        if (first === 0 && this.bottom === ROWS - 1 && this.rows === this.main) {
          this.history.push(gone);
          if (this.history.length > MOST_HISTORY) this.history.shift();
        }
      } else {
        this.rows.splice(this.bottom, 1);
        this.rows.splice(first, 0, this.blank());
      }
    }
  }

  scrollFrom(y, n) {
    if (y < this.top || y > this.bottom) return;
    // Lines that are deleted inside of the screen are no history.
    const history = this.history;
    this.history = [];
    this.scroll(y, n);
    this.history = history;
    this.x = 0;
  }

  shiftLine(n, remove) {
    const row = this.rows[this.y];
    const count = Math.min(n, COLUMNS - this.x);
    const blank = this.blank().slice(0, count);
    if (remove) {
      row.splice(this.x, count);
      row.push(...blank);
    } else {
      row.splice(this.x, 0, ...blank);
      row.length = COLUMNS;
    }
  }

  erase(y, x) {
    this.rows[y][x] = { c: ' ', s: { flags: 0, fore: null, back: this.style.back } };
  }

  eraseLine(kind, y = this.y) {
    const from = kind === 0 ? this.x : 0;
    const to = kind === 1 ? this.x : COLUMNS - 1;
    for (let x = from; x <= to; x++) this.erase(y, x);
  }

  eraseScreen(kind) {
    if (kind === 3) {
      this.history = [];
      return;
    }
    for (let y = 0; y < ROWS; y++) {
      if (y === this.y) this.eraseLine(kind);
      else if (kind === 2 || (kind === 0) === (y > this.y)) this.eraseLine(2, y);
    }
  }

  move(row, column) {
    const first = this.origin ? this.top : 0;
    const last = this.origin ? this.bottom : ROWS - 1;
    this.y = Math.min(last, first + row - 1);
    this.x = Math.min(COLUMNS, column) - 1;
  }

  region(p) {
    const top = Math.max(1, p[0]) - 1;
    const bottom = Math.min(ROWS, p[1] || ROWS) - 1;
    if (top >= bottom) return;
    this.top = top;
    this.bottom = bottom;
    this.move(1, 1);
  }

  save() {
    this.saved = { x: this.x, y: this.y, style: this.style, sets: [...this.sets], shift: this.shift };
  }

  restore() {
    if (this.saved) Object.assign(this, this.saved, { sets: [...this.saved.sets] });
  }

  look(p) {
    const style = { ...this.style };
    for (let i = 0; i < p.length; i++) {
      const n = p[i];
      const on = { 1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 8: HIDDEN }[n];
      const off = { 21: BOLD, 22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 28: HIDDEN }[n];
      if (n === 0) Object.assign(style, { flags: 0, fore: null, back: null });
      else if (on) style.flags |= on;
      else if (off) style.flags &= ~off;
      else if (n >= 30 && n <= 37) style.fore = colour(n - 30);
      else if (n >= 40 && n <= 47) style.back = colour(n - 40);
      else if (n >= 90 && n <= 97) style.fore = colour(n - 82);
      else if (n >= 100 && n <= 107) style.back = colour(n - 92);
      else if (n === 39) style.fore = null;
      else if (n === 49) style.back = null;
      else if (n === 38 || n === 48) {
        const name = n === 38 ? 'fore' : 'back';
        if (p[i + 1] === 5) {
          style[name] = colour(Math.min(255, p[i + 2] || 0));
          i += 2;
        } else if (p[i + 1] === 2) {
          style[name] = `rgb(${[2, 3, 4].map(k => Math.min(255, p[i + k] || 0)).join(',')})`;
          i += 4;
        }
      }
    }
    this.style = style;
  }
}

/** A grid on the page, connected to a terminal of the machine. */
export class Terminal {
  constructor(view, name, address) {
    this.address = address;
    this.element = document.createElement('div');
    this.element.className = 'terminal';
    this.element.id = `terminal-${name}`;
    this.element.tabIndex = 0;
    this.past = document.createElement('div');
    this.screen = document.createElement('div');
    this.element.append(this.past, this.screen);
    view.append(this.element);
    this.element.addEventListener('keydown', event => this.key(event));
    this.element.addEventListener('paste', event => this.paste(event));
    this.connect();
  }

  connect() {
    // The server tells from the first byte it has kept.
    this.grid = new Grid(text => this.send(text));
    this.drawn = 0;
    this.decoder = new TextDecoder();
    this.socket = new WebSocket(this.address, 'binary');
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = event => {
      this.grid.write(this.decoder.decode(event.data, { stream: true }));
      this.drawSoon();
    };
    this.socket.onclose = () => setTimeout(() => this.connect(), RETRY_MS);
  }

  send(text) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += 4096) this.socket.send(bytes.slice(at, at + 4096));
  }

  key(event) {
    const text = terminalBytes(event, this.grid.applicationCursor);
    if (text === null) return;
    event.preventDefault();
    this.send(text);
    this.element.scrollTop = this.element.scrollHeight;
  }

  paste(event) {
    event.preventDefault();
    const text = event.clipboardData.getData('text').replace(/\r?\n/g, '\r');
    this.send(this.grid.bracketedPaste ? `\x1b[200~${text}\x1b[201~` : text);
  }

  drawSoon() {
    if (this.waiting) return;
    this.waiting = true;
    setTimeout(() => {
      this.waiting = false;
      this.draw();
    }, 16);
  }

  draw() {
    const atEnd = this.element.scrollTop + this.element.clientHeight >= this.element.scrollHeight - 20;
    this.past.replaceChildren(...this.pastRows());
    const grid = this.grid;
    this.screen.replaceChildren(
      ...grid.rows.map((row, y) => line(row, grid.cursorShown && y === grid.y ? grid.x : -1)));
    if (atEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Rows of the past do not change: each is made once. */
  pastRows() {
    return this.grid.history.map(row => {
      row.element = row.element || line(row, -1);
      return row.element;
    });
  }
}

function line(row, cursor) {
  const element = document.createElement('div');
  let end = row.length;
  while (end > cursor + 1 && row[end - 1].c === ' ' && !row[end - 1].s.back && !(row[end - 1].s.flags & INVERSE)) end--;
  for (let x = 0; x < end;) {
    const from = x;
    let text = '';
    do text += row[x++].c;
    while (x < end && row[x].s === row[from].s && x !== cursor && from !== cursor);
    element.append(span(text, row[from].s, from === cursor));
  }
  return element;
}

function span(text, style, isCursor) {
  let { fore, back } = style;
  const flags = style.flags;
  if (!fore && !back && !flags && !isCursor) return document.createTextNode(text);
  if (!!(flags & INVERSE) !== isCursor) [fore, back] = [back || '#000000', fore || '#d0d0d0'];
  const element = document.createElement('span');
  element.textContent = text;
  if (fore) element.style.color = fore;
  if (back) element.style.backgroundColor = back;
  if (flags & BOLD) element.style.fontWeight = 'bold';
  if (flags & DIM) element.style.opacity = '0.6';
  if (flags & ITALIC) element.style.fontStyle = 'italic';
  if (flags & UNDERLINE) element.style.textDecoration = 'underline';
  if (flags & HIDDEN) element.style.visibility = 'hidden';
  return element;
}
