/*
 * damaged PROGRAM FROM TO: runs variants of a small program with some bytes of its ELF headers
 * changed or its end cut off, and says for each how it ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t seed;
static unsigned below(unsigned n) {
  seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
  return (unsigned)(seed >> 33) % n;
}

int main(int count, char **words) {
  static unsigned char whole[1 << 16], variant[1 << 16];
  int fd = open(words[1], O_RDONLY);
  int bytes = read(fd, whole, sizeof whole);
  close(fd);
  int headers = whole[4] == 2 ? 64 + 56 * whole[56] : 52 + 32 * whole[44];
  char name[64];
  snprintf(name, sizeof name, "%s.%d", words[1], getpid());
  for (int i = atoi(words[2]); i < atoi(words[3]); i++) {
    seed = i * 7919 + 13;
    memcpy(variant, whole, bytes);
    int length = bytes;
    for (int changes = 1 + below(3); changes > 0; changes--) {
      int at = below(headers);
      unsigned char values[] = {1 << below(8) ^ variant[at], below(256), 0xff, 0};
      variant[at] = values[below(4)];
    }
    if (below(8) == 0) length = below(bytes);
    unlink(name);
    int out = open(name, O_CREAT | O_WRONLY, 0755);
    write(out, variant, length);
    close(out);
    fflush(stdout);
    int pid = fork();
    if (!pid) {
      int null = open("/dev/null", O_RDWR);
      dup2(null, 1);
      dup2(null, 2);
      alarm(1);
      execl(name, name, (char *)0);
      _exit(100 + errno);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("%d: %x\n", i, status);
  }
  unlink(name);
  return 0;
}
