/* The Mandelbrot set: a short loop of double precision in registers that ends by a comparison. */
#include "kernels.h"

#define SIDE 128

u64 kernel_mandelbrot(u64 limit) {
  u64 sum = 0;
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) {
      double cx = column * (3.0 / SIDE) - 2.0, cy = row * (2.5 / SIDE) - 1.25;
      double x = 0, y = 0, xx = 0, yy = 0;
      u64 i = 0;
      while (i < limit && xx + yy < 4) {
        y = 2 * x * y + cy;
        x = xx - yy + cx;
        xx = x * x;
        yy = y * y;
        i++;
      }
      sum = sum * 3 + i;
    }
  return sum;
}
