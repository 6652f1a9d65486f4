/* Objects of eight kinds in random order, each asked through its table of functions: indirect calls of small
 * functions, as object-oriented programs make them. */
#include "kernels.h"

#define OBJECTS 4096

struct object;
struct methods {
  u64 (*value)(const struct object *);
  void (*change)(struct object *, u64);
};
struct object {
  const struct methods *methods;
  u64 a, b;
};

#define KIND(n, get, set)                                                                              \
  static u64 value##n(const struct object *o) { return get; }                                          \
  static void change##n(struct object *o, u64 x) { set; }

KIND(0, o->a + o->b, o->a += x)
KIND(1, o->a - o->b, o->b ^= x)
KIND(2, o->a ^ o->b, o->a = o->b + x)
KIND(3, o->a * 3, o->a -= x >> 1)
KIND(4, o->b << 1, o->b += x * 5)
KIND(5, o->a & ~o->b, o->a ^= x << 3)
KIND(6, o->a | o->b >> 7, o->b -= x)
KIND(7, (o->a >> 3) + 1, o->a = x)

static const struct methods kinds[8] = {{value0, change0}, {value1, change1}, {value2, change2}, {value3, change3},
                                        {value4, change4}, {value5, change5}, {value6, change6}, {value7, change7}};
static struct object objects[OBJECTS];

u64 kernel_virtual(u64 passes) {
  u64 sum = 0;
  u32 random = 2463534242u;
  for (int i = 0; i < OBJECTS; i++) {
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    objects[i] = (struct object){&kinds[random >> 9 & 7], random, (u64)i * 77};
  }
  for (u64 pass = 0; pass < passes; pass++)
    for (int i = 0; i < OBJECTS; i++) {
      struct object *o = &objects[i];
      u64 x = o->methods->value(o);
      sum = sum * 3 + x;
      o->methods->change(o, sum >> 5);
    }
  return sum;
}
