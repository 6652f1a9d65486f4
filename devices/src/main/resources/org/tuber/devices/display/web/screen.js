// The guest's screen: a client of the RFB protocol (RFC 6143) with hextile, over a WebSocket whose
// messages each hold whole messages of the protocol. Keys go as QEMU extended key events, the mouse as
// movements when the server says so.

import { keyNumber } from './keys.js';

const RAW = 0, HEXTILE = 5, DESKTOP_SIZE = -223, POINTER_MOTION = -257, EXTENDED_KEY = -258;
const MOTION_ZERO = 0x7fff;
const RETRY_MS = 2000;

export class Screen {
  constructor(view, address, hint) {
    this.address = address;
    this.hint = hint;
    this.canvas = document.createElement('canvas');
    this.canvas.id = 'screen';
    this.canvas.tabIndex = 0;
    this.canvas.width = 720;
    this.canvas.height = 400;
    view.append(this.canvas);
    this.context = this.canvas.getContext('2d', { alpha: false });
    this.held = new Map();
    this.buttons = 0;
    this.listen();
    this.connect();
  }

  connect() {
    this.phase = 'version';
    this.relative = false;
    this.socket = new WebSocket(this.address, 'binary');
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = event => this.message(event.data);
    this.socket.onclose = () => {
      this.phase = 'closed';
      this.held.clear();
      setTimeout(() => this.connect(), RETRY_MS);
    };
  }

  send(...bytes) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(new Uint8Array(bytes));
  }

  // Protocol.

  message(data) {
    const view = new DataView(data);
    switch (this.phase) {
      case 'version':
        this.socket.send(new TextEncoder().encode('RFB 003.008\n'));
        this.phase = 'security';
        break;
      case 'security':
        this.send(1);
        this.phase = 'result';
        break;
      case 'result':
        this.send(1);
        this.phase = 'init';
        break;
      case 'init':
        this.resize(view.getUint16(0), view.getUint16(2));
        this.start();
        this.phase = 'messages';
        break;
      case 'messages':
        if (view.getUint8(0) === 0) this.update(view, new Uint8Array(data));
        break;
    }
  }

  start() {
    // Bytes in memory order red, green, blue: what ImageData wants.
    this.send(0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0);
    const encodings = [HEXTILE, RAW, DESKTOP_SIZE, POINTER_MOTION, EXTENDED_KEY];
    const set = new DataView(new ArrayBuffer(4 + 4 * encodings.length));
    set.setUint8(0, 2);
    set.setUint16(2, encodings.length);
    encodings.forEach((encoding, i) => set.setInt32(4 + 4 * i, encoding));
    this.socket.send(set);
    this.ask(false);
  }

  ask(incremental) {
    const { width, height } = this.canvas;
    this.send(3, incremental ? 1 : 0, 0, 0, 0, 0, width >> 8, width & 255, height >> 8, height & 255);
  }

  resize(width, height) {
    if (width === this.canvas.width && height === this.canvas.height) return;
    this.canvas.width = Math.max(1, width);
    this.canvas.height = Math.max(1, height);
  }

  update(view, bytes) {
    let at = 4;
    let resized = false;
    for (let n = view.getUint16(2); n > 0; n--) {
      const [x, y, w, h] = [0, 2, 4, 6].map(i => view.getUint16(at + i));
      const encoding = view.getInt32(at + 8);
      at += 12;
      switch (encoding) {
        case RAW:
        case HEXTILE: {
          const image = this.context.createImageData(w, h);
          const pixels = new Uint32Array(image.data.buffer);
          at = encoding === RAW ? raw(view, at, pixels, w, 0, 0, w, h) : hextile(view, bytes, at, pixels, w, h);
          this.context.putImageData(image, x, y);
          break;
        }
        case DESKTOP_SIZE:
          this.resize(w, h);
          resized = true;
          break;
        case POINTER_MOTION:
          this.relative = x === 0;
          this.tell();
          return;
        case EXTENDED_KEY:
          return;
        default:
          throw new Error(`encoding ${encoding} was not asked for`);
      }
    }
    this.ask(!resized);
  }

  // Keyboard and mouse.

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener('keydown', event => this.key(event, true));
    canvas.addEventListener('keyup', event => this.key(event, false));
    canvas.addEventListener('blur', () => this.letGo());
    canvas.addEventListener('contextmenu', event => event.preventDefault());
    for (const type of ['mousedown', 'mouseup', 'mousemove']) {
      canvas.addEventListener(type, event => this.pointer(event));
    }
    canvas.addEventListener('wheel', event => this.wheel(event), { passive: false });
    document.addEventListener('pointerlockchange', () => this.tell());
  }

  key(event, down) {
    event.preventDefault();
    const number = keyNumber(event);
    if (!number) return;
    if (down) {
      this.held.set(event.code, number);
    } else {
      this.held.delete(event.code);
    }
    this.sendKey(number, down);
  }

  sendKey(number, down) {
    this.send(255, 0, 0, down ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, number);
  }

  /** A key whose release goes to another window would stay down in the guest. */
  letGo() {
    for (const number of this.held.values()) this.sendKey(number, false);
    this.held.clear();
  }

  get isCaptured() {
    return document.pointerLockElement === this.canvas;
  }

  pointer(event) {
    event.preventDefault();
    if (event.type === 'mousedown') {
      this.canvas.focus();
      if (this.relative && !this.isCaptured) {
        const locked = this.canvas.requestPointerLock();
        if (locked && locked.catch) locked.catch(() => {});
        return;
      }
    }
    this.buttons = (event.buttons & 1) | (event.buttons & 4 ? 2 : 0) | (event.buttons & 2 ? 4 : 0);
    if (this.relative) {
      if (this.isCaptured) this.motion(event.movementX, event.movementY);
    } else {
      this.place(event);
    }
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = (offset, size, count) => Math.max(0, Math.min(count - 1, Math.floor(offset * count / size)));
    const x = scale(event.clientX - box.left, box.width, this.canvas.width);
    const y = scale(event.clientY - box.top, box.height, this.canvas.height);
    this.sendPointer(this.buttons, x, y);
    this.last = [x, y];
  }

  motion(dx, dy) {
    const limit = d => MOTION_ZERO + Math.max(-MOTION_ZERO, Math.min(MOTION_ZERO, Math.round(d)));
    this.sendPointer(this.buttons, limit(dx), limit(dy));
  }

  wheel(event) {
    if (this.relative && !this.isCaptured) return;
    event.preventDefault();
    const bit = event.deltaY < 0 ? 8 : event.deltaY > 0 ? 16 : 0;
    const [x, y] = this.relative ? [MOTION_ZERO, MOTION_ZERO] : this.last || [0, 0];
    if (bit) {
      this.sendPointer(this.buttons | bit, x, y);
      this.sendPointer(this.buttons, x, y);
    }
  }

  sendPointer(mask, x, y) {
    this.send(5, mask, x >> 8, x & 255, y >> 8, y & 255);
  }

  tell() {
    this.hint(
      !this.relative ? '' : this.isCaptured ? 'Esc held in the browser gives the mouse back' : 'Click into the screen to give the guest your mouse');
  }
}

