/* Disk throughput as the first and only program of a Linux guest: loads drivers, then reads and
 * writes whole disks past the page cache, in order and all over them, and prints a line for each
 * round. Switches off at the end.
 *
 * Environment, which Linux fills from its command line: DISK_ROUNDS, DISK_NAMES and DISK_MODULES as
 * lists with commas; modules are files of / in an order in which each finds what it uses.
 *
 * Every block of 4 KiB begins with its number times PATTERN; what is read is checked against that. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096L
#define RUN (1L << 20)
#define RUNS 64
#define SCATTERED 3000
#define PATTERN 0x9e3779b97f4a7c15ULL
#define SIZE_IOCTL _IOR(0x12, 114, size_t)
#define PATIENCE 300

static char *buffer;
static uint64_t blocks;
static uint64_t state = 1;

static uint64_t nanos(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t next_random(void) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return state >> 20;
}

static void fail(const char *what, const char *disk) {
  printf("DISK %s failed: %s: %s\n", disk, what, strerror(errno));
  sync();
  reboot(RB_POWER_OFF);
  exit(1);
}

/* One request; returns 0 when it did all it should have. */
static int transfer(int file, int writes, uint64_t block, long bytes) {
  off_t at = (off_t)(block * BLOCK);
  if (writes)
    for (long i = 0; i < bytes / BLOCK; i++)
      *(uint64_t *)(buffer + i * BLOCK) = (block + (uint64_t)i) * PATTERN;
  ssize_t done = writes ? pwrite(file, buffer, (size_t)bytes, at) : pread(file, buffer, (size_t)bytes, at);
  if (done != bytes)
    return -1;
  for (long i = 0; i < bytes / BLOCK; i++)
    if (*(uint64_t *)(buffer + i * BLOCK) != (block + (uint64_t)i) * PATTERN) {
      errno = EILSEQ;
      return -1;
    }
  return 0;
}

static void round_of(int file, const char *disk, const char *what, int round) {
  int writes = strstr(what, "write") != NULL;
  int in_order = strstr(what, "sequential") != NULL;
  long bytes = in_order ? RUN : BLOCK;
  int requests = in_order ? RUNS : SCATTERED;
  uint64_t start = nanos();
  for (int i = 0; i < requests; i++) {
    uint64_t block = in_order ? (uint64_t)i * (RUN / BLOCK) : next_random() % blocks;
    if (transfer(file, writes, block, bytes) != 0)
      fail(what, disk);
  }
  if (writes && fdatasync(file) != 0)
    fail(what, disk);
  uint64_t taken = nanos() - start;
  if (round >= 0)
    printf("DISK %s %s round %d bytes %lu nanos %lu\n", disk, what, round, requests * (unsigned long)bytes, taken);
}

static void measure(const char *disk, int rounds) {
  static const char *const kinds[] = {"sequential-write", "sequential-read", "random-write", "random-read"};
  char path[64];
  snprintf(path, sizeof path, "/dev/%s", disk);
  int file = -1;
  for (int i = 0; i < PATIENCE && (file = open(path, O_RDWR | O_DIRECT)) < 0; i++)
    usleep(100000);
  uint64_t bytes = 0;
  if (file < 0 || ioctl(file, SIZE_IOCTL, &bytes) != 0)
    fail("open", disk);
  blocks = RUNS * RUN / BLOCK;
  if (bytes < blocks * BLOCK)
    fail("too small", disk);
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    state = k + 1;
    for (int round = 0; round < rounds; round++)
      round_of(file, disk, kinds[k], round);
  }
  close(file);
}

static void load(const char *module) {
  char path[96];
  snprintf(path, sizeof path, "/%s.ko", module);
  int file = open(path, O_RDONLY);
  if (file >= 0) {
    syscall(SYS_finit_module, file, "", 0);
    close(file);
  }
}

int main(void) {
  const char *rounds = getenv("DISK_ROUNDS");
  char *modules = getenv("DISK_MODULES");
  char *disks = getenv("DISK_NAMES");
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (getpid() != 1 || disks == NULL)
    return 2;
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  for (char *m = modules == NULL ? NULL : strtok(modules, ","); m != NULL; m = strtok(NULL, ","))
    load(m);
  buffer = aligned_alloc(BLOCK, RUN);
  memset(buffer, 0x5a, RUN);
  for (char *d = strtok(disks, ","); d != NULL; d = strtok(NULL, ","))
    measure(d, rounds != NULL ? atoi(rounds) : 5);
  printf("DISKS done\n");
  sync();
  reboot(RB_POWER_OFF);
  return 0;
}
