/* Two thousand different functions, each called now and then: more code than fits caches of translations. A round
 * calls every function the same number of times, in an order that is hard to foresee. */
#include "kernels.h"

#define FUNCTIONS 2048

#define ONE(n)                                                                                         \
  __attribute__((noinline)) static u32 function##n(u32 x, u32 *y) {                                    \
    u32 z = x * (2 * n##u + 1) + (*y >> (n % 13 + 1));                                                 \
    if (z & (1u << (n % 31)))                                                                          \
      z ^= x + n##u;                                                                                   \
    else                                                                                               \
      *y += z * (n##u % 7 + 1);                                                                        \
    for (u32 i = z & (n % 4 + 1); i != 0; i--)                                                         \
      z += *y ^ i * n##u;                                                                              \
    *y ^= z;                                                                                           \
    return z;                                                                                          \
  }
#define NAME(n) function##n,

/* Numbers of four digits to the base of eight, with a leading 1 so that none is empty and all are decimal. */
#define EIGHT(F, p) F(p##0) F(p##1) F(p##2) F(p##3) F(p##4) F(p##5) F(p##6) F(p##7)
#define EIGHTS(F, p)                                                                                   \
  EIGHT(F, p##0) EIGHT(F, p##1) EIGHT(F, p##2) EIGHT(F, p##3)                                          \
  EIGHT(F, p##4) EIGHT(F, p##5) EIGHT(F, p##6) EIGHT(F, p##7)
#define MANY(F, p)                                                                                     \
  EIGHTS(F, p##0) EIGHTS(F, p##1) EIGHTS(F, p##2) EIGHTS(F, p##3)                                      \
  EIGHTS(F, p##4) EIGHTS(F, p##5) EIGHTS(F, p##6) EIGHTS(F, p##7)
#define ALL(F)                                                                                         \
  MANY(F, 10) MANY(F, 11) MANY(F, 12) MANY(F, 13)

ALL(ONE)

static u32 (*const functions[FUNCTIONS])(u32, u32 *) = {ALL(NAME)};

u64 kernel_large(u64 passes) {
  u32 x = 1, y = 2, at = 0;
  u64 sum = 0;
  for (u64 pass = 0; pass < passes; pass++) {
    for (u32 i = 0; i < FUNCTIONS; i++) {
      at = (at * 1229 + 1) & (FUNCTIONS - 1);
      x = functions[at](x, &y);
    }
    sum = sum * 31 + (x ^ y);
  }
  return sum;
}
