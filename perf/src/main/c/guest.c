/* The kernels as the first and only program of a Linux guest: times each round by the guest's own
 * clock, prints a line for each, switches off. Started on an ordinary system it just ends.
 *
 * Environment, which Linux fills from its command line: KERNEL_ROUNDS, and KERNEL_ONLY as a list of
 * names with commas. */
#include "kernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

static u64 nanos(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (u64)now.tv_sec * 1000000000 + (u64)now.tv_nsec;
}

static int is_wanted(const char *name, const char *list) {
  size_t length = strlen(name);
  while (list != NULL && *list != 0) {
    size_t item = strcspn(list, ",");
    if (item == length && strncmp(list, name, length) == 0)
      return 1;
    list += item + (list[item] == ',');
  }
  return 0;
}

static void measure(const struct kernel *k, int rounds) {
  printf("KERNEL %s begin\n", k->name);
  for (int round = 0; round < rounds; round++) {
    u64 start = nanos();
    u64 sum = k->run(k->amount);
    u64 taken = nanos() - start;
    if (sum == KERNEL_UNSUITED) {
      printf("KERNEL %s unsuited\n", k->name);
      return;
    }
    printf("KERNEL %s round %d nanos %lu sum %016lx\n", k->name, round, taken, sum);
  }
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], KERNEL_EXEC_WORD) == 0)
    return 7;
  const char *rounds_text = getenv("KERNEL_ROUNDS");
  const char *only = getenv("KERNEL_ONLY");
  int rounds = rounds_text != NULL ? atoi(rounds_text) : 5;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 0; i < KERNEL_COUNT + suite_count; i++) {
    const struct kernel *k = i < KERNEL_COUNT ? &kernels[i] : &suite[i - KERNEL_COUNT];
    if (k->run != NULL && (only == NULL || is_wanted(k->name, only)))
      measure(k, rounds);
  }
  printf("KERNELS done\n");
  if (getpid() == 1) {
    sync();
    reboot(RB_POWER_OFF);
  }
  return 0;
}
