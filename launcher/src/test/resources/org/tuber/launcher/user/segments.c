/* Segments of a program's own: the local descriptor table, its threads and children, and what handlers of signals find and leave in the
 * segment registers. i386. Prints what happens; the same on every kernel that has modify_ldt. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static int data[16] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
static sigjmp_buf back;
static volatile int seen_ds, seen_fs, seen_cs, seen_ss;

static int modify(int function, void *at, unsigned long bytes) {
  int r = syscall(SYS_modify_ldt, function, at, bytes);
  return r < 0 ? -errno : r;
}

static int put(int index, void *base, unsigned limit, int contents, int ro, int pages, int absent, int wide) {
  struct user_desc d = {0};
  d.entry_number = index;
  d.base_addr = (unsigned)base;
  d.limit = limit;
  d.seg_32bit = wide;
  d.contents = contents;
  d.read_exec_only = ro;
  d.limit_in_pages = pages;
  d.seg_not_present = absent;
  d.useable = 1;
  return modify(0x11, &d, sizeof d);
}

static int selector(int index) { return index << 3 | 7; }

static int load_fs(int offset) {
  int v;
  __asm__ volatile("movl %%fs:(%1), %0" : "=r"(v) : "r"(offset));
  return v;
}

static void set_fs(int s) { __asm__ volatile("movw %w0, %%fs" ::"r"(s)); }

static int get_fs(void) {
  int s;
  __asm__ volatile("movl %%fs, %0" : "=r"(s));
  return s & 0xffff;
}

static void fault(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  int ds, cs, ss;
  __asm__("movl %%ds, %0; movl %%cs, %1; movl %%ss, %2" : "=r"(ds), "=r"(cs), "=r"(ss));
  printf("signal %d code %d trap %d error %x, handler ds %x cs %x ss %x\n", number, info->si_code,
         (int)u->uc_mcontext.gregs[REG_TRAPNO], (int)u->uc_mcontext.gregs[REG_ERR], ds & 0xffff, cs & 0xffff, ss & 0xffff);
  siglongjmp(back, 1);
}

static void note(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  (void)number;
  (void)info;
  seen_fs = u->uc_mcontext.gregs[REG_FS] & 0xffff;
  seen_ds = u->uc_mcontext.gregs[REG_DS] & 0xffff;
  seen_cs = u->uc_mcontext.gregs[REG_CS] & 0xffff;
  seen_ss = u->uc_mcontext.gregs[REG_SS] & 0xffff;
  /* A handler may do as it likes with FS: it comes back. */
  set_fs(0);
}

static void bad_return(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  (void)number;
  (void)info;
  u->uc_mcontext.gregs[REG_CS] = 0x1234;
}

#define TRY(what)                     \
  do {                                \
    if (sigsetjmp(back, 1) == 0) {    \
      what;                           \
    }                                 \
  } while (0)

#define OP(text)                                                                                               \
  seen_cs = 0;                                                                                                 \
  do {                                                                                                         \
    int a = 1, c = 2, d = 3, at = 0;                                                                           \
    TRY(__asm__ volatile(text : "+a"(a), "+c"(c), "+d"(d), "+D"(at)::"memory", "cc", "esi"); seen_cs = 1);      \
  } while (0);                                                                                                 \
  printf("%s: %s\n", text, seen_cs ? "done" : "refused")

