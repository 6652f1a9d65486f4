/* The six kernels of 'tuber perf': small programs that each lean on one thing an emulator must do
 * well. The same sources make a flat binary without an operating system (bare.S) and a Linux
 * program (guest.c). Each returns a checksum, which is the same on every correct machine. */
#ifndef KERNELS_H
#define KERNELS_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

struct kernel {
  const char *name;
  u64 (*run)(u64 amount);
  u64 amount; /* work of one round: about a third of a second under an ordinary emulator */
};

#define KERNEL_COUNT 6
extern const struct kernel kernels[KERNEL_COUNT];

u64 kernel_sieve(u64 passes);
u64 kernel_fib(u64 n);
u64 kernel_sha(u64 blocks);
u64 kernel_quicksort(u64 passes);
u64 kernel_hash(u64 operations);
u64 kernel_sse2(u64 passes);

#endif
