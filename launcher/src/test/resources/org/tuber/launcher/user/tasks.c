/* System calls on processes, threads, signals, times; every line is the same without emulation. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static long checked(long r) { return r < 0 ? -errno : r; }
#define SAY(call) printf("%s = %ld\n", #call, checked((long)(call)))
#define IS(condition) printf("%s: %s\n", #condition, (condition) ? "yes" : "no")

static void refused(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  IS(syscall(SYS_seccomp, 99, 0, 0) < 0 && errno == EINVAL);
  IS(prctl(PR_GET_SECCOMP) == 0);
  IS(prctl(PR_SET_SECCOMP, 77) < 0 && errno == EINVAL);
  IS(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0) < 0 && errno == EINVAL);
  SAY(syscall(4000));
  SAY(syscall(SYS_pivot_root, 0, 0) < 0);
  SAY(prctl(12345));
}

static int shared;
static int child(void *p) {
  shared = *(int *)p;
  return 11;
}

static void births(void) {
  int status, x = 5, pidfd = -1, tid = 0;
  static char stack[65536] __attribute__((aligned(16)));
  int pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &x);
  SAY(waitpid(pid, &status, 0) == pid);
  printf("%x %d\n", status, shared);
  struct clone_args a = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
                         .pidfd = (uintptr_t)&pidfd, .parent_tid = (uintptr_t)&tid,
                         .child_tid = (uintptr_t)&x, .exit_signal = SIGCHLD};
  pid = syscall(SYS_clone3, &a, sizeof a);
  if (pid == 0) _exit(x == getpid() ? 21 : 22);
  IS(pid == tid && pidfd > 2);
  struct pollfd p = {pidfd, POLLIN};
  SAY(poll(&p, 1, 5000));
  siginfo_t i;
  memset(&i, 0, sizeof i);
  SAY(waitid(P_PIDFD, pidfd, &i, WEXITED | WNOWAIT));
  SAY(waitpid(pid, &status, 0) == pid);
  printf("%d %d %x\n", i.si_code, i.si_status, status);
  SAY(syscall(SYS_clone3, &a, 8));
  a.exit_signal = 200;
  SAY(syscall(SYS_clone3, &a, sizeof a));
  SAY(syscall(SYS_clone3, 0, sizeof a));
  SAY(waitpid(-1, &status, WNOHANG));
  SAY(wait4(-1, &status, 1 << 20, 0));
  pid = vfork();
  if (pid == 0) {
    execl("/bin/nothing", "x", (char *)0);
    _exit(errno);
  }
  waitpid(pid, &status, 0);
  SAY(WEXITSTATUS(status));
  int gate[2];
  pipe(gate);
  pid = fork();
  if (pid == 0) {
    raise(SIGSTOP);
    read(gate[0], &x, 1);
    _exit(3);
  }
  waitpid(pid, &status, WUNTRACED);
  printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
  kill(pid, SIGCONT);
  waitpid(pid, &status, WCONTINUED);
  printf("continued %d\n", WIFCONTINUED(status));
  write(gate[1], "x", 1);
  waitpid(pid, &status, 0);
  SAY(WEXITSTATUS(status));
  if (!(pid = fork())) {
    SAY(setsid() == getpid());
    SAY(getpgrp() == getpid() && getsid(0) == getpid());
    SAY(setsid());
    SAY(setpgid(0, 0));
    _exit(0);
  }
  waitpid(pid, &status, 0);
  SAY(setpgid(pid, pid));
  SAY(getpgid(pid));
  SAY(kill(pid, 0));
  SAY(kill(getpid(), 99));
}

static volatile int count, value, code, from;
static void handler(int s, siginfo_t *i, void *u) {
  count++;
  value = i->si_value.sival_int;
  code = i->si_code;
  from = i->si_pid;
}
static volatile int depth, deepest;
static void nested(int s) {
  if (++depth > deepest) deepest = depth;
  if (s == SIGRTMIN) raise(SIGRTMIN + 1);
  depth--;
}
static volatile long skipped;
static void skip(int s, siginfo_t *i, void *u) {
  ucontext_t *c = u;
#ifdef __x86_64__
  skipped = c->uc_mcontext.gregs[REG_RAX];
  c->uc_mcontext.gregs[REG_RIP] += 2;
  c->uc_mcontext.gregs[REG_RAX] = 99;
#elif defined(__aarch64__)
  skipped = c->uc_mcontext.regs[0];
  c->uc_mcontext.pc += 4;
  c->uc_mcontext.regs[0] = 99;
#else
  skipped = c->uc_mcontext.gregs[REG_EAX];
  c->uc_mcontext.gregs[REG_EIP] += 2;
  c->uc_mcontext.gregs[REG_EAX] = 99;
#endif
}

static void signals(void) {
  struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN, &a, 0);
  sigaction(SIGUSR1, &a, 0);
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, &old);
  for (int i = 0; i < 3; i++) {
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    raise(SIGUSR1);
  }
  sigset_t pending;
  sigpending(&pending);
  SAY(sigismember(&pending, SIGRTMIN) + sigismember(&pending, SIGUSR1));
  siginfo_t i;
  SAY(sigwaitinfo(&set, &i) == SIGUSR1);
  SAY(sigwaitinfo(&set, &i) == SIGRTMIN);
  printf("%d %d\n", i.si_value.sival_int, i.si_code);
  struct timespec t = {0, 2000000};
  sigprocmask(SIG_SETMASK, &old, 0);
  printf("%d handled, last %d code %d own %d\n", count, value, code, from == getpid());
  SAY(sigtimedwait(&set, &i, &t));
  SAY(nanosleep(&(struct timespec){0, -1}, 0));
  a.sa_handler = nested;
  a.sa_flags = 0;
  sigaction(SIGRTMIN, &a, 0);
  sigaction(SIGRTMIN + 1, &a, 0);
  raise(SIGRTMIN);
  SAY(deepest);
  a.sa_sigaction = skip;
  a.sa_flags = SA_SIGINFO | SA_RESETHAND;
  sigaction(SIGILL, &a, 0);
#ifdef __aarch64__
  register long r __asm__("x0") = 42;
  __asm__ volatile("udf #0" : "+r"(r) : : "memory");
#else
  long r = 42;
  __asm__ volatile("ud2" : "+a"(r) : : "memory");
#endif
  printf("%ld %ld\n", skipped, r);
  sigaction(SIGILL, 0, &a);
  SAY(a.sa_handler == SIG_DFL);
  SAY(sigaction(SIGKILL, &a, 0));
  SAY(sigaltstack(&(stack_t){.ss_sp = stdin, .ss_size = 10}, 0));
  timer_t timer;
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {55}};
  a = (struct sigaction){.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &a, 0);
  SAY(timer_create(CLOCK_MONOTONIC, &e, &timer));
  struct itimerspec its = {{0, 0}, {0, 20000000}};
  count = 0;
  sigprocmask(SIG_BLOCK, &set, &old);
  timer_settime(timer, 0, &its, 0);
  while (!count) sigsuspend(&old);
  sigprocmask(SIG_SETMASK, &old, 0);
  printf("timer %d %d\n", value, code);
  SAY(timer_getoverrun(timer));
  SAY(timer_delete(timer));
  SAY(timer_delete(timer));
  struct itimerval iv = {{0, 0}, {0, 20000}}, left;
  sigaction(SIGALRM, &a, 0);
  setitimer(ITIMER_REAL, &iv, 0);
  struct timespec rest = {9, 9};
  SAY(nanosleep(&(struct timespec){5, 0}, &rest));
  SAY(rest.tv_sec);
  SAY(getitimer(ITIMER_REAL, &left));
  SAY(alarm(100));
  SAY(alarm(0));
  SAY(setitimer(77, &iv, 0));
}

static int word;
static void *waiter(void *x) {
  long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
  __atomic_add_fetch(&shared, r == 0, __ATOMIC_SEQ_CST);
  return 0;
}
static _Thread_local int local = 7;
static pthread_key_t key;
static void gone(void *p) { __atomic_add_fetch(&shared, (long)p, __ATOMIC_SEQ_CST); }
static void *other(void *x) {
  local += (long)x;
  pthread_setspecific(key, (void *)100);
  char name[16] = "";
  pthread_setname_np(pthread_self(), "renamed");
  pthread_getname_np(pthread_self(), name, sizeof name);
  return (void *)(long)(local + !strcmp(name, "renamed") * 1000);
}
static void *victim(void *x) {
  while (1) pause();
}

static void threads(void) {
  pthread_t t[4];
  shared = 0;
  for (int i = 0; i < 3; i++) pthread_create(t + i, 0, waiter, 0);
  int woken = 0;
  while (woken < 3) woken += syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 3 - woken, 0, 0, 0);
  for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
  SAY(shared);
  SAY(syscall(SYS_futex, &word, FUTEX_WAIT, 1, 0, 0, 0));
  struct timespec soon = {0, 1000000};
  SAY(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &soon, 0, 0));
  SAY(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAKE, 1, 0, 0, 0));
  SAY(syscall(SYS_futex, &word, 55, 1, 0, 0, 0));
  pthread_key_create(&key, gone);
  void *r;
  shared = 0;
  pthread_create(t, 0, other, (void *)3);
  pthread_join(t[0], &r);
  printf("%ld %d %d\n", (long)r, local, shared);
  pthread_create(t, 0, victim, 0);
  SAY(pthread_cancel(t[0]));
  SAY((pthread_join(t[0], &r), r == PTHREAD_CANCELED));
  pthread_barrier_t b;
  SAY(pthread_barrier_init(&b, 0, 1));
  SAY(pthread_barrier_wait(&b) == PTHREAD_BARRIER_SERIAL_THREAD);
  pthread_rwlock_t w = PTHREAD_RWLOCK_INITIALIZER;
  SAY(pthread_rwlock_rdlock(&w) + pthread_rwlock_tryrdlock(&w));
  SAY(pthread_rwlock_trywrlock(&w));
  SAY(syscall(SYS_tgkill, getpid(), 1 << 22, SIGUSR1));
  SAY(syscall(SYS_gettid) == getpid());
}

static void odd(void) {
  SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  SAY(syscall(SYS_membarrier, 1 << 20, 0, 0));
  cpu_set_t cpus;
  IS(sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) >= 1);
  SAY(sched_setaffinity(0, sizeof cpus, &cpus));
  SAY(syscall(SYS_sched_getaffinity, 0, 1, &cpus));
  SAY(sched_getscheduler(0));
  SAY(sched_get_priority_max(SCHED_FIFO));
  SAY(getpriority(PRIO_PROCESS, 0) < 20);
  unsigned cpu = 9999, node = 9999;
  SAY(syscall(SYS_getcpu, &cpu, &node, 0));
  IS(cpu < 4096 && node < 64);
  char r[300];
  SAY(getrandom(r, sizeof r, 0));
  SAY(getrandom(r, 4, 0xff00));
  struct utsname u;
  SAY(uname(&u));
  puts(u.sysname);
  puts(u.machine);
  struct sysinfo s;
  SAY(sysinfo(&s));
  IS(s.totalram > 0 && s.procs > 0);
  struct rlimit l;
  SAY(getrlimit(RLIMIT_NOFILE, &l));
  l.rlim_cur = 20;
  SAY(setrlimit(RLIMIT_NOFILE, &l));
  SAY(prlimit(0, RLIMIT_NOFILE, 0, &l));
  SAY(l.rlim_cur);
  SAY(fcntl(0, F_DUPFD, 20));
  SAY(dup2(0, 20));
  SAY(fcntl(0, F_DUPFD, 19));
  for (int i = 0; i < 20; i++) if (open("/dev/null", O_RDONLY) < 0) break;
  SAY(open("/dev/null", O_RDONLY));
  struct rusage ru;
  SAY(getrusage(RUSAGE_SELF, &ru));
  SAY(getrusage(77, &ru));
  struct timespec t;
  SAY(clock_getres(CLOCK_MONOTONIC, &t));
  printf("%ld %ld\n", (long)t.tv_sec, t.tv_nsec);
  SAY(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t));
  SAY(clock_gettime(1000, &t));
  SAY(syscall(SYS_clock_gettime, CLOCK_BOOTTIME, (void *)8));
  SAY(clock_gettime(CLOCK_MONOTONIC, &t));
  SAY(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0));
  SAY(times(0) != 0);
  SAY(getauxval(AT_PAGESZ));
  SAY(getauxval(AT_SECURE));
  SAY(getauxval(AT_CLKTCK));
  IS(getauxval(AT_RANDOM) != 0 && getauxval(AT_ENTRY) != 0);
  SAY(prctl(PR_SET_NAME, "a name that is too long"));
  SAY(prctl(PR_GET_NAME, r));
  puts(r);
  SAY(prctl(PR_SET_PDEATHSIG, SIGTERM));
  int n = 0;
  SAY(prctl(PR_GET_PDEATHSIG, &n));
  SAY(n);
  SAY(prctl(PR_SET_DUMPABLE, 0));
  SAY(prctl(PR_GET_DUMPABLE));
  SAY(prctl(PR_SET_TIMERSLACK, 1000));
  SAY(prctl(PR_GET_TIMERSLACK));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  gid_t g[1];
  SAY(getgroups(-1, g));
  SAY(getresuid((void *)&cpu, (void *)&node, (void *)&n));
  IS(cpu == getuid() && node == geteuid());
  SAY(syscall(SYS_set_robust_list, 0, 1));
  SAY(syscall(SYS_rseq, 0, 0, 0, 0) < 0);
  SAY(personality(0xffffffff));
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  refused();
  births();
  signals();
  threads();
  odd();
  return 0;
}