/* Operands that just fit below the limit, 63, and those a byte higher. */
static void widths(void) {
  put(3, data, sizeof data - 1, 0, 0, 0, 0, 1);
  set_fs(selector(3));
  __asm__ volatile("fninit; fldz");
  OP("movb %%fs:63, %%al");
  OP("movb %%fs:64, %%al");
  OP("movw %%fs:62, %%ax");
  OP("movw %%fs:63, %%ax");
  OP("addl %%eax, %%fs:60");
  OP("addl %%eax, %%fs:61");
  OP("cmpxchg8b %%fs:56");
  OP("cmpxchg8b %%fs:57");
  OP("movups %%fs:48, %%xmm0");
  OP("movups %%fs:49, %%xmm0");
  OP("movups %%xmm0, %%fs:48");
  OP("movups %%xmm0, %%fs:49");
  OP("lddqu %%fs:48, %%xmm0");
  OP("lddqu %%fs:49, %%xmm0");
  OP("movss %%fs:60, %%xmm0");
  OP("movss %%fs:61, %%xmm0");
  OP("movss %%xmm0, %%fs:60");
  OP("movss %%xmm0, %%fs:61");
  OP("movsd %%fs:56, %%xmm0");
  OP("movsd %%fs:57, %%xmm0");
  OP("movsd %%xmm0, %%fs:57");
  OP("movhps %%fs:57, %%xmm0");
  OP("movhps %%xmm0, %%fs:57");
  OP("movlps %%xmm0, %%fs:56");
  OP("addss %%fs:60, %%xmm0");
  OP("addss %%fs:61, %%xmm0");
  OP("addsd %%fs:56, %%xmm0");
  OP("addsd %%fs:57, %%xmm0");
  OP("cvtsi2sd %%fs:60, %%xmm0");
  OP("cvtsi2sd %%fs:61, %%xmm0");
  OP("movd %%fs:60, %%xmm0");
  OP("movd %%fs:61, %%xmm0");
  OP("movq %%xmm0, %%fs:56");
  OP("movq %%xmm0, %%fs:57");
  OP("pinsrw $1, %%fs:62, %%xmm0");
  OP("pinsrw $1, %%fs:63, %%xmm0");
  OP("ldmxcsr %%fs:61");
  OP("stmxcsr %%fs:61");
  OP("paddb %%fs:56, %%mm0; emms");
  OP("paddb %%fs:57, %%mm0; emms");
  OP("punpcklbw %%fs:60, %%mm0; emms");
  OP("movq %%mm0, %%fs:57; emms");
  OP("emms");
  OP("flds %%fs:60; fstp %%st(0)");
  OP("flds %%fs:61; fstp %%st(0)");
  OP("fldl %%fs:56; fstp %%st(0)");
  OP("fldl %%fs:57; fstp %%st(0)");
  OP("fldt %%fs:54; fstp %%st(0)");
  OP("fldt %%fs:55; fstp %%st(0)");
  OP("fildll %%fs:56; fstp %%st(0)");
  OP("fildll %%fs:57; fstp %%st(0)");
  OP("filds %%fs:62; fstp %%st(0)");
  OP("filds %%fs:63; fstp %%st(0)");
  OP("fldz; fstpt %%fs:54");
  OP("fldz; fstpt %%fs:55");
  OP("fninit; fnstcw %%fs:62");
  OP("fnstcw %%fs:63");
  OP("fnstenv %%fs:36");
  OP("fnstenv %%fs:37");
  OP("fnsave %%fs:0");
  OP("fninit; fnstsw %%fs:63");
  set_fs(0);
}

