/* FEAT_I8MM: products of matrices of bytes and dot products of mixed signs. */
#include <arm_neon.h>
#include <stdio.h>
#include <string.h>

static unsigned long state = 88172645463325252ul;

static unsigned long next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static void say(const char *what, int32x4_t v) {
  unsigned out[4];
  memcpy(out, &v, 16);
  printf("%s %08x %08x %08x %08x\n", what, out[0], out[1], out[2], out[3]);
}

int main(void) {
  for (int i = 0; i < 100; i++) {
    unsigned long q[6];
    for (int j = 0; j < 6; j++)
      q[j] = i % 7 == 0 ? 0x8080ff7f017f80fful * (j + 1) : next();
    int32x4_t d;
    uint8x16_t a, b;
    memcpy(&d, q, 16);
    memcpy(&a, q + 2, 16);
    memcpy(&b, q + 4, 16);
    int8x16_t sa = vreinterpretq_s8_u8(a), sb = vreinterpretq_s8_u8(b);
    say("smmla", vmmlaq_s32(d, sa, sb));
    say("ummla", vreinterpretq_s32_u32(vmmlaq_u32(vreinterpretq_u32_s32(d), a, b)));
    say("usmmla", vusmmlaq_s32(d, a, sb));
    say("usdot", vusdotq_s32(d, a, sb));
    say("usdot of 8", vcombine_s32(vusdot_s32(vget_low_s32(d), vget_low_u8(a), vget_low_s8(sb)), vget_high_s32(d)));
    say("usdot by 0", vusdotq_laneq_s32(d, a, sb, 0));
    say("usdot by 3", vusdotq_laneq_s32(d, a, sb, 3));
    say("sudot by 1", vsudotq_laneq_s32(d, sa, b, 1));
    say("sudot by 2", vsudotq_laneq_s32(d, sa, b, 2));
  }
  return 0;
}
