/* The way a C library looks for a byte: 16 or 32 of them a step, a mask of the hits, its lowest bit. */
#include "kernels.h"
#ifdef __aarch64__
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

#define LENGTH (1 << 16)

static u8 text[LENGTH + 32] __attribute__((aligned(32)));

static void fill(void) {
  u32 random = 12345;
  for (int i = 0; i < LENGTH; i++) {
    random = random * 1103515245 + 12345;
    text[i] = (u8)(random >> 16 & 63) + 32;
    if ((random >> 8 & 255) == 7)
      text[i] = '\n';
  }
  text[LENGTH - 1] = '\n';
}

#ifdef __aarch64__
/* Four bits of the mask a byte: what a C library does without PMOVMSKB. */
u64 kernel_search(u64 passes) {
  u64 sum = 0;
  fill();
  uint8x16_t wanted = vdupq_n_u8('\n');
  for (u64 pass = 0; pass < passes; pass++) {
    u32 at = (u32)pass & 15;
    while (at < LENGTH) {
      u32 from = at & ~15u;
      uint8x16_t equal = vceqq_u8(vld1q_u8(text + from), wanted);
      uint8x8_t narrow = vshrn_n_u16(vreinterpretq_u16_u8(equal), 4);
      u64 hits = vget_lane_u64(vreinterpret_u64_u8(narrow), 0);
      hits &= ~0ul << (at & 15) * 4;
      if (hits != 0) {
        at = from + (u32)__builtin_ctzl(hits) / 4;
        sum = sum * 5 + at;
        at++;
      } else {
        at = from + 16;
      }
    }
  }
  return sum;
}

u64 kernel_search256(u64 passes) {
  return KERNEL_UNSUITED | (passes & 0);
}
#else
u64 kernel_search(u64 passes) {
  u64 sum = 0;
  fill();
  __m128i wanted = _mm_set1_epi8('\n');
  for (u64 pass = 0; pass < passes; pass++) {
    u32 at = (u32)pass & 15;
    while (at < LENGTH) {
      u32 from = at & ~15u;
      u32 hits = (u32)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128((__m128i *)(text + from)), wanted));
      hits &= ~0u << (at & 15);
      if (hits != 0) {
        at = from + (u32)__builtin_ctz(hits);
        sum = sum * 5 + at;
        at++;
      } else {
        at = from + 16;
      }
    }
  }
  return sum;
}

__attribute__((target("avx2"))) static u64 by_32(u64 passes) {
  u64 sum = 0;
  fill();
  __m256i wanted = _mm256_set1_epi8('\n');
  for (u64 pass = 0; pass < passes; pass++) {
    u32 at = (u32)pass & 31;
    while (at < LENGTH) {
      u32 from = at & ~31u;
      u32 hits =
          (u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_load_si256((__m256i *)(text + from)), wanted));
      hits &= ~0u << (at & 31);
      if (hits != 0) {
        at = from + (u32)__builtin_ctz(hits);
        sum = sum * 5 + at;
        at++;
      } else {
        at = from + 32;
      }
    }
  }
  return sum;
}

u64 kernel_search256(u64 passes) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") ? by_32(passes) : KERNEL_UNSUITED;
}
#endif
