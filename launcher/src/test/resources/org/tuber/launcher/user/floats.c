/* A64 floating point: results and FPSR of random and of awkward operands, exact and not, with IXC set before and
 * clear, often enough to be translated. A hash of all is printed every 2000 rounds; with two numbers as arguments
 * every result between these rounds. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 20000
#define MINUS 0x8000000000000000ul

static uint64_t state = 88172645463325252ul, hash;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static uint64_t bits64(double d) {
  uint64_t v;
  memcpy(&v, &d, 8);
  return v;
}

static uint32_t bits32(float f) {
  uint32_t v;
  memcpy(&v, &f, 4);
  return v;
}

static uint64_t any64(void) {
  uint64_t v = next(), fraction = v & 0x800ffffffffffffful;
  switch (next() % 12) {
  case 0: return v;
  case 1: return v & MINUS;
  case 2: return (v & MINUS) | 0x7ff0ul << 48;
  case 3: return fraction;
  case 4: return (1ul << 52) + (v & 3);
  case 5: return bits64((int)(v % 2001) - 1000);
  case 6: return bits64(((int)(v % 2001) - 1000) * 0.125);
  case 7: return bits64(v % 16 * 1e300);
  case 8: return bits64(v % 64 * 1e-160);
  case 9: return bits64(1.0 / (1 + v % 100));
  case 10: return fraction | 0x7fe0ul << 48;
  default: return fraction | (0x3ff + next() % 40 - 20) << 52;
  }
}

static uint32_t any32(void) {
  uint64_t v = next();
  uint32_t fraction = v & 0x807fffffu;
  switch (next() % 10) {
  case 0: return v;
  case 1: return v & 0x80000000u;
  case 2: return (v & 0x80000000u) | 0x7f800000u;
  case 3: return fraction;
  case 4: return 0x800000u + (v & 3);
  case 5: return bits32((int)(v % 2001) - 1000);
  case 6: return bits32(((int)(v % 2001) - 1000) * 0.125f);
  case 7: return fraction | 0x7f000000u;
  case 8: return fraction | 0x20000000u;
  default: return fraction | (uint32_t)(0x7f + next() % 40 - 20) << 23;
  }
}

static void add(const char *what, int dump, uint64_t low, uint64_t high, uint64_t fpsr) {
  uint64_t all[3] = {low, high, fpsr};
  for (int i = 0; i < 3; i++) {
    hash = (hash ^ all[i]) * 0x9e3779b97f4a7c15ul;
    hash ^= hash >> 29;
  }
  if (dump)
    printf("%s = %016lx %016lx %lx\n", what, high, low, fpsr);
}

/* Of v1, v2 and v0 to v0. */
#define VECTOR(operation)                                                                              \
  {                                                                                                    \
    uint64_t out[2], fpsr;                                                                             \
    __asm__ volatile("msr fpsr, %1\n ldr q1, [%2]\n ldr q2, [%3]\n ldr q0, [%4]\n" operation           \
                     "\n str q0, [%5]\n mrs %0, fpsr"                                                   \
                     : "=&r"(fpsr)                                                                     \
                     : "r"(before), "r"(a), "r"(b), "r"(c), "r"(out)                                   \
                     : "v0", "v1", "v2", "memory");                                                    \
    add(operation, dump, out[0], out[1], fpsr);                                                        \
  }

/* Of d1 or s1, or of x1, to x0. */
#define CONVERSION(operation)                                                                          \
  {                                                                                                    \
    uint64_t out, fpsr;                                                                                \
    __asm__ volatile("msr fpsr, %1\n ldr q1, [%2]\n ldr x1, [%2]\n" operation                           \
                     "\n mov %0, x0\n mrs x0, fpsr\n str x0, [%3]"                                       \
                     : "=&r"(out)                                                                      \
                     : "r"(before), "r"(a), "r"(&fpsr)                                                 \
                     : "x0", "x1", "v0", "v1", "memory");                                              \
    add(operation, dump, out, 0, fpsr);                                                                \
  }

