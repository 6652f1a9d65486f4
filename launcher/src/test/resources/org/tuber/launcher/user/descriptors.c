/* System calls on files, descriptors, sockets and memory; every line is the same without emulation. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static long checked(long r) { return r < 0 ? -errno : r; }
#define SAY(call) printf("%s = %ld\n", #call, checked((long)(call)))
#define IS(condition) printf("%s: %s\n", #condition, (condition) ? "yes" : "no")

static void openings(void) {
  int fd;
  struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0640, .resolve = RESOLVE_BENEATH};
  IS((fd = syscall(SYS_openat2, AT_FDCWD, "d/one", &how, sizeof how)) > 2);
  SAY(syscall(SYS_openat2, AT_FDCWD, "../up", &how, sizeof how));
  how.flags = 1L << 40;
  SAY(syscall(SYS_openat2, AT_FDCWD, "d/one", &how, sizeof how));
  SAY(write(fd, "0123456789", 10));
  struct iovec v[2] = {{(char[4]){0}, 3}, {(char[8]){0}, 7}};
  SAY(preadv2(fd, v, 2, 2, 0));
  printf("%s %s\n", (char *)v[0].iov_base, (char *)v[1].iov_base);
  SAY(pwritev2(fd, v, 2, 100, RWF_DSYNC));
  struct statx x;
  SAY(statx(AT_FDCWD, "d/one", 0, STATX_BASIC_STATS, &x));
  printf("statx %llu %o %u\n", (unsigned long long)x.stx_size, x.stx_mode, x.stx_nlink);
  SAY(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
  SAY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536));
  SAY(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
  SAY(ftruncate(fd, 1L << 20));
  SAY(lseek(fd, 0, SEEK_END));
  SAY(lseek(fd, 0, SEEK_DATA));
  SAY(lseek(fd, -5, SEEK_SET));
  SAY(flock(fd, LOCK_EX | LOCK_NB));
  SAY(fsync(fd));
  SAY(fsetxattr(fd, "user.x", "value", 5, 0) < 0 ? errno == EOPNOTSUPP ? 0 : -1 : 0);
  SAY(linkat(AT_FDCWD, "d/one", AT_FDCWD, "d/two", 0));
  SAY(symlinkat("one", AT_FDCWD, "d/soft"));
  char text[PATH_MAX];
  SAY(readlinkat(AT_FDCWD, "d/soft", text, sizeof text));
  SAY(renameat2(AT_FDCWD, "d/two", AT_FDCWD, "d/soft", RENAME_EXCHANGE));
  SAY(renameat2(AT_FDCWD, "d/two", AT_FDCWD, "d/soft", RENAME_NOREPLACE));
  SAY(faccessat(AT_FDCWD, "d/one", R_OK, AT_EACCESS));
  SAY(faccessat(AT_FDCWD, "d/none", F_OK, 0));
  SAY(fchmodat(AT_FDCWD, "d/one", 0400, 0));
  struct timespec t[2] = {{5, 6}, {0, UTIME_OMIT}};
  SAY(utimensat(AT_FDCWD, "d/one", t, 0));
  struct stat s;
  SAY(fstatat(AT_FDCWD, "d/one", &s, AT_SYMLINK_NOFOLLOW));
  printf("%ld.%ld %o %ld\n", (long)s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mode, (long)s.st_size);
  SAY(mknod("d/fifo", S_IFIFO | 0600, 0));
  SAY(unlinkat(AT_FDCWD, "d", 0));
  SAY(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
  SAY(open("d/one/x", O_RDONLY));
  SAY(open("d", O_WRONLY));
  SAY(open("d/soft", O_RDONLY | O_NOFOLLOW) < 0);
  int tmp;
  IS((tmp = open("d", O_TMPFILE | O_RDWR, 0600)) > 2);
  SAY(chdir("d"));
  IS(strstr(getcwd(text, sizeof text), "/d") != 0);
  SAY(syscall(SYS_getcwd, text, 2));
  int parent = open("..", O_PATH);
  SAY(fchdir(parent));
  SAY(read(parent, text, 1));
  SAY(umask(027));
  SAY(umask(022));
  struct statvfs f;
  SAY(statvfs("d", &f));
  SAY(access("/nowhere", R_OK));
  SAY(open((char *)8, O_RDONLY));
  SAY(open("", O_RDONLY));
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = 0;
  SAY(open(text, O_RDONLY));
  text[300] = 0;
  SAY(open(text, O_RDONLY));
}

static void descriptors(void) {
  int p[2];
  SAY(pipe2(p, O_CLOEXEC | O_NONBLOCK));
  SAY(fcntl(p[0], F_GETFD));
  SAY(fcntl(p[0], F_GETFL) & O_NONBLOCK);
  char c[16];
  SAY(read(p[0], c, 1));
  SAY(fcntl(p[0], F_DUPFD_CLOEXEC, 100));
  SAY(dup3(p[0], 120, O_CLOEXEC));
  SAY(dup3(p[0], p[0], 0));
  SAY(dup2(p[0], p[0]) == p[0]);
  SAY(dup2(999, 5));
  SAY(fcntl(p[0], F_SETPIPE_SZ, 65536));
  SAY(syscall(SYS_close_range, 100, 120, 0));
  SAY(fcntl(100, F_GETFD));
  SAY(dup2(0, 100));
  SAY(syscall(SYS_close_range, 50, ~0u, 4));
  SAY(fcntl(100, F_GETFD));
  SAY(syscall(SYS_close_range, 50, 40, 0));
  SAY(close(100));
  SAY(close(100));
  int q[2];
  pipe(q);
  write(p[1], "abcdef", 6);
  SAY(tee(p[0], q[1], 4, 0));
  SAY(splice(p[0], 0, q[1], 0, 2, 0));
  struct iovec v = {"xyz", 3};
  SAY(vmsplice(q[1], &v, 1, 0));
  memset(c, 0, sizeof c);
  SAY(read(q[0], c, 15));
  puts(c);
  int n = 0;
  SAY(ioctl(p[0], FIONREAD, &n));
  SAY(n);
  SAY(ioctl(p[0], TCGETS, c));
  SAY(write(q[0], c, 1));
  SAY(close(q[0]));
  signal(SIGPIPE, SIG_IGN);
  SAY(write(q[1], c, 1));
  int m = memfd_create("mem", MFD_ALLOW_SEALING);
  SAY(write(m, "memory", 6));
  SAY(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
  SAY(fcntl(m, F_GET_SEALS));
  SAY(write(m, "x", 1));
  SAY(ftruncate(m, 1));
  SAY((long)mmap(0, 4096, PROT_WRITE, MAP_SHARED, m, 0));
  off_t at = 1;
  SAY(sendfile(p[1], m, &at, 4));
  SAY(at);
  SAY(read(p[0], c, 15));
  int e = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
  uint64_t u = 0;
  SAY(read(e, &u, 8));
  SAY(u);
  SAY(read(e, &u, 4));
  u = 5;
  SAY(write(e, &u, 8));
  int ep = epoll_create1(0);
  struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = 0x1122334455667788}};
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, m, &ev));
  struct epoll_event got[4];
  SAY(epoll_wait(ep, got, 4, 0));
  printf("%x %llx\n", got[0].events, (unsigned long long)got[0].data.u64);
  SAY(epoll_wait(ep, got, 4, 0));
  SAY(epoll_wait(ep, got, 0, 0));
  long long none[2] = {0, 1000};
  SAY(syscall(SYS_epoll_pwait2, ep, got, 4, none, 0, 8));
  fd_set r;
  FD_ZERO(&r);
  FD_SET(e, &r);
  FD_SET(p[0], &r);
  struct timeval tv = {0, 1000};
  SAY(select(p[0] > e ? p[0] + 1 : e + 1, &r, 0, 0, &tv));
  SAY(FD_ISSET(e, &r) != 0);
  struct pollfd pf[3] = {{e, POLLIN}, {-1, POLLIN}, {777, POLLIN}};
  SAY(poll(pf, 3, 0));
  printf("%x %x %x\n", pf[0].revents, pf[1].revents, pf[2].revents);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  int sf = signalfd(-1, &set, SFD_NONBLOCK);
  struct signalfd_siginfo si;
  SAY(read(sf, &si, sizeof si));
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});
  pf[0].fd = sf;
  SAY(poll(pf, 1, 100));
  SAY(read(sf, &si, sizeof si));
  printf("%u %d %d %d\n", si.ssi_signo, si.ssi_code, si.ssi_int, si.ssi_pid == getpid());
  int tf = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  SAY(read(tf, &u, 8));
  SAY(timerfd_create(99, 0));
  SAY(ioctl(e, FIONBIO, &n));
}

static void watching(void) {
  int in = inotify_init1(IN_NONBLOCK);
  int w = inotify_add_watch(in, "d", IN_ALL_EVENTS);
  SAY(w);
  char events[4096] __attribute__((aligned(8)));
  SAY(read(in, events, sizeof events));
  close(open("d/a", O_CREAT | O_WRONLY, 0600));
  rename("d/a", "d/b");
  unlink("d/b");
  int n = read(in, events, sizeof events);
  for (char *e = events; e < events + n;) {
    struct inotify_event *i = (void *)e;
    printf("%d %x %d %s\n", i->wd, i->mask, i->cookie != 0, i->len ? i->name : "");
    e += sizeof *i + i->len;
  }
  SAY(inotify_add_watch(in, "d/none", IN_CREATE));
  SAY(inotify_rm_watch(in, w));
  SAY(inotify_rm_watch(in, w));
}

static void sockets(void) {
  int s[2];
  SAY(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s));
  char control[CMSG_SPACE(2 * sizeof(int))];
  memset(control, 0, sizeof control);
  char c[32] = "with descriptors";
  struct iovec v = {c, 17};
  struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                     .msg_controllen = sizeof control};
  struct cmsghdr *m = CMSG_FIRSTHDR(&h);
  m->cmsg_level = SOL_SOCKET;
  m->cmsg_type = SCM_RIGHTS;
  m->cmsg_len = CMSG_LEN(2 * sizeof(int));
  int passed[2] = {0, open("/proc/self/cmdline", O_RDONLY)};
  memcpy(CMSG_DATA(m), passed, sizeof passed);
  SAY(sendmsg(s[0], &h, 0));
  memset(control, 0, sizeof control);
  memset(c, 0, sizeof c);
  SAY(recvmsg(s[1], &h, MSG_CMSG_CLOEXEC));
  m = CMSG_FIRSTHDR(&h);
  printf("%s level %d type %d len %d flags %x\n", c, m->cmsg_level, m->cmsg_type,
         (int)(m->cmsg_len - CMSG_LEN(0)), h.msg_flags);
  memcpy(passed, CMSG_DATA(m), sizeof passed);
  SAY(fcntl(passed[1], F_GETFD));
  SAY(read(passed[1], c, 31) > 0);
  struct ucred cred;
  socklen_t size = sizeof cred;
  SAY(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &size));
  IS(cred.pid == getpid());
  struct mmsghdr mm[2] = {{{.msg_iov = &v, .msg_iovlen = 1}}, {{.msg_iov = &v, .msg_iovlen = 1}}};
  SAY(sendmmsg(s[0], mm, 2, 0));
  SAY(recvmmsg(s[1], mm, 2, MSG_DONTWAIT, 0));
  printf("%u %u\n", mm[0].msg_len, mm[1].msg_len);
  int one = 1, l = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un a = {AF_UNIX, "d/socket"}, b;
  SAY(bind(l, (void *)&a, sizeof a));
  SAY(listen(l, 5));
  int k = socket(AF_UNIX, SOCK_STREAM, 0);
  SAY(connect(k, (void *)&a, sizeof a));
  size = sizeof b;
  int got = accept4(l, (void *)&b, &size, SOCK_NONBLOCK);
  printf("%d %u\n", got > 2, size);
  size = sizeof b;
  SAY(getsockname(l, (void *)&b, &size));
  printf("%s %u\n", b.sun_path, size);
  SAY(recv(got, c, 1, 0));
  SAY(send(k, "ab", 2, MSG_NOSIGNAL));
  SAY(recv(got, c, 2, MSG_PEEK));
  SAY(shutdown(k, SHUT_WR));
  SAY(recv(got, c, 2, MSG_WAITALL));
  SAY(recv(got, c, 2, 0));
  SAY(setsockopt(k, SOL_SOCKET, SO_SNDBUF, &one, sizeof one));
  SAY(setsockopt(k, SOL_SOCKET, 9999, &one, sizeof one));
  SAY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&(struct sockaddr_un){AF_UNIX, "d/no"}, 10));
  SAY(socket(AF_UNIX, 77, 0));
  SAY(bind(0, (void *)&a, sizeof a));
}

static void memory(void) {
  long page = sysconf(_SC_PAGESIZE);
  char *p = mmap(0, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 7, 8 * page);
  unsigned char in[8];
  SAY(mincore(p, 8 * page, in));
  SAY(mlock(p, page));
  SAY(munlock(p, page));
  SAY(madvise(p + page, page, MADV_DONTNEED));
  SAY(p[page] + p[2 * page]);
  SAY(madvise(p + 1, page, MADV_DONTNEED));
  SAY(madvise(p, page, 12345));
  SAY(mprotect(p + page, page, PROT_NONE));
  SAY(read(open("/proc/self/exe", O_RDONLY), p + page, 1));
  SAY(write(1, p + page, 1));
  SAY(munmap(p + 3 * page, page));
  SAY(mprotect(p, 8 * page, PROT_READ));
  char *q = mremap(p + 4 * page, 2 * page, 4 * page, MREMAP_MAYMOVE);
  SAY(q[page]);
  SAY((long)mremap(p + 3 * page, page, page, 0));
  SAY((long)mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  SAY((long)mmap(0, page, PROT_READ, MAP_PRIVATE, 99, 0));
  SAY((long)mmap((void *)page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 1));
  SAY((long)mmap(q, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  SAY(munmap(q + 1, page));
  SAY(msync(q, page, MS_SYNC));
  SAY(msync(p + 3 * page, page, MS_SYNC));
  char *heap = sbrk(0);
  SAY(brk(heap + 3 * page));
  heap[2 * page] = 5;
  SAY(sbrk(0) == heap + 3 * page);
  SAY(brk(heap));
  int f = open("d/map", O_RDWR | O_CREAT | O_TRUNC, 0600);
  ftruncate(f, 3 * page);
  char *s = mmap(0, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  char *t = mmap(0, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
  s[page] = 'S';
  SAY(t[page]);
  t[page] = 'T';
  s[page] = 'U';
  SAY(t[page]);
  char c = 0;
  SAY(pread(f, &c, 1, page));
  SAY(c);
  SAY(pwrite(f, "W", 1, 0));
  SAY(s[0] + t[0]);
  if (!fork()) {
    s[2 * page] = 'c';
    t[2 * page] = 'd';
    _exit(0);
  }
  wait(0);
  SAY(s[2 * page]);
  SAY(t[2 * page]);
  SAY((long)mmap(0, page, PROT_WRITE, MAP_SHARED, open("/proc/self/exe", O_RDONLY), 0));
  struct iovec mine = {&c, 1}, there = {s, 1};
  SAY(process_vm_readv(getpid(), &mine, 1, &there, 1, 0));
  SAY(c);
  c = 'V';
  SAY(process_vm_writev(getpid(), &mine, 1, &there, 1, 0));
  SAY(s[0]);
}

static void proc(void) {
  char text[8192], path[64];
  int fd = open("/proc/self/comm", O_RDONLY);
  SAY(read(fd, text, sizeof text));
  text[11] = 0;
  puts(text);
  SAY(readlink("/proc/self/fd/1", text, sizeof text) > 0);
  snprintf(path, sizeof path, "/proc/%d/stat", getpid());
  FILE *f = fopen(path, "r");
  int pid, ppid;
  char state, name[64];
  SAY(fscanf(f, "%d %63s %c %d", &pid, name, &state, &ppid));
  printf("%d %s %c %d\n", pid == getpid(), name, state, ppid == getppid());
  f = fopen("/proc/self/status", "r");
  int threads = 0;
  while (fgets(text, sizeof text, f)) sscanf(text, "Threads: %d", &threads);
  SAY(threads);
  f = fopen("/proc/self/maps", "r");
  int stack = 0, heap = 0, self = 0;
  while (fgets(text, sizeof text, f)) {
    stack += strstr(text, "[stack]") != 0;
    heap += strstr(text, "[heap]") != 0;
    self += strstr(text, "/descriptors") != 0 && strstr(text, "r-xp") != 0;
  }
  printf("stack %d heap %d code %d\n", stack, heap > 0, self);
  SAY(chdir("/proc/self"));
  SAY(open("cwd", O_RDONLY) > 2);
  SAY(access("/proc/self/task", F_OK));
  SAY(access("/proc/1/nothing", F_OK));
  SAY(open("/proc/self/nothing", O_RDONLY));
  struct statfs s;
  SAY(statfs("/proc", &s));
  printf("%lx\n", (long)s.f_type);
}

static void queues(void) {
  char name[64], text[64];
  snprintf(name, sizeof name, "/tuber-test-%d", getpid());
  struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 64}, b;
  mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &a);
  IS(q > 2);
  SAY(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &a));
  SAY(mq_send(q, "low", 4, 1));
  SAY(mq_send(q, "high", 5, 9));
  SAY(mq_getattr(q, &b));
  printf("%ld %ld %ld\n", (long)b.mq_maxmsg, (long)b.mq_msgsize, (long)b.mq_curmsgs);
  unsigned priority;
  SAY(mq_receive(q, text, 64, &priority));
  printf("%s %u\n", text, priority);
  SAY(mq_receive(q, text, 10, &priority));
  SAY(mq_receive(q, text, 64, &priority));
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  SAY(mq_timedreceive(q, text, 64, &priority, &now));
  b.mq_flags = O_NONBLOCK;
  SAY(mq_setattr(q, &b, &a));
  SAY(mq_receive(q, text, 64, 0));
  SAY(mq_unlink(name));
  SAY(mq_unlink(name));
  SAY(mq_close(q));
}

static int open_files(void) {
  int n = 0;
  for (int i = 0; i < 200; i++) n += fcntl(i, F_GETFD) >= 0;
  return n;
}

/* Receives with so much room for control messages; says what came. */
static void receive(int s, int room) {
  char data[8], control[256];
  memset(control, 0x5a, sizeof control);
  struct iovec v = {data, sizeof data};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  int before = open_files();
  int n = recvmsg(s, &m, 0);
  printf("room %d: %d, control %d, flags %x, descriptors %d,", room, n, (int) m.msg_controllen, m.msg_flags, open_files() - before);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    printf(" %d:%d", c->cmsg_type, (int) c->cmsg_len);
    if (c->cmsg_type == SCM_RIGHTS)
      for (int *fd = (int *) CMSG_DATA(c); (char *) (fd + 1) <= (char *) c + c->cmsg_len; fd++) close(*fd);
  }
  printf(" %x\n", control[room] & 0xff);
}

