/* The kernels of 'tuber perf': small programs that each lean on one thing an emulator must do
 * well. Each returns a checksum, which is the same on every correct machine. The first six (table.c) make a flat
 * binary without an operating system (bare.S) and, with the others (suite.c), a Linux program (guest.c). */
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

extern const struct kernel suite[];
extern const int suite_count;

/* A kernel's answer where the processor lacks what it is about. */
#define KERNEL_UNSUITED (~0UL)

/* Started with this word the Linux program ends at once. */
#define KERNEL_EXEC_WORD "again"

u64 kernel_matrix32(u64 passes);
u64 kernel_matrix64(u64 passes);
u64 kernel_nbody(u64 steps);
u64 kernel_mandelbrot(u64 limit);
u64 kernel_search(u64 passes);
u64 kernel_search256(u64 passes);
u64 kernel_aes(u64 blocks);
u64 kernel_crc(u64 passes);
u64 kernel_bytecode(u64 amount);
u64 kernel_virtual(u64 passes);
/* Takes the compiler seconds: left out of programs that do not ask for it. */
u64 kernel_large(u64 passes) __attribute__((weak));
u64 kernel_pages(u64 rounds);
u64 kernel_getpid(u64 calls);
u64 kernel_pipe(u64 turns);

#endif
