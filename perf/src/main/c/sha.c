/* The shape of SHA-256's compression function (FIPS 180-4, 6.2.2) with made-up round constants:
 * rotations, logic and additions on 32-bit registers, hardly a branch. */
#include "kernels.h"

static u32 rotate(u32 value, int by) { return value >> by | value << (32 - by); }

static u32 constant[64];
static u32 schedule[64];

u64 kernel_sha(u64 blocks) {
  u32 state[8];
  u32 seed = 0x243f6a88;
  for (int i = 0; i < 64; i++) {
    seed = seed * 1664525 + 1013904223;
    constant[i] = seed;
  }
  for (int i = 0; i < 8; i++)
    state[i] = constant[i] ^ 0x5bd1e995;
  for (u64 block = 0; block < blocks; block++) {
    for (int i = 0; i < 16; i++)
      schedule[i] = state[i & 7] + (u32)block * (u32)(i + 1);
    for (int i = 16; i < 64; i++) {
      u32 x = schedule[i - 15], y = schedule[i - 2];
      u32 s0 = rotate(x, 7) ^ rotate(x, 18) ^ x >> 3;
      u32 s1 = rotate(y, 17) ^ rotate(y, 19) ^ y >> 10;
      schedule[i] = schedule[i - 16] + s0 + schedule[i - 7] + s1;
    }
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
      u32 upper = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      u32 first = h + upper + ((e & f) ^ (~e & g)) + constant[i] + schedule[i];
      u32 lower = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      u32 second = lower + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + first;
      d = c;
      c = b;
      b = a;
      a = first + second;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
  return (u64)state[0] << 32 | (state[3] ^ state[7]);
}