static void truncated(void) {
  int p[2], on = 1;
  socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
  setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  for (int room = 0; room < 80; room += room < 60 ? 3 : 7) {
    char control[CMSG_SPACE(3 * sizeof(int))] = {0};
    struct iovec v = {"abc", 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(3 * sizeof(int));
    for (int i = 0; i < 3; i++) ((int *) CMSG_DATA(c))[i] = i;
    sendmsg(p[0], &m, 0);
    receive(p[1], room);
  }
  close(p[0]);
  close(p[1]);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  int u = socket(AF_INET, SOCK_DGRAM, 0);
  bind(u, (void *) &a, sizeof a);
  getsockname(u, (void *) &a, &size);
  setsockopt(u, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
  setsockopt(u, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
  for (int room = 8; room < 72; room += 5) {
    sendto(u, "de", 2, 0, (void *) &a, sizeof a);
    receive(u, room);
  }
  close(u);
}

/* struct ifreq is longer on 64-bit machines: what is behind it stays as it is. */
static void interfaces(void) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct {struct ifreq r; unsigned char behind[16];} one;
  memset(&one, 0x5a, sizeof one);
  strcpy(one.r.ifr_name, "lo");
  SAY(ioctl(s, SIOCGIFFLAGS, &one.r));
  printf("%d %x\n", (one.r.ifr_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK), one.behind[0]);
  SAY(ioctl(s, SIOCGIFINDEX, &one.r));
  int index = one.r.ifr_ifindex;
  memset(one.r.ifr_name, 0, IFNAMSIZ);
  SAY(ioctl(s, SIOCGIFNAME, &one.r));
  printf("%d %s\n", index, one.r.ifr_name);
  struct ifconf c = {0};
  SAY(ioctl(s, SIOCGIFCONF, &c));
  int need = c.ifc_len;
  struct ifreq list[33];
  memset(list, 0x5a, sizeof list);
  c.ifc_len = sizeof(struct ifreq);
  c.ifc_req = list;
  SAY(ioctl(s, SIOCGIFCONF, &c));
  struct sockaddr_in *a = (void *) &list[0].ifr_addr;
  printf("%d %s %x %x\n", c.ifc_len == sizeof(struct ifreq), list[0].ifr_name, ntohl(a->sin_addr.s_addr), list[1].ifr_name[0]);
  c.ifc_len = sizeof list;
  SAY(ioctl(s, SIOCGIFCONF, &c));
  printf("%d\n", c.ifc_len == need);
  strcpy(one.r.ifr_name, "none");
  SAY(ioctl(s, SIOCGIFFLAGS, &one.r));
  close(s);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  system("rm -rf d");
  mkdir("d", 0755);
  openings();
  descriptors();
  watching();
  sockets();
  truncated();
  interfaces();
  memory();
  queues();
  proc();
  return 0;
}
