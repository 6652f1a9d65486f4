/* What only a Linux program has: see table.c for the others. */
#include "kernels.h"

const struct kernel suite[] = {
    {"matrix32", kernel_matrix32, 4},      {"matrix64", kernel_matrix64, 3},
    {"nbody", kernel_nbody, 50000},        {"mandelbrot", kernel_mandelbrot, 400},
    {"search", kernel_search, 1500},       {"search256", kernel_search256, 2500},
    {"aes", kernel_aes, 200000},           {"crc", kernel_crc, 300},
    {"bytecode", kernel_bytecode, 2500},   {"virtual", kernel_virtual, 700},
    {"large", kernel_large, 160},          {"pages", kernel_pages, 20},
    {"getpid", kernel_getpid, 100000},     {"pipe", kernel_pipe, 4000},
};
const int suite_count = sizeof suite / sizeof suite[0];