/* Every way to write through a segment that can only be read, and some ways to read. */
static void types(void) {
  put(5, data, sizeof data - 1, 0, 1, 0, 0, 1);
  set_fs(selector(5));
  __asm__ volatile("pxor %mm0, %mm0; emms; fldz; xorps %xmm0, %xmm0");
  OP("movb %%al, %%fs:8");
  OP("movw %%ax, %%fs:8");
  OP("movl %%eax, %%fs:8(%%edi)");
  OP("movl $1, %%fs:8");
  OP("addl %%eax, %%fs:8");
  OP("addl $1, %%fs:8");
  OP("adcb $1, %%fs:8");
  OP("cmpl %%eax, %%fs:8");
  OP("cmpl $1, %%fs:8");
  OP("cmpl %%fs:8, %%eax");
  OP("testl %%eax, %%fs:8");
  OP("testl $1, %%fs:8");
  OP("subl %%fs:8, %%eax");
  OP("incl %%fs:8");
  OP("negl %%fs:8");
  OP("notb %%fs:8");
  OP("shll $1, %%fs:8");
  OP("rorw %%cl, %%fs:8");
  OP("shldl $3, %%eax, %%fs:8");
  OP("xchgl %%eax, %%fs:8");
  OP("lock; xaddl %%eax, %%fs:8");
  OP("lock; cmpxchgl %%ecx, %%fs:8");
  OP("cmpxchg8b %%fs:8");
  OP("btl $1, %%fs:8");
  OP("btsl $1, %%fs:8");
  OP("btrl %%eax, %%fs:8");
  OP("setc %%fs:8");
  OP("cmovcl %%fs:8, %%eax");
  OP("movzbl %%fs:8, %%eax");
  OP("pushl %%fs:8; popl %%eax");
  OP("pushl $1; popl %%fs:8; popl %%eax");
  OP("mull %%fs:8");
  OP("imull %%fs:8");
  OP("imull $3, %%fs:8, %%eax");
  OP("movl $1, %%eax; movl $0, %%edx; divl %%fs:8");
  OP("mov %%fs, %%fs:8");
  OP("movl %%eax, %%fs:(12)");
  OP("bound %%eax, %%fs:(56)");
  OP("leal %%fs:8, %%eax");
  OP("nopl %%fs:8");
  OP("prefetcht0 %%fs:8");
  OP("flds %%fs:8; fstp %%st(0)");
  OP("fadds %%fs:8");
  OP("fcoms %%fs:8");
  OP("fildl %%fs:8; fstp %%st(0)");
  OP("fsts %%fs:8");
  OP("fstl %%fs:8");
  OP("fld %%st(0); fstpt %%fs:8");
  OP("fistl %%fs:8");
  OP("fnstcw %%fs:8");
  OP("fnstsw %%fs:8");
  OP("fnstenv %%fs:8");
  OP("stmxcsr %%fs:8");
  OP("movups %%fs:8, %%xmm0");
  OP("movups %%xmm0, %%fs:8");
  OP("movss %%xmm0, %%fs:8");
  OP("movsd %%xmm0, %%fs:8");
  OP("movlps %%xmm0, %%fs:8");
  OP("movhpd %%xmm0, %%fs:8");
  OP("movd %%xmm0, %%fs:8");
  OP("movd %%fs:8, %%xmm0");
  OP("movq %%xmm0, %%fs:8");
  OP("addss %%fs:8, %%xmm0");
  OP("movq %%mm0, %%fs:8; emms");
  OP("emms");
  OP("movnti %%eax, %%fs:8");
  OP("movaps %%cs:0, %%xmm0");
  OP("movl %%eax, %%cs:data");
  OP("movl %%cs:data, %%eax");
  OP("addl %%cs:data, %%eax");
  OP("pushl %%es; movl %%fs, %%eax; movl %%eax, %%es; scasb; popl %%es");
  OP("pushl %%es; movl %%fs, %%eax; movl %%eax, %%es; xorl %%ecx, %%ecx; rep stosb; popl %%es");
  OP("movl %%fs, %%eax; movl %%eax, %%es; rep stosb");
  __asm__ volatile("movl %%ds, %%eax; movl %%eax, %%es" ::: "eax");
  OP("movl %%fs, %%eax; movl %%eax, %%es; stosl");
  __asm__ volatile("movl %%ds, %%eax; movl %%eax, %%es" ::: "eax");
  OP("movl %%fs, %%eax; movl %%eax, %%es; movl $data, %%esi; movsl");
  __asm__ volatile("movl %%ds, %%eax; movl %%eax, %%es" ::: "eax");
  OP("xorl %%eax, %%eax; movl %%eax, %%es; movl %%es:data, %%eax");
  __asm__ volatile("movl %%ds, %%eax; movl %%eax, %%es" ::: "eax");
  OP("xorl %%eax, %%eax; movl %%eax, %%es; movl $data, %%edi; stosl");
  __asm__ volatile("movl %%ds, %%eax; movl %%eax, %%es; ffree %%st(0); fninit" ::: "eax");
  set_fs(0);

  unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* mov eax, cs:[0]; retf */
  memcpy(page, "\x2e\xa1\x00\x00\x00\x00\xcb", 7);
  for (int executable_only = 0; executable_only < 2; executable_only++) {
    put(12, page, 4095, 2, executable_only, 0, 0, 1);
    struct {
      unsigned offset;
      unsigned short selector;
    } __attribute__((packed)) far = {0, selector(12)};
    seen_cs = 0;
    TRY(__asm__ volatile("lcall *%0" ::"m"(far) : "memory", "eax"); seen_cs = 1);
    printf("code reads itself: %d\n", seen_cs);
  }
  munmap(page, 4096);
}

