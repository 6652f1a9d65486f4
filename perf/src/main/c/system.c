/* What leans on the operating system: system calls, switches between processes, page tables. */
#include "kernels.h"
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 256

/* The cheapest system call, nothing else. */
u64 kernel_getpid(u64 calls) {
  u64 same = 0;
  long first = syscall(SYS_getpid);
  for (u64 i = 0; i < calls; i++)
    same += syscall(SYS_getpid) == first;
  return same;
}

/* A byte goes to another process and comes back: two switches each. */
u64 kernel_pipe(u64 turns) {
  int there[2], back[2];
  u64 sum = 0;
  if (pipe(there) != 0 || pipe(back) != 0)
    return 0;
  pid_t child = fork();
  if (child == 0) {
    u8 byte;
    close(there[1]);
    close(back[0]);
    while (read(there[0], &byte, 1) == 1) {
      byte = (u8)(byte * 5 + 1);
      if (write(back[1], &byte, 1) != 1)
        break;
    }
    _exit(0);
  }
  close(there[0]);
  close(back[1]);
  for (u64 i = 0; i < turns; i++) {
    u8 byte = (u8)i;
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
      break;
    sum = sum * 3 + byte;
  }
  close(there[1]);
  close(back[0]);
  waitpid(child, NULL, 0);
  return sum;
}

/* Maps memory, touches it, forks a child that writes into its copy, unmaps; every second child starts this program
 * again from its file. */
u64 kernel_pages(u64 rounds) {
  u64 sum = 0;
  for (u64 round = 0; round < rounds; round++) {
    u8 *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      return 0;
    for (int i = 0; i < PAGES; i++)
      memory[i * PAGE] = (u8)(i + round);
    pid_t child = fork();
    if (child == 0) {
      if (round % 2 == 1) {
        const char *self = (const char *)getauxval(AT_EXECFN);
        char *arguments[] = {(char *)self, KERNEL_EXEC_WORD, NULL}, *environment[] = {NULL};
        execve(self, arguments, environment);
        _exit(1);
      }
      u8 status = 0;
      for (int i = 0; i < PAGES; i += 2)
        status += memory[i * PAGE]++;
      _exit(status & 63);
    }
    int status = 0;
    waitpid(child, &status, 0);
    for (int i = 0; i < PAGES; i++)
      sum = sum * 3 + memory[i * PAGE];
    sum += (u64)WEXITSTATUS(status);
    mprotect(memory, PAGES / 2 * PAGE, PROT_READ);
    munmap(memory, PAGES * PAGE);
  }
  return sum;
}
