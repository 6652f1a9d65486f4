/* Far transfers and loads of segment registers at privilege 3 as a processor does them, among them
   those where several things are wrong at once. Prints far-transfers.txt; to be compiled for i386,
   statically. FarTransferTest makes the same segments and pages.

   A line has the instruction, selector:offset of its target, and what it does with each of the
   stacks in the first line: exception.error code, and where it went, n(ext) or t(arget), with the
   new ESP. "!" would say that a fault changed a register. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define AREA 0x10000000u /* base of every segment */

static sigjmp_buf back;
static unsigned got[8];
static unsigned sel_ss, esp;
static unsigned char *code;
static struct {unsigned offset; unsigned short selector;} __attribute__((packed)) target;

static void on_signal(int n, siginfo_t *i, void *p) {
  ucontext_t *u = p;
  greg_t *g = u->uc_mcontext.gregs;
  got[0] = g[REG_TRAPNO];
  got[1] = g[REG_ERR];
  got[2] = g[REG_EIP];
  got[3] = g[REG_UESP];
  got[4] = g[REG_CS];
  got[5] = g[REG_SS];
  got[6] = g[REG_DS];
  got[7] = g[REG_ECX];
  siglongjmp(back, 1);
}

static void segment(int n, unsigned limit, int contents, int wide, int pages, int ro, int absent) {
  struct user_desc d = {0};
  d.entry_number = n;
  d.base_addr = AREA;
  d.limit = limit;
  d.contents = contents;
  d.seg_32bit = wide;
  d.limit_in_pages = pages;
  d.read_exec_only = ro;
  d.seg_not_present = absent;
  if (syscall(SYS_modify_ldt, 0x11, &d, sizeof d)) perror("modify_ldt"), exit(1);
}

static const struct {const char *name; const char *bytes;} kinds[] = {
  {"jmp32", "\xff\x2b"}, {"jmp16", "\x66\xff\x2b"}, {"call32", "\xff\x1b"}, {"call16", "\x66\xff\x1b"},
  {"retf32", "\xcb"}, {"retf16", "\x66\xcb"}, {"retf32n", "\xca\x08"}, {"iret32", "\xcf"}, {"iret16", "\x66\xcf"},
  {"lds", "\xc5\x0b"}, {"lss", "\x0f\xb2\x0b"}, {"popds", "\x1f"}, {"popss", "\x17"},
};

static void run(int k, unsigned selector, unsigned offset, unsigned ss, unsigned at) {
  int wide = !strstr(kinds[k].name, "16");
  unsigned char *stack = (unsigned char *) AREA + at;
  unsigned slots[3] = {offset, selector, 0x202};
  int first = 0;
  if (kinds[k].name[0] == 'p') first = 1;
  target.offset = offset;
  target.selector = selector;
  if (!wide) {
    unsigned short *t = (void *) &target;
    t[0] = offset;
    t[1] = selector;
  }
  memset((void *) AREA, 0xcc, 0x2000);
  memset((void *) (AREA + 0x2000), 0xff, 0x2000);
  for (int i = first; i < 3; i++) {
    unsigned char *s = stack + (i - first) * (wide ? 4 : 2);
    if (s + 4 <= (unsigned char *) AREA + 0x4000 && s >= (unsigned char *) AREA + 0x2000)
      memcpy(s, &slots[i], wide ? 4 : 2);
  }
  memset(code, 0xf4, 64);
  memcpy(code, kinds[k].bytes, strlen(kinds[k].bytes));
  if (!strcmp(kinds[k].name, "retf32n")) code[2] = 0;
  static struct {unsigned esp; unsigned short ss;} __attribute__((packed)) far_stack;
  far_stack.esp = at;
  far_stack.ss = ss;
  static unsigned go;
  go = (unsigned) code;
  memset(got, 0, sizeof got);
  if (!sigsetjmp(back, 1)) {
    __asm__ volatile(
      "pushl $0x202; popfl; movl $0x55555555,%%ecx; lss %0,%%esp; jmp *%1" : : "m"(far_stack), "m"(go), "b"(&target) : "ecx", "memory");
  }
  int fault = got[2] == (unsigned) code;
  printf(" %u", got[0]);
  if (got[1]) printf(".%x", got[1]);
  if (!fault) printf("%c@%x", got[2] - (unsigned) code < 64 ? 'n' : 't', got[3]);
  int changed = got[3] != at || got[4] != 0x23 || got[5] != ss || got[7] != 0x55555555 || got[6] != 0x2b;
  if (fault && changed) printf("!");
}

