/* Sieve of Eratosthenes over one byte a number: byte stores with a stride, short loops. */
#include "kernels.h"

#define LIMIT (1 << 20)

static u8 is_prime[LIMIT];

u64 kernel_sieve(u64 passes) {
  u64 primes = 0;
  for (u64 pass = 0; pass < passes; pass++) {
    primes = 0;
    for (u32 i = 0; i < LIMIT; i++)
      is_prime[i] = 1;
    for (u32 i = 2; i < LIMIT; i++) {
      if (!is_prime[i])
        continue;
      primes++;
      for (u32 multiple = 2 * i; multiple < LIMIT; multiple += i)
        is_prime[multiple] = 0;
    }
  }
  return primes;
}