// Decoding. Pixels are 32 bits, little-endian, without alpha.

function raw(view, at, pixels, stride, x, y, w, h) {
  for (let row = y; row < y + h; row++) {
    for (let column = x; column < x + w; column++) {
      pixels[row * stride + column] = view.getUint32(at, true) | 0xff000000;
      at += 4;
    }
  }
  return at;
}

function fill(pixels, stride, x, y, w, h, colour) {
  for (let row = y; row < y + h; row++) {
    pixels.fill(colour, row * stride + x, row * stride + x + w);
  }
}

function hextile(view, bytes, at, pixels, w, h) {
  let back = 0xff000000, fore = 0xff000000;
  for (let ty = 0; ty < h; ty += 16) {
    for (let tx = 0; tx < w; tx += 16) {
      const tw = Math.min(16, w - tx), th = Math.min(16, h - ty);
      const kind = bytes[at++];
      if (kind & 1) {
        at = raw(view, at, pixels, w, tx, ty, tw, th);
        continue;
      }
      if (kind & 2) {
        back = (view.getUint32(at, true) | 0xff000000) >>> 0;
        at += 4;
      }
      if (kind & 4) {
        fore = (view.getUint32(at, true) | 0xff000000) >>> 0;
        at += 4;
      }
      fill(pixels, w, tx, ty, tw, th, back);
      for (let n = kind & 8 ? bytes[at++] : 0; n > 0; n--) {
        let colour = fore;
        if (kind & 16) {
          colour = (view.getUint32(at, true) | 0xff000000) >>> 0;
          at += 4;
        }
        const place = bytes[at++], size = bytes[at++];
        fill(pixels, w, tx + (place >> 4), ty + (place & 15), (size >> 4) + 1, (size & 15) + 1, colour);
      }
    }
  }
  return at;
}