static void *other(void *unused) {
  (void)unused;
  set_fs(selector(3));
  printf("thread: %d\n", load_fs(4));
  /* Changed for all threads. */
  printf("thread puts: %d\n", put(4, data + 2, sizeof data - 9, 0, 0, 0, 0, 1));
  return NULL;
}

static void code_segments(void) {
  unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* mov eax, 77; retf */
  memcpy(page, "\xb8\x4d\x00\x00\x00\xcb", 6);
  printf("code: %d\n", put(8, page, 4095, 2, 0, 0, 0, 1));
  struct {
    unsigned offset;
    unsigned short selector;
  } __attribute__((packed)) far = {0, selector(8)};
  int v = 0;
  __asm__ volatile("lcall *%1" : "=a"(v) : "m"(far) : "memory");
  printf("far call: %d\n", v);
  /* 16-bit code: mov ax, 0x1234; o32 retf */
  memcpy(page + 128, "\xb8\x34\x12\x66\xcb", 5);
  printf("code16: %d\n", put(9, page, 4095, 2, 0, 0, 0, 0));
  far.offset = 128;
  far.selector = selector(9);
  __asm__ volatile("xorl %%eax, %%eax; lcall *%1" : "=a"(v) : "m"(far) : "memory");
  printf("far call: %x\n", v);
  munmap(page, 4096);
}

