/* System calls of many kinds, each with a line that is the same on every Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <dirent.h>
#include <time.h>
#include <utime.h>
#include <unistd.h>
static pthread_mutex_t m, r;
static void *hold(void *x) { pthread_mutex_lock(&r);
  return x;
}
static void *locker(void *x) { for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&m);
    ++*(volatile int *)x;
    pthread_mutex_unlock(&m);
  }
  return 0;
}
static volatile void *fault_at;
static volatile int fault_code;
#include <setjmp.h>
static sigjmp_buf jb;
static char alt[65536];
static volatile int on_alt;
static void segv(int s, siginfo_t *i, void *u) { char c;
  on_alt = &c >= alt && &c < alt + sizeof alt;
  fault_at = i->si_addr;
  fault_code = i->si_code;
  siglongjmp(jb, s);
}
static volatile int got;
static void usr(int s) { got = s;
}
union semun { int val;
  struct semid_ds *b;
  unsigned short *a;
};
int main(void) {
  /* shared memory */
  int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
  volatile int *p = shmat(id, 0, 0);
  printf("shm %d %d\n", id >= 0, p != (void *)-1);
  if (!fork()) { p[0] = 42;
    p[1500] = 7;
    _exit(0);
  }
  wait(0);
  struct shmid_ds ds;
  shmctl(id, IPC_STAT, &ds);
  printf("%d %d segsz %ld mode %o\n", p[0], p[1500], (long)ds.shm_segsz, ds.shm_perm.mode & 0777);
  volatile int *q = shmat(id, 0, SHM_RDONLY);
  printf("again %d\n", q[0]);
  int first = shmdt((void *)p);
  printf("dt %d %d\n", first, shmdt((void *)p));
  printf("rm %d %d\n", shmctl(id, IPC_RMID, 0), q[1500]);
  shmdt((void *)q);
  /* semaphores */
  id = semget(IPC_PRIVATE, 3, 0600);
  unsigned short v[3] = {1, 2, 3};
  union semun u = {.a = v};
  semctl(id, 0, SETALL, u);
  struct sembuf op = {1, -1, 0};
  printf("semop %d", semop(id, &op, 1));
  unsigned short w[3];
  u.a = w;
  semctl(id, 0, GETALL, u);
  printf(" %d %d %d", w[0], w[1], w[2]);
  struct timespec ts = {0, 10000000};
  op.sem_op = -5;
  int e = semtimedop(id, &op, 1, &ts);
  printf(" %d %s", e, strerror(errno));
  struct semid_ds sd;
  u.b = &sd;
  semctl(id, 0, IPC_STAT, u);
  printf(" n %d\n", (int)sd.sem_nsems);
  semctl(id, 0, IPC_RMID);
  /* messages */
  id = msgget(IPC_PRIVATE, 0600);
  struct { long t;
    char x[32];
  } mb = {5, "hello"};
  msgsnd(id, &mb, 6, 0);
  struct msqid_ds md;
  msgctl(id, IPC_STAT, &md);
  printf("msg n %d bytes %d", (int)md.msg_qnum, (int)md.msg_cbytes);
  memset(&mb, 0, sizeof mb);
  int n = msgrcv(id, &mb, 32, 0, 0);
  printf(" %d %ld %s", n, mb.t, mb.x);
  n = msgrcv(id, &mb, 32, 0, IPC_NOWAIT);
  printf(" %d %s\n", n, strerror(errno));
  msgctl(id, IPC_RMID, 0);
  /* PI and robust mutexes */
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
  printf("pi init %d\n", pthread_mutex_init(&m, &a));
  int count = 0;
  pthread_t t[3];
  for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, locker, &count);
  for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
  printf("pi %d\n", count);
  for (int pi = 0; pi < 2; pi++) { pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    if (pi) pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&r, &a);
    pthread_create(&t[0], 0, hold, 0);
    pthread_join(t[0], 0);
    int l = pthread_mutex_lock(&r);
    printf("robust %s", strerror(l));
    printf(" %d", pthread_mutex_consistent(&r));
    printf(" %d\n", pthread_mutex_unlock(&r));
  }
  /* pidfd */
  int pid = fork();
  if (!pid) { pause();
    _exit(1);
  }
  int fd = syscall(SYS_pidfd_open, pid, 0);
  struct pollfd pf = {fd, POLLIN, 0};
  printf("pidfd %d poll %d", fd >= 0, poll(&pf, 1, 10));
  printf(" send %ld", syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
  printf(" poll %d", poll(&pf, 1, 5000));
  siginfo_t si;
  memset(&si, 0, sizeof si);
  printf(" wait %d", waitid(3, fd, &si, WEXITED));
  printf(" %d %d %d\n", si.si_pid == pid, si.si_status, si.si_code);
  /* faults */
  stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt};
  sigaltstack(&ss, 0);
  struct sigaction sa = {.sa_sigaction = segv, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigaction(SIGSEGV, &sa, 0);
  sigaction(SIGBUS, &sa, 0);
  volatile char *ro = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!sigsetjmp(jb, 1)) ro[4099] = 1;
  else printf("segv %ld code %d alt %d\n", (long)((char *)fault_at - (char *)ro), fault_code, on_alt);
  munmap((void *)ro, 8192);
  if (!sigsetjmp(jb, 1)) ro[5] = 1;
  else printf("segv %ld code %d\n", (long)((char *)fault_at - (char *)ro), fault_code);
  int f = open("gapfile", O_RDWR | O_CREAT | O_TRUNC, 0644);
  write(f, "abc", 3);
  ro = mmap(0, 8192, PROT_READ, MAP_SHARED, f, 0);
  int sg = sigsetjmp(jb, 1);
  if (!sg) printf("%d\n", ro[4096]);
  else printf("bus %d at %ld code %d\n", sg, (long)((char *)fault_at - (char *)ro), fault_code);
  /* locks, stat, times, dirs */
  struct flock fl = {F_WRLCK, SEEK_SET, 0, 10, 0};
  printf("lock %d", fcntl(f, F_SETLK, &fl));
  struct stat st;
  fstat(f, &st);
  printf(" size %ld mode %o", (long)st.st_size, st.st_mode);
  struct utimbuf ub = {100, 200};
  utime("gapfile", &ub);
  stat("gapfile", &st);
  printf(" %ld %ld", (long)st.st_atime, (long)st.st_mtime);
  struct statfs sf;
  int sr = statfs("/", &sf);
  printf(" statfs %d %ld\n", sr, (long)sf.f_bsize);
  int tf = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec its = {{0, 0}, {0, 5000000}};
  timerfd_settime(tf, 0, &its, 0);
  unsigned long long ex = 0;
  read(tf, &ex, 8);
  printf("timerfd %llu", ex);
  timerfd_gettime(tf, &its);
  printf(" %ld\n", (long)its.it_value.tv_sec);
  /* restart */
  struct sigaction su = {.sa_handler = usr};
  sigaction(SIGUSR1, &su, 0);
  int pp[2];
  pipe(pp);
  pid = getpid();
  for (int rs = 0; rs < 2; rs++) { su.sa_flags = rs ? SA_RESTART : 0;
    sigaction(SIGUSR1, &su, 0);
    got = 0;
    int c = fork();
    if (!c) {
      usleep(100000);
      kill(pid, SIGUSR1);
      usleep(100000);
      write(pp[1], "x", 1);
      _exit(0);
    }
    char ch;
    n = read(pp[0], &ch, 1);
    printf("restart %d: %d %s got %d\n", rs, n, n < 0 ? strerror(errno) : "", got);
    waitpid(c, 0, 0);
    if (n < 0) read(pp[0], &ch, 1);
  }
  /* nanosleep remainder, wait rusage, inotify, sendfile, copy_file_range, memfd */
  struct rusage ru;
  memset(&ru, 1, sizeof ru);
  if (!fork()) _exit(3);
  int stt;
  wait4(-1, &stt, 0, &ru);
  printf("wait4 %x minor %d\n", stt, ru.ru_utime.tv_sec < 100);
  int in = inotify_init1(0);
  inotify_add_watch(in, ".", IN_CREATE);
  close(open("gapnew", O_CREAT | O_RDWR, 0600));
  char eb[512];
  n = read(in, eb, sizeof eb);
  printf("inotify %s\n", ((struct inotify_event *)eb)->name);
  unlink("gapnew");
  int mf = memfd_create("x", 0);
  lseek(f, 0, SEEK_SET);
  printf("sendfile %d", (int)sendfile(mf, f, 0, 10));
  loff_t o = 0;
  printf(" cfr %d\n", (int)copy_file_range(f, &o, f, 0, 2, 0));
  DIR *d = opendir(".");
  int seen = 0;
  for (struct dirent *de; (de = readdir(d)); ) seen += !strcmp(de->d_name, "gapfile");
  printf("dir %d\n", seen);
  unlink("gapfile");
  long refused = syscall(SYS_seccomp, 5, 0, 0);
  printf("seccomp %ld %s\n", refused, strerror(errno));
  return 0;
}
