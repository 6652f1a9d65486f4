/* Quicksort of a quarter of a million random words: loads, compares, branches nobody can foresee. */
#include "kernels.h"

#define LENGTH (1 << 18)

static u32 numbers[LENGTH];

static void sort(u32 *from, u32 *to) {
  while (from < to) {
    u32 pivot = from[(to - from) / 2];
    u32 *low = from, *high = to;
    while (low <= high) {
      while (*low < pivot)
        low++;
      while (*high > pivot)
        high--;
      if (low <= high) {
        u32 kept = *low;
        *low++ = *high;
        *high-- = kept;
      }
    }
    /* Into the smaller part by a call, into the larger by the loop: the stack stays shallow. */
    if (high - from < to - low) {
      sort(from, high);
      from = low;
    } else {
      sort(low, to);
      to = high;
    }
  }
}

u64 kernel_quicksort(u64 passes) {
  u64 sum = 0;
  u32 random = 2463534242u;
  for (u64 pass = 0; pass < passes; pass++) {
    for (int i = 0; i < LENGTH; i++) {
      random ^= random << 13;
      random ^= random >> 17;
      random ^= random << 5;
      numbers[i] = random;
    }
    sort(numbers, numbers + LENGTH - 1);
    for (int i = 0; i < LENGTH; i += 4096)
      sum = sum * 31 + numbers[i];
  }
  return sum;
}
