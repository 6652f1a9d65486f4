/* Resource limits as a program meets them: address space, data, stack, descriptors, tasks, the
   size of files, arguments. What is printed does not depend on how much is mapped already. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024L * 1024)

static const char *name(long r) { return r == -1 ? strerrorname_np(errno) : "ok"; }

static void say(const char *what, const char *result) {
  printf("%s: %s\n", what, result);
  fflush(stdout);
}

static const char *map(long bytes, int protection, int flags) {
  void *p = mmap(0, bytes, protection, flags | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return strerrorname_np(errno);
  munmap(p, bytes);
  return "ok";
}

/* Bytes by the n-th number of statm, in pages. */
static long statm(int n) {
  FILE *f = fopen("/proc/self/statm", "r");
  long v = 0;
  for (int i = 0; i <= n; i++)
    if (fscanf(f, "%ld", &v) != 1) abort();
  fclose(f);
  return v * 4096;
}

static int limit(int resource, rlim_t soft) {
  struct rlimit l;
  getrlimit(resource, &l);
  l.rlim_cur = soft;
  return setrlimit(resource, &l);
}

/* Uses that much stack, page by page downwards. */
static __attribute__((noinline)) int deep(long bytes) {
  volatile char here[4096];
  here[0] = here[4095] = 1;
  return bytes > 4096 ? deep(bytes - 4096) + here[0] : here[4095];
}

static void *nothing(void *p) { return p; }

/* In a child of its own; says how that ended. */
static void apart(const char *what, void (*f)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    f();
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("%s: signal %d\n", what, WTERMSIG(status));
  else printf("%s: status %d\n", what, WEXITSTATUS(status));
}