int main(void) {
  struct sigaction a = {0};
  stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alt, 0);
  a.sa_sigaction = on_signal;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
  for (int i = 0; i < 5; i++) sigaction(signals[i], &a, 0);
  /* Code in the first 8 KiB of the area, breakpoints all over; stacks behind, then nothing. */
  unsigned char *area = mmap((void *) AREA, 0x4000, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  memset(area, 0xcc, 0x2000);
  code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  segment(0, 0xfffff, 2, 1, 1, 0, 0);  /* 07 code */
  segment(1, 0x0fff, 2, 1, 0, 0, 0);   /* 0f code, small */
  segment(2, 0x0fff, 2, 1, 0, 0, 1);   /* 17 code, small, absent */
  segment(3, 0x0fff, 3, 1, 0, 0, 1);   /* 1f conforming, absent */
  segment(4, 0x0fff, 2, 0, 0, 1, 0);   /* 27 code of 16 bits, execute only */
  segment(5, 0xfffff, 0, 1, 1, 0, 0);  /* 2f data: stack */
  segment(6, 0x2fff, 0, 1, 0, 0, 0);   /* 37 data, ends at 2fff: stack */
  segment(7, 0xfffff, 0, 1, 1, 0, 1);  /* 3f data, absent */
  segment(8, 0xfffff, 0, 1, 1, 1, 0);  /* 47 data, read only */
  segment(9, 0x2fff, 0, 0, 0, 0, 0);   /* 4f data of 16 bits, ends at 2fff: stack */
  segment(10, 0x2fff, 1, 1, 0, 0, 0);  /* 57 expand-down above 2fff: stack */
  unsigned selectors[] = {3, 7, 6, 0xf, 0x17, 0x1f, 0x27, 0x2f, 0x3f, 0x47, 0x9f, 0xfff3};
  struct {unsigned ss, at;} stacks[] = {
    {0x2f, 0x3800}, {0x37, 0x2800}, {0x37, 0x2ffc}, {0x37, 0x2ff8}, {0x37, 0x3000}, {0x37, 0x3008}, {0x37, 4}, {0x37, 2}, {0x37, 0},
    {0x2f, 0x4000}, {0x2f, 0x3ffc}, {0x2f, 0x4004}, {0x2f, 0x3ff8}, {0x4f, 0x2800}, {0x57, 0x3800}, {0x57, 0x3004}, {0x57, 0x3000}};
  int n = sizeof stacks / sizeof *stacks;
  printf("stacks");
  for (int t = 0; t < n; t++) printf(" %x:%x", stacks[t].ss, stacks[t].at);
  printf("\n");
  for (int k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (int s = 0; s < sizeof selectors / sizeof *selectors; s++)
      for (int far = 0; far < 2; far++) {
        int usesstack = strchr("rcip", kinds[k].name[0]) != 0;
        if (far && strchr("pl", kinds[k].name[0])) continue;
        unsigned offset = far ? 0x1234 : 0x123;
        /* AMD's processors read the outer stack of a return before they look for a wrong RPL. */
        if (selectors[s] == 6 && strchr("ri", kinds[k].name[0])) continue;
        printf("%s %x:%x", kinds[k].name, selectors[s], offset);
        for (int t = 0; t < (usesstack ? n : 1); t++) run(k, selectors[s], offset, stacks[t].ss, stacks[t].at);
        printf("\n");
      }
  return 0;
}