/* In a segment with a base: getpid, tgkill itself, and the handler returns there. */
static void signal_in_segment(void) {
  unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* mov eax, SYS_tkill; mov ebx, edi; mov ecx, SIGUSR1; int 0x80; mov eax, 99; retf */
  static const unsigned char text[] = {0xb8, 238, 0, 0, 0, 0x89, 0xfb, 0xb9, SIGUSR1, 0, 0, 0, 0xcd, 0x80, 0xb8, 99, 0, 0, 0, 0xcb};
  memcpy(page, text, sizeof text);
  put(10, page, 4095, 2, 0, 0, 0, 1);
  struct {
    unsigned offset;
    unsigned short selector;
  } __attribute__((packed)) far = {0, selector(10)};
  int v = 0;
  set_fs(selector(3));
  __asm__ volatile("pushl %%ebx; lcall *%1; popl %%ebx" : "=a"(v) : "m"(far), "D"((int)syscall(SYS_gettid)) : "memory", "ecx", "edx");
  printf("signal in a segment: %d, saw fs %x ds %x cs %x ss %x, fs now %x, %d\n", v, seen_fs, seen_ds, seen_cs, seen_ss, get_fs(),
         load_fs(0));
  munmap(page, 4096);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  struct sigaction a = {0};
  a.sa_sigaction = fault;
  a.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &a, NULL);
  sigaction(SIGBUS, &a, NULL);
  a.sa_sigaction = note;
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &a, NULL);

  unsigned char raw[64];
  memset(raw, 0xee, sizeof raw);
  printf("empty: %d, default: %d %x\n", modify(0, raw, sizeof raw), modify(2, raw, sizeof raw), raw[63]);
  printf("no such function: %d, length: %d\n", modify(5, raw, 16), modify(0x11, raw, 15));
  TRY(set_fs(selector(3)));

  printf("put: %d\n", put(3, data, sizeof data - 1, 0, 0, 0, 0, 1));
  set_fs(selector(3));
  printf("read %d %d, fs %x\n", load_fs(0), load_fs(36), get_fs());
  TRY(printf("beyond %d\n", load_fs(64)));
  set_fs(0);
  TRY(printf("null %d\n", load_fs(0)));

  printf("read only: %d\n", put(5, data, sizeof data - 1, 0, 1, 0, 0, 1));
  set_fs(selector(5));
  printf("%d\n", load_fs(8));
  TRY(__asm__ volatile("movl $1, %fs:8"));
  printf("absent: %d\n", put(6, data, 0, 0, 0, 0, 1, 1));
  TRY(set_fs(selector(6)));
  printf("grows down: %d\n", put(7, data, 7, 1, 0, 0, 0, 1));
  set_fs(selector(7));
  printf("%d\n", load_fs(8));
  TRY(printf("%d\n", load_fs(4)));
  printf("conforming: %d, absent: %d\n", put(11, data, 1, 3, 0, 0, 0, 1), put(11, data, 1, 3, 0, 0, 1, 1));
  printf("index: %d %d\n", put(8191, data, 3, 0, 0, 0, 0, 1), put(8192, data, 3, 0, 0, 0, 0, 1));
  set_fs(selector(8191));
  printf("%d\n", load_fs(0));

  /* Bits as the CPU has them, address aside. */
  put(3, 0, 0xabcde, 0, 0, 1, 0, 0);
  memset(raw, 0, sizeof raw);
  printf("table: %d\n", modify(0, raw, sizeof raw));
  for (int i = 24; i < 32; i++)
    printf("%02x ", raw[i]);
  struct user_desc old = {3, 0x12345678, 0xabcde, 1, 0, 0, 1, 0, 1};
  printf("\nold: %d\n", modify(1, &old, sizeof old));
  modify(0, raw, sizeof raw);
  for (int i = 24; i < 32; i++)
    printf("%02x ", raw[i]);
  struct user_desc empty = {3, 0, 0, 0, 0, 1, 0, 1, 0};
  printf("\nempty: %d\n", modify(0x11, &empty, sizeof empty));
  modify(0, raw, sizeof raw);
  for (int i = 24; i < 32; i++)
    printf("%02x ", raw[i]);
  printf("\n");

  put(3, data, sizeof data - 1, 0, 0, 0, 0, 1);
  set_fs(0);
  pthread_t t;
  pthread_create(&t, NULL, other, NULL);
  pthread_join(t, NULL);
  set_fs(selector(4));
  printf("from the thread: %d\n", load_fs(0));
  int status;
  pid_t child = fork();
  if (child == 0) {
    set_fs(selector(3));
    printf("child: %d\n", load_fs(8));
    printf("child puts: %d\n", put(3, data + 1, 63, 0, 0, 0, 0, 1));
    set_fs(selector(3));
    printf("child: %d\n", load_fs(8));
    _exit(0);
  }
  waitpid(child, &status, 0);
  set_fs(selector(3));
  printf("parent: %d\n", load_fs(8));

  types();
  widths();
  code_segments();
  signal_in_segment();
  child = fork();
  if (child == 0) {
    a.sa_sigaction = bad_return;
    sigaction(SIGUSR1, &a, NULL);
    a.sa_handler = SIG_DFL;
    a.sa_flags = 0;
    sigaction(SIGSEGV, &a, NULL);
    raise(SIGUSR1);
    _exit(1);
  }
  waitpid(child, &status, 0);
  printf("bad return: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
  return 0;
}