static void address_space(void) {
  void *old = mmap(0, 4 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say("setrlimit AS", name(limit(RLIMIT_AS, statm(0) + 16 * MIB)));
  say("mmap 8 MiB", map(8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
  say("mmap 32 MiB", map(32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
  say("mmap 32 MiB without rights", map(32 * MIB, PROT_NONE, MAP_PRIVATE));
  say("mmap 32 MiB shared", map(32 * MIB, PROT_READ, MAP_SHARED));
  say("sbrk 32 MiB", name((long) sbrk(32 * MIB)));
  say("sbrk 4 MiB", name((long) sbrk(4 * MIB)));
  say("mremap to 32 MiB", name((long) mremap(old, 4 * MIB, 32 * MIB, MREMAP_MAYMOVE)));
  say("mremap to 6 MiB", (old = mremap(old, 4 * MIB, 6 * MIB, MREMAP_MAYMOVE)) == MAP_FAILED ? "no" : "ok");
  say("malloc 64 MiB", malloc(64 * MIB) ? "ok" : strerrorname_np(errno));
  limit(RLIMIT_AS, statm(0) + 8192);
  void *again = mmap(old, 6 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  say("mmap over what is there", again == old ? "ok" : strerrorname_np(errno));
  say("mmap 1 MiB", map(MIB, PROT_READ, MAP_PRIVATE));
  say("unlimited again", name(limit(RLIMIT_AS, RLIM_INFINITY)));
  say("mmap 32 MiB", map(32 * MIB, PROT_READ, MAP_PRIVATE));
}

static void stack_and_space(void) {
  limit(RLIMIT_AS, statm(0) + 64 * 1024);
  deep(MIB);
}

static void data(void) {
  char *p = mmap(0, 8 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say("setrlimit DATA", name(limit(RLIMIT_DATA, statm(5) + 2 * MIB)));
  say("mmap 1 MiB", map(MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
  say("mmap 16 MiB", map(16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
  say("mmap 16 MiB to read", map(16 * MIB, PROT_READ, MAP_PRIVATE));
  say("mmap 16 MiB shared", map(16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED));
  say("mprotect of 8 MiB", name(mprotect(p, 8 * MIB, PROT_READ | PROT_WRITE)));
  say("sbrk 16 MiB", name((long) sbrk(16 * MIB)));
}

static void stack(void) {
  say("setrlimit STACK", name(limit(RLIMIT_STACK, 256 * 1024)));
  printf("128 KiB: %d\n", deep(128 * 1024) > 0);
  fflush(stdout);
  deep(MIB);
}

static void files(void) {
  say("setrlimit NOFILE", name(limit(RLIMIT_NOFILE, 12)));
  int last = -1, n;
  while ((n = open("/dev/null", O_RDONLY)) >= 0) last = n;
  printf("last %d, then %s\n", last, strerrorname_np(errno));
  say("dup", name(dup(0)));
  say("dup2 to 12", name(dup2(0, 12)));
  say("dup2 to 11", name(dup2(0, 11)));
  say("F_DUPFD from 12", name(fcntl(0, F_DUPFD, 12)));
  int two[2];
  close(11);
  say("pipe with one free", name(pipe(two)));
  say("open after it", name(open("/dev/null", O_RDONLY)));
  say("socketpair with none", name(socketpair(AF_UNIX, SOCK_STREAM, 0, two)));
  struct pollfd p[13] = {{0}};
  for (int i = 0; i < 13; i++) p[i].fd = -1;
  say("poll of 13", name(poll(p, 13, 0)));
  say("poll of 12", name(poll(p, 12, 0)));
  say("lower than what is open", name(limit(RLIMIT_NOFILE, 4)));
  char c;
  say("read of 10", name(read(10, &c, 1)));
  say("dup", name(dup(0)));
  struct rlimit l = {20, 10};
  say("soft above hard", name(setrlimit(RLIMIT_NOFILE, &l)));
}

/* A user of whom there is nothing else. */
static void tasks(void) {
  if (getuid() == 0) {
    limit(RLIMIT_NPROC, 0);
    pid_t p = fork();
    if (p == 0) _exit(0);
    say("fork by root", name(p));
    wait(0);
    say("setuid", name(setgid(54321) | setuid(54321)));
  }
  pthread_t t;
  say("setrlimit NPROC", name(limit(RLIMIT_NPROC, 1)));
  say("fork", name(fork()));
  printf("thread: %d\n", pthread_create(&t, 0, nothing, 0));
  if (geteuid() != 0) {
    limit(RLIMIT_NPROC, 2);
    pid_t p = fork();
    if (p == 0) _exit(0);
    say("fork, one free", name(p));
    say("fork before it was waited for", name(fork()));
    wait(0);
    printf("thread: %d\n", pthread_create(&t, 0, nothing, 0));
    pthread_join(t, 0);
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_max++;
    say("a higher hard limit", name(setrlimit(RLIMIT_NOFILE, &l)));
  }
}

static void shown(void) {
  limit(RLIMIT_NOFILE, 17);
  limit(RLIMIT_FSIZE, 12345);
  limit(RLIMIT_NICE, 0);
  FILE *f = fopen("/proc/self/limits", "r");
  char line[200];
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, "Limit", 5) || strstr(line, "open") || strstr(line, "file size") || strstr(line, "nice"))
      printf("[%.*s]\n", (int) strcspn(line, "\n"), line);
  fclose(f);
}

static void size(void) {
  signal(SIGXFSZ, SIG_IGN);
  FILE *f = tmpfile();
  limit(RLIMIT_FSIZE, 5000);
  char buffer[4096] = {0};
  printf("write %zd", write(fileno(f), buffer, sizeof buffer));
  printf(" %zd", write(fileno(f), buffer, sizeof buffer));
  say("", name(write(fileno(f), buffer, 1)));
  say("ftruncate", name(ftruncate(fileno(f), 5001)));
  signal(SIGXFSZ, SIG_DFL);
  say("last", "");
  write(fileno(f), buffer, 1);
}

static void arguments(void) {
  limit(RLIMIT_STACK, 512 * 1024);
  char *big = malloc(100 * 1024);
  memset(big, 'x', 100 * 1024 - 1);
  big[100 * 1024 - 1] = 0;
  char *one[] = {"limits", "0", big, 0}, *two[] = {"limits", "0", big, big, 0};
  execv("/proc/self/exe", two);
  say("execv of 200 KiB", name(-1));
  execv("/proc/self/exe", one);
  say("execv of 100 KiB", name(-1));
  _exit(7);
}

static void again(void) {
  limit(RLIMIT_STACK, MIB);
  execl("/proc/self/exe", "limits", "again", NULL);
}

int main(int argc, char **argv) {
  if (argc > 2) return argc;
  if (argc > 1) {
    struct rlimit l;
    getrlimit(RLIMIT_STACK, &l);
    printf("after execve: %ld, 768 KiB: %d\n", (long) l.rlim_cur, deep(768 * 1024) > 0);
    fflush(stdout);
    deep(2 * MIB);
    return 0;
  }
  apart("address space", address_space);
  apart("stack within it", stack_and_space);
  apart("data", data);
  apart("stack", stack);
  apart("descriptors", files);
  apart("tasks", tasks);
  apart("shown", shown);
  apart("size", size);
  apart("arguments", arguments);
  apart("stack of a new program", again);
  char *p = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(p + 4096, 4096);
  say("mlock", name(mlock(p, 100)));
  say("mlock beyond", name(mlock(p, 4097)));
  say("munlock beyond", name(munlock(p + 4096, 1)));
  say("mlockall", name(mlockall(64)));
  return 0;
}
