#include "kernels.h"

const struct kernel kernels[KERNEL_COUNT] = {
    {"sieve", kernel_sieve, 8},
    {"fib", kernel_fib, 32},
    {"sha", kernel_sha, 60000},
    {"quicksort", kernel_quicksort, 4},
    {"hash", kernel_hash, 1500000},
    {"sse2", kernel_sse2, 3000},
};
