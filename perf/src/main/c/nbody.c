/* Five bodies that attract each other: scalar double precision with square roots and divisions, each waiting
 * for the one before. */
#include "kernels.h"

#define BODIES 5

struct body {
  double x, y, z, vx, vy, vz, mass;
};

static struct body bodies[BODIES];

static void start(void) {
  for (int i = 0; i < BODIES; i++) {
    double d = i;
    bodies[i] = (struct body){d * 3 - 5, d * d - 4, 2 - d * 1.5, 0.01 * d, 0.02 - 0.005 * d, 0.003 * d, 1.0 / (i + 1)};
  }
}

static void advance(double step) {
  for (int i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    for (int k = i + 1; k < BODIES; k++) {
      struct body *b = &bodies[k];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double pull = step / (square * __builtin_sqrt(square));
      a->vx -= dx * b->mass * pull;
      a->vy -= dy * b->mass * pull;
      a->vz -= dz * b->mass * pull;
      b->vx += dx * a->mass * pull;
      b->vy += dy * a->mass * pull;
      b->vz += dz * a->mass * pull;
    }
  }
  for (int i = 0; i < BODIES; i++) {
    bodies[i].x += step * bodies[i].vx;
    bodies[i].y += step * bodies[i].vy;
    bodies[i].z += step * bodies[i].vz;
  }
}

u64 kernel_nbody(u64 steps) {
  union {
    double value;
    u64 bits;
  } result;
  start();
  for (u64 i = 0; i < steps; i++)
    advance(0.001);
  result.value = bodies[0].x + 3 * bodies[1].y + 5 * bodies[2].z + 7 * bodies[3].vx + 11 * bodies[4].vy;
  return result.bits;
}
