/* Double precision in SSE2: a packed loop that streams two arrays, then a scalar sum whose order
 * the compiler may not change. The only kernel that is compiled with SSE. */
#include "kernels.h"

#define LENGTH 2048

static double signal[LENGTH] __attribute__((aligned(16)));
static double filtered[LENGTH] __attribute__((aligned(16)));

u64 kernel_sse2(u64 passes) {
  union {
    double value;
    u64 bits;
  } result = {0};
  for (int i = 0; i < LENGTH; i++) {
    signal[i] = (double)(i % 97) * 0.25 - 11.0;
    filtered[i] = 0.0;
  }
  for (u64 pass = 0; pass < passes; pass++) {
    for (int i = 0; i < LENGTH; i++)
      filtered[i] = filtered[i] * 0.875 + signal[i] * 0.125;
    double energy = 0.0;
    for (int i = 0; i < LENGTH; i++)
      energy += filtered[i] * signal[i];
    signal[pass % LENGTH] = energy / (LENGTH * 16.0);
    result.value += energy;
  }
  return result.bits;
}
