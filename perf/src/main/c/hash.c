/* A hash table with open addressing in 8 MiB: loads all over memory, so many TLB misses. */
#include "kernels.h"

#define SLOTS (1 << 20)
#define FULL (SLOTS / 4 * 3)

static u64 slots[SLOTS];

u64 kernel_hash(u64 operations) {
  u64 random = 88172645463325252UL, used = 0, found = 0, probes = 0;
  for (u64 i = 0; i < SLOTS; i++)
    slots[i] = 0;
  for (u64 i = 0; i < operations; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    u64 key = random >> 44 | 1UL << 63;
    u64 at = key * 0x9e3779b97f4a7c15UL >> 44;
    while (slots[at] != 0 && slots[at] != key) {
      at = (at + 1) & (SLOTS - 1);
      probes++;
    }
    if (slots[at] == key)
      found++;
    else if (used < FULL) {
      slots[at] = key;
      used++;
    }
  }
  return found << 40 ^ probes << 8 ^ used;
}
