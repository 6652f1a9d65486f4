/* CPU time of threads, processes and children, and what happens when it is used up. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t prof, virt, timed;
static volatile long sink;

static void handler(int n) {
  if (n == SIGPROF) prof++;
  if (n == SIGVTALRM) virt++;
  if (n == SIGUSR1) timed++;
}

static double now(clockid_t c) {
  struct timespec t;
  return clock_gettime(c, &t) ? -1 : t.tv_sec + t.tv_nsec / 1e9;
}

static void burn(double seconds) {
  double end = now(CLOCK_THREAD_CPUTIME_ID) + seconds;
  while (now(CLOCK_THREAD_CPUTIME_ID) < end)
    for (int i = 0; i < 2000; i++) sink += i;
}

static void *thread(void *seconds) {
  burn(*(double *)seconds);
  return 0;
}

static double sum(struct rusage *u) {
  return u->ru_utime.tv_sec + u->ru_stime.tv_sec + (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

/* Within a wide margin: what is looked for is whose time is counted. */
static void about(const char *what, double is, double expected) {
  int right = is > expected * 0.7 - 0.05 && is < expected * 2 + 0.2;
  printf("%s: %s\n", what, right ? "right" : "wrong");
  if (!right) fprintf(stderr, "%s: %f, not %f\n", what, is, expected);
}

static void clocks(void) {
  struct rusage u;
  double own = now(CLOCK_PROCESS_CPUTIME_ID), mine = now(CLOCK_THREAD_CPUTIME_ID);
  burn(0.3);
  about("process", now(CLOCK_PROCESS_CPUTIME_ID) - own, 0.3);
  usleep(300000);
  about("after a sleep", now(CLOCK_PROCESS_CPUTIME_ID) - own, 0.3);
  double seconds = 0.3;
  pthread_t t;
  clockid_t c;
  pthread_create(&t, 0, thread, &seconds);
  printf("thread's clock %d", pthread_getcpuclockid(t, &c));
  while (now(c) < 0.1) usleep(10000);
  puts(" goes");
  pthread_join(t, 0);
  about("two threads", now(CLOCK_PROCESS_CPUTIME_ID) - own, 0.6);
  about("one of them", now(CLOCK_THREAD_CPUTIME_ID) - mine, 0.3);
  getrusage(RUSAGE_SELF, &u);
  about("getrusage", sum(&u) - own, 0.6);
  printf("memory %d faults %d\n", u.ru_maxrss > 100, u.ru_minflt > 0);
  getrusage(RUSAGE_CHILDREN, &u);
  about("children so far", sum(&u), 0);
}

static void *sleeper(void *ready) {
  for (int i = 0; i < 60; i++) usleep(500);
  *(volatile int *)ready = 1;
  while (*(volatile int *)ready) usleep(500);
  return 0;
}

/* Counters of a thread that still runs. */
static void switches(void) {
  struct rusage before, own, all;
  volatile int ready = 0;
  pthread_t t;
  getrusage(RUSAGE_SELF, &before);
  pthread_create(&t, 0, sleeper, (void *)&ready);
  while (!ready) usleep(20000);
  getrusage(RUSAGE_SELF, &all);
  getrusage(RUSAGE_THREAD, &own);
  printf("switches %d %d\n", all.ru_nvcsw - before.ru_nvcsw >= 60, own.ru_nvcsw < all.ru_nvcsw);
  ready = 0;
  pthread_join(t, 0);
}

static void children(void) {
  struct rusage u;
  int status;
  if (!fork()) {
    burn(0.3);
    if (!fork()) {
      burn(0.2);
      _exit(0);
    }
    wait(0);
    _exit(0);
  }
  wait4(-1, &status, 0, &u);
  about("wait4, child and grandchild", sum(&u), 0.5);
  getrusage(RUSAGE_CHILDREN, &u);
  about("children", sum(&u), 0.5);
  struct tms m;
  times(&m);
  double ticks = sysconf(_SC_CLK_TCK);
  about("times", (m.tms_utime + m.tms_stime) / ticks, now(CLOCK_PROCESS_CPUTIME_ID));
  about("times, children", (m.tms_cutime + m.tms_cstime) / ticks, 0.5);
}

static void timers(void) {
  struct sigaction a = {.sa_handler = handler};
  sigaction(SIGPROF, &a, 0);
  sigaction(SIGVTALRM, &a, 0);
  sigaction(SIGUSR1, &a, 0);
  struct itimerval i = {{0, 50000}, {0, 50000}}, old;
  setitimer(ITIMER_PROF, &i, 0);
  usleep(200000);
  printf("while asleep: %d\n", prof);
  burn(0.5);
  i.it_value.tv_usec = 0;
  setitimer(ITIMER_PROF, &i, &old);
  /* Ten at most; a busy host looks at the timer less often. */
  printf("ITIMER_PROF: %d\n", prof > 1 && prof < 12);
  printf("interval %ld\n", (long)old.it_interval.tv_usec);
  i.it_value.tv_usec = 20000;
  i.it_interval.tv_usec = 0;
  setitimer(ITIMER_VIRTUAL, &i, 0);
  burn(0.4);
  printf("ITIMER_VIRTUAL: %d\n", virt);
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  timer_t id;
  printf("timer_create %d", timer_create(CLOCK_PROCESS_CPUTIME_ID, &e, &id));
  struct itimerspec s = {{0, 0}, {0, 100000000}};
  timer_settime(id, 0, &s, 0);
  burn(0.3);
  printf(" fired %d\n", timed);
}

static void limit(int catch) {
  struct rusage u;
  int status;
  pid_t p = fork();
  if (!p) {
    struct sigaction a = {.sa_handler = handler};
    if (catch) sigaction(SIGXCPU, &a, 0);
    struct rlimit r = {1, 2};
    setrlimit(RLIMIT_CPU, &r);
    while (1) burn(0.1);
  }
  clockid_t c;
  printf("child's clock %d", clock_getcpuclockid(p, &c));
  while (now(c) >= 0 && now(c) < 0.1) usleep(10000);
  waitpid(p, &status, 0);
  printf(" goes; killed by %d\n", WTERMSIG(status));
}

int main(void) {
  /* Until then an emulator may compile. */
  burn(0.5);
  clocks();
  switches();
  fflush(stdout);
  children();
  timers();
  fflush(stdout);
  limit(1);
  fflush(stdout);
  limit(0);
  return 0;
}
