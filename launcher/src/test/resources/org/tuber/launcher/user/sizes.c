/* Record locks, mappings of a file that becomes shorter, RLIMIT_FSIZE. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(e) do { errno = 0; long r_ = (long)(e); \
    printf("%s = %ld %s\n", #e, r_, errno ? strerror(errno) : ""); fflush(stdout); } while (0)

static int status;
static sigjmp_buf back;
static volatile sig_atomic_t got;

static void handler(int n, siginfo_t *i, void *c) {
  got = n;
  if (n == SIGBUS) {
    printf("SIGBUS code %d at +%ld\n", i->si_code, (long)i->si_addr & 0xfff);
    siglongjmp(back, 1);
  }
}

static int set(int fd, int command, int type, int whence, long start, long length) {
  struct flock f = {.l_type = type, .l_whence = whence, .l_start = start, .l_len = length};
  return fcntl(fd, command, &f);
}

static void get(int fd, int type, long start, long length) {
  struct flock f = {.l_type = type, .l_start = start, .l_len = length, .l_pid = 77};
  int r = fcntl(fd, F_GETLK, &f);
  const char *who = f.l_pid == getppid() ? "parent" : f.l_pid == 77 ? "nobody" : "other";
  printf("get %d: type %d start %ld length %ld by %s\n", r, f.l_type, (long)f.l_start,
      (long)f.l_len, who);
  fflush(stdout);
}

static void locks(int f) {
  SAY(set(f, F_SETLK, F_WRLCK, SEEK_SET, 10, 20));
  int g = open("sizes.tmp", O_RDONLY);
  SAY(set(g, F_SETLK, F_RDLCK, SEEK_SET, 0, 5));
  SAY(set(g, F_SETLK, F_WRLCK, SEEK_SET, 0, 5));
  SAY(set(g, F_SETLK, F_RDLCK, SEEK_SET, 15, 5));
  get(f, F_WRLCK, 0, 100);
  lseek(f, 100, SEEK_SET);
  SAY(set(f, F_SETLK, F_WRLCK, SEEK_CUR, -10, 20));
  SAY(set(f, F_SETLK, F_WRLCK, SEEK_END, -10, 0));
  if (!fork()) {
    get(f, F_WRLCK, 0, 0);
    get(f, F_RDLCK, 0, 8);
    get(f, F_WRLCK, 90, 5);
    get(f, F_WRLCK, 2000, 5);
    SAY(set(f, F_SETLK, F_RDLCK, SEEK_SET, 10, 1));
    SAY(set(f, F_SETLK, F_RDLCK, SEEK_SET, 0, 5));
    SAY(set(f, F_SETLK, F_UNLCK, SEEK_SET, 0, 0));
    SAY(set(f, F_SETLK, F_RDLCK, SEEK_SET, 11, 1));
    _exit(0);
  }
  wait(&status);
  int p[2];
  pipe(p);
  if (!fork()) {
    write(p[1], "x", 1);
    SAY(set(f, F_SETLKW, F_WRLCK, SEEK_SET, 12, 1));
    _exit(0);
  }
  char x;
  read(p[0], &x, 1);
  usleep(100000);
  puts("closing another descriptor");
  fflush(stdout);
  close(g);
  wait(&status);
  get(f, F_WRLCK, 0, 0);
  SAY(set(f, F_SETLK, F_WRLCK, SEEK_SET, 0, 0));
  SAY(set(f, F_SETLK, F_UNLCK, SEEK_SET, 50, 10));
  if (!fork()) {
    get(f, F_WRLCK, 55, 1);
    get(f, F_WRLCK, 65, 1);
    _exit(0);
  }
  wait(&status);
  SAY(set(f, F_SETLK, 9, SEEK_SET, 0, 0));
  SAY(set(f, F_SETLK, F_WRLCK, 7, 0, 0));
  SAY(set(p[0], F_SETLK, F_RDLCK, SEEK_SET, 0, 0));
  SAY(set(99, F_SETLK, F_RDLCK, SEEK_SET, 0, 0));
  SAY(set(f, F_SETLK, F_WRLCK, SEEK_SET, -5, 1));
}

static void see(const char *what, volatile char *p) {
  if (!sigsetjmp(back, 1)) printf("%s: %d\n", what, *p);
}

static void put(const char *what, volatile char *p) {
  if (!sigsetjmp(back, 1)) {
    *p = 9;
    printf("%s: stored\n", what);
  }
}

static void shorter(int f) {
  ftruncate(f, 20000);
  for (int i = 0; i < 5; i++) pwrite(f, "abc", 3, i * 4096);
  char *s = mmap(0, 20480, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  char *q = mmap(0, 20480, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
  char *o = mmap(0, 8192, PROT_READ, MAP_SHARED, f, 8192);
  see("shared, first page", s);
  see("shared, last page", s + 16384);
  see("private, third page", q + 8192);
  see("from the third page on, its second", o + 4096);
  put("private, last page", q + 16384);
  put("shared, fourth page", s + 12289);
  SAY(ftruncate(f, 5000));
  see("shared, first page", s);
  see("shared, second page", s + 4096);
  see("shared, third page", s + 8192);
  see("shared, last page", s + 16384);
  see("private, second page", q + 4096);
  see("private, third page", q + 8192);
  see("private, last page, once written", q + 16384);
  see("from the third page on", o);
  put("shared, fourth page", s + 12288);
  int zero = open("/dev/zero", O_RDONLY), p[2];
  pipe(p);
  SAY(read(zero, s + 8192, 10));
  SAY(write(p[1], q + 8192, 3));
  SAY(ftruncate(f, 10000));
  see("shared, third page", s + 8192);
  see("private, third page", q + 8192);
  see("shared, fourth page", s + 12288);
  pwrite(f, "new", 3, 8192);
  see("shared, third page", s + 8192);
  see("private, third page", q + 8192);
  see("from the third page on", o);
  close(open("sizes.tmp", O_WRONLY | O_TRUNC));
  see("shared, emptied", s);
  see("private, emptied", q);
  SAY(truncate("sizes.tmp", 4096));
  see("shared, long again", s);
  see("private, long again", q);
  if (!fork()) {
    if (!fork()) {
      truncate("sizes.tmp", 0);
      _exit(0);
    }
    wait(&status);
    see("emptied by a child", s);
    fflush(stdout);
    signal(SIGBUS, SIG_DFL);
    *(volatile char *)s = 1;
    _exit(0);
  }
  wait(&status);
  printf("killed by %d\n", WTERMSIG(status));
  see("emptied by a grandchild", s);
}

static void largest(int f) {
  struct rlimit r = {100, RLIM_INFINITY};
  char big[300] = {0};
  int p[2];
  pipe(p);
  SAY(setrlimit(RLIMIT_FSIZE, &r));
  lseek(f, 0, SEEK_SET);
  SAY(write(f, big, 60));
  SAY(write(f, big, 60));
  SAY(got);
  SAY(write(f, big, 60));
  SAY(got == SIGXFSZ);
  SAY(pwrite(f, big, 60, 90));
  SAY(pwrite(f, big, 60, 100));
  got = 0;
  SAY(ftruncate(f, 101));
  SAY(got == SIGXFSZ);
  SAY(ftruncate(f, 100));
  SAY(posix_fallocate(f, 0, 200));
  SAY(write(p[1], big, 200));
}

int main(void) {
  struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &a, 0);
  sigaction(SIGXFSZ, &a, 0);
  alarm(60);
  unlink("sizes.tmp");
  int f = open("sizes.tmp", O_RDWR | O_CREAT, 0600);
  ftruncate(f, 1000);
  locks(f);
  shorter(f);
  got = 0;
  largest(f);
  unlink("sizes.tmp");
  return 0;
}
