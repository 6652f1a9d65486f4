/* Matrix products in single and double precision, blocked so that they stay in the host's caches: vectors of
 * multiplications and additions. Entries are small fractions of two, so no sum depends on its order. */
#include "kernels.h"

#define SIDE 128

static float fa[SIDE][SIDE], fb[SIDE][SIDE], fc[SIDE][SIDE];
static double da[SIDE][SIDE], db[SIDE][SIDE], dc[SIDE][SIDE];

#define MULTIPLY(name, type, a, b, c)                                                                  \
  static u64 name(u64 passes) {                                                                        \
    u64 sum = 0;                                                                                       \
    for (int i = 0; i < SIDE; i++)                                                                     \
      for (int k = 0; k < SIDE; k++) {                                                                 \
        a[i][k] = (type)((i * 7 + k * 3) % 16) * (type)0.125;                                          \
        b[i][k] = (type)((i * 5 + k * 11) % 32) * (type)0.0625 - 1;                                    \
        c[i][k] = 0;                                                                                   \
      }                                                                                                \
    for (u64 pass = 0; pass < passes; pass++) {                                                        \
      for (int i = 0; i < SIDE; i++) {                                                                 \
        for (int n = 0; n < SIDE; n++)                                                                 \
          c[i][n] = 0;                                                                                 \
        for (int k = 0; k < SIDE; k++) {                                                               \
          type factor = a[i][k];                                                                       \
          for (int n = 0; n < SIDE; n++)                                                               \
            c[i][n] += factor * b[k][n];                                                               \
        }                                                                                              \
      }                                                                                                \
      a[pass % SIDE][pass / SIDE % SIDE] += (type)0.125;                                               \
      sum = sum * 31 + (u64)(long)(c[pass % SIDE][pass * 7 % SIDE] * 128);                             \
    }                                                                                                  \
    return sum;                                                                                        \
  }

MULTIPLY(single, float, fa, fb, fc)
MULTIPLY(twice, double, da, db, dc)

u64 kernel_matrix32(u64 passes) { return single(passes); }
u64 kernel_matrix64(u64 passes) { return twice(passes); }
