/* AES-128 (FIPS 197) by one table of words and rotations, as software without special instructions does it. The
 * S-box is computed from its definition; the key is made up. */
#include "kernels.h"

#define ROUNDS 10

static u8 sbox[256];
static u32 table[256];
static u32 keys[4 * (ROUNDS + 1)];

static u8 twice(u8 x) { return (u8)(x << 1 ^ (x >> 7) * 0x1b); }
static u32 turn(u32 x, int by) { return x << by | x >> (32 - by); }

static void prepare(void) {
  u8 p = 1, q = 1;
  do {
    p = p ^ twice(p);
    q ^= (u8)(q << 1);
    q ^= (u8)(q << 2);
    q ^= (u8)(q << 4);
    if (q & 0x80)
      q ^= 0x09;
    sbox[p] = (u8)(q ^ (u8)(q << 1 | q >> 7) ^ (u8)(q << 2 | q >> 6) ^ (u8)(q << 3 | q >> 5) ^ (u8)(q << 4 | q >> 4) ^ 0x63);
  } while (p != 1);
  sbox[0] = 0x63;
  for (int i = 0; i < 256; i++) {
    u8 s = sbox[i], d = twice(s);
    table[i] = d | (u32)s << 8 | (u32)s << 16 | (u32)(u8)(d ^ s) << 24;
  }
  u8 constant = 1;
  for (u32 i = 0; i < 4; i++)
    keys[i] = 0x03020100 + 0x04040404 * i;
  for (int i = 4; i < 4 * (ROUNDS + 1); i++) {
    u32 x = keys[i - 1];
    if (i % 4 == 0) {
      x = turn(x, 24);
      x = sbox[x & 255] | (u32)sbox[x >> 8 & 255] << 8 | (u32)sbox[x >> 16 & 255] << 16 | (u32)sbox[x >> 24] << 24;
      x ^= constant;
      constant = twice(constant);
    }
    keys[i] = keys[i - 4] ^ x;
  }
}

static u32 column(u32 a, u32 b, u32 c, u32 d, u32 key) {
  return table[a & 255] ^ turn(table[b >> 8 & 255], 8) ^ turn(table[c >> 16 & 255], 16) ^ turn(table[d >> 24], 24) ^ key;
}

static u32 last(u32 a, u32 b, u32 c, u32 d, u32 key) {
  return (sbox[a & 255] | (u32)sbox[b >> 8 & 255] << 8 | (u32)sbox[c >> 16 & 255] << 16 | (u32)sbox[d >> 24] << 24) ^ key;
}

u64 kernel_aes(u64 blocks) {
  prepare();
  u32 w = 0x33221100, x = 0x77665544, y = 0xbbaa9988, z = 0xffeeddcc;
  for (u64 block = 0; block < blocks; block++) {
    const u32 *key = keys;
    u32 a = w ^ key[0], b = x ^ key[1], c = y ^ key[2], d = z ^ key[3];
    for (int round = 1; round < ROUNDS; round++) {
      key += 4;
      u32 e = column(a, b, c, d, key[0]), f = column(b, c, d, a, key[1]);
      u32 g = column(c, d, a, b, key[2]), h = column(d, a, b, c, key[3]);
      a = e;
      b = f;
      c = g;
      d = h;
    }
    key += 4;
    w = last(a, b, c, d, key[0]);
    x = last(b, c, d, a, key[1]);
    y = last(c, d, a, b, key[2]);
    z = last(d, a, b, c, key[3]);
  }
  return (u64)(w ^ y) << 32 | (x ^ z);
}