int main(int count, char **arguments) {
  long from = ROUNDS, to = ROUNDS;
  if (count > 2) {
    sscanf(arguments[1], "%ld", &from);
    sscanf(arguments[2], "%ld", &to);
  }
  for (long i = 0; i < to; i++) {
    int dump = i >= from;
    uint64_t before = i / 64 % 3 == 0 ? 0x10 : 0;
    uint64_t a[2] = {any64(), any64()}, b[2] = {any64(), a[0]}, c[2] = {a[0] ^ (next() & MINUS), b[0]};
    if (i & 1)
      for (int k = 0; k < 2; k++) {
        a[k] = any32() | (uint64_t)any32() << 32;
        b[k] = any32() | (uint64_t)any32() << 32;
        c[k] = next() & 1 ? a[k] : any32() | (uint64_t)any32() << 32;
      }
    VECTOR("fadd d0, d1, d2")
    VECTOR("fsub d0, d1, d2")
    VECTOR("fmul d0, d1, d2")
    VECTOR("fdiv d0, d1, d2")
    VECTOR("fsqrt d0, d1")
    VECTOR("fmadd d0, d1, d2, d0")
    VECTOR("fnmsub d0, d1, d2, d0")
    VECTOR("fmsub d0, d1, d2, d0")
    VECTOR("fmaxnm d0, d1, d2")
    VECTOR("fminnm d0, d1, d2")
    VECTOR("fmax d0, d1, d2")
    VECTOR("fcvt s0, d1")
    VECTOR("fnmul d0, d1, d2")
    VECTOR("fabd d0, d1, d2")
    VECTOR("fadd s0, s1, s2")
    VECTOR("fsub s0, s1, s2")
    VECTOR("fmul s0, s1, s2")
    VECTOR("fdiv s0, s1, s2")
    VECTOR("fsqrt s0, s1")
    VECTOR("fmadd s0, s1, s2, s0")
    VECTOR("fnmadd s0, s1, s2, s0")
    VECTOR("fmaxnm s0, s1, s2")
    VECTOR("fminnm s0, s1, s2")
    VECTOR("fmin s0, s1, s2")
    VECTOR("frintx s0, s1")
    CONVERSION("fcvtzs x0, d1")
    CONVERSION("fcvtzs w0, d1")
    CONVERSION("fcvtzs x0, s1")
    CONVERSION("fcvtzs w0, s1")
    CONVERSION("fcvtzu x0, d1")
    CONVERSION("scvtf d0, x1\n fmov x0, d0")
    CONVERSION("scvtf s0, x1\n fmov x0, d0")
    CONVERSION("ucvtf s0, w1\n fmov x0, d0")
    CONVERSION("scvtf s0, w1\n fmov x0, d0")
    CONVERSION("fcvt d0, s1\n fmov x0, d0")
    VECTOR("fadd v0.2d, v1.2d, v2.2d")
    VECTOR("fmul v0.2d, v1.2d, v2.2d")
    VECTOR("fmla v0.2d, v1.2d, v2.2d")
    VECTOR("fmls v0.4s, v1.4s, v2.4s")
    VECTOR("fmla v0.4s, v1.4s, v2.4s")
    VECTOR("fadd v0.4s, v1.4s, v2.4s")
    VECTOR("fsub v0.4s, v1.4s, v2.4s")
    VECTOR("fmul v0.4s, v1.4s, v2.4s")
    VECTOR("fdiv v0.4s, v1.4s, v2.4s")
    VECTOR("fsqrt v0.4s, v1.4s")
    VECTOR("faddp v0.4s, v1.4s, v2.4s")
    VECTOR("fmla v0.2d, v1.2d, v2.d[1]")
    VECTOR("fmul v0.4s, v1.4s, v2.s[3]")
    VECTOR("fcvtzs v0.4s, v1.4s")
    VECTOR("scvtf v0.2d, v1.2d")
    VECTOR("fmaxnm v0.4s, v1.4s, v2.4s")
    VECTOR("fabd v0.2d, v1.2d, v2.2d")
    if (i % 2000 == 1999)
      printf("%ld %016lx\n", i, hash);
  }
  return 0;
}
