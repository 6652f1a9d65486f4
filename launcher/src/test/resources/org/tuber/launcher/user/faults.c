/* What user programs may not do, and what goes wrong in them: signal, code, trap, error and address of the frame, where its program counter
 * is, and TF, RF and AC. x86-64 and i386. What depends on a hypervisor or the processor's maker is left out. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __x86_64__
#define PC REG_RIP
#else
#define PC REG_EIP
#endif

static sigjmp_buf back;
static unsigned char *page;
static char buffer[4096] __attribute__((aligned(4096)));

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
#ifdef __x86_64__
  __asm__ volatile("pushfq; andq $~0x40000, (%%rsp); popfq" ::: "cc", "memory");
#else
  __asm__ volatile("pushfl; andl $~0x40000, (%%esp); popfl" ::: "cc", "memory");
#endif
  greg_t pc = u->uc_mcontext.gregs[PC];
  long at = (long)info->si_addr;
  char where[40];
  if (at == (long)pc)
    strcpy(where, "pc");
  else if (at >= (long)buffer && at < (long)buffer + 4096)
    sprintf(where, "buffer+%ld", at - (long)buffer);
  else if (at >= (long)page && at < (long)page + 8192)
    sprintf(where, "page+%ld", at - (long)page);
  else
    sprintf(where, "%lx", at);
  printf("signal %d code %d trap %d error %x address %s pc +%ld flags %x\n", number, info->si_code, (int)u->uc_mcontext.gregs[REG_TRAPNO],
         (int)u->uc_mcontext.gregs[REG_ERR], where, pc >= (long)page && pc < (long)page + 8192 ? (long)pc - (long)page : -1, (int)u->uc_mcontext.gregs[REG_EFL] & 0x10500);
  siglongjmp(back, 1);
}

/* The bytes are run with registers pointing to the buffer. */
static void run(const char *name, const char *bytes, int length, long di) {
  memset(page, 0x90, 128);
  memcpy(page, bytes, length);
  page[length] = 0xc3;
  printf("%-28s ", name);
  if (sigsetjmp(back, 1) == 0) {
    long a = 1, c = 0, d = 0, b = (long)buffer;
    __asm__ volatile("call *%[p]" : "+a"(a), "+c"(c), "+d"(d), "+D"(di) : [p] "S"(page) : "memory", "cc");
    printf("done\n");
  }
  __asm__ volatile("cld; fninit");
#ifdef __x86_64__
  __asm__ volatile("pushfq; andq $~0x40100, (%%rsp); popfq" ::: "cc", "memory");
#else
  __asm__ volatile("pushfl; andl $~0x40100, (%%esp); popfl" ::: "cc", "memory");
#endif
}

#define RUN(name, bytes) run(name, bytes, sizeof bytes - 1, (long)buffer)
#define RUN_AT(name, bytes, di) run(name, bytes, sizeof bytes - 1, di)

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&stack, NULL);
  struct sigaction a = {0};
  a.sa_sigaction = handler;
  a.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  int all[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
    sigaction(all[i], &a, NULL);
  page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(page + 4096, 4096, PROT_NONE);
  /* Lengths have no sign. */
  printf("descriptors %ld %ld\n", (long)syscall(SYS_modify_ldt, 0, buffer, -1L), (long)(int)syscall(SYS_modify_ldt, 2, buffer, -1L));
  RUN("nop", "\x90");
  RUN("hlt", "\xf4");
  RUN("cli", "\xfa");
  RUN("sti", "\xfb");
  RUN("in al, 60h", "\xe4\x60");
  RUN("out dx, al", "\xee");
  RUN("insb", "\x6c");
  RUN("rep outsb, none", "\xf3\x6e");
  RUN("int3", "\xcc");
  RUN("int 3, long", "\xcd\x03");
  RUN("int 1", "\xcd\x01");
  RUN("int 4", "\xcd\x04");
  RUN("int 21h", "\xcd\x21");
  RUN("int 0dh", "\xcd\x0d");
  RUN("int 0ffh", "\xcd\xff");
  RUN("ud2", "\x0f\x0b");
  RUN("ud1", "\x0f\xb9\xc0");
  RUN("ud0", "\x0f\xff\xc0");
  RUN("lock nop", "\xf0\x90");
  RUN("lock add reg", "\xf0\x01\xc0");
  RUN("lock add mem", "\xf0\x01\x07");
  RUN("lock mov mem", "\xf0\x89\x07");
  RUN("lock cmp mem", "\xf0\x39\x07");
  RUN("16 bytes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90");
  RUN("15 bytes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90");
  RUN("div 0", "\x31\xc9\xf7\xf1");
  RUN("div overflow", "\xba\x02\x00\x00\x00\xb9\x01\x00\x00\x00\xf7\xf1");
  RUN("idiv overflow", "\xb8\x00\x00\x00\x80\x99\xb9\xff\xff\xff\xff\xf7\xf9");
  RUN("div8 overflow", "\x66\xb8\x00\x10\xb1\x01\xf6\xf1");
  RUN("mov cr0", "\x0f\x20\xc0");
  RUN("mov to cr3", "\x0f\x22\xd8");
  RUN("mov dr0", "\x0f\x21\xc0");
  RUN("mov to dr7", "\x0f\x23\xf8");
  RUN("cr1", "\x0f\x20\xc8");
  RUN("clts", "\x0f\x06");
  RUN("invd", "\x0f\x08");
  RUN("wbinvd", "\x0f\x09");
  RUN("invlpg", "\x0f\x01\x3f");
  RUN("lgdt", "\x0f\x01\x17");
  RUN("lidt", "\x0f\x01\x1f");
  RUN("lldt", "\x0f\x00\xd0");
  RUN("ltr", "\x0f\x00\xd8");
  RUN("lmsw", "\x0f\x01\xf0");
  RUN("rdmsr", "\x0f\x32");
  RUN("wrmsr", "\x0f\x30");
  RUN("rdpmc", "\x0f\x33");
  RUN("swapgs", "\x0f\x01\xf8");
  RUN("sysexit", "\x0f\x35");
  RUN("rsm", "\x0f\xaa");
  RUN("monitor", "\x0f\x01\xc8");
  RUN("xsetbv", "\x0f\x01\xd1");
  RUN("xgetbv 1000", "\xb9\xe8\x03\x00\x00\x0f\x01\xd0");
  RUN("mov cs, ax", "\x8e\xc8");
  RUN("mov seg7, ax", "\x8e\xf8");
  RUN("mov ss, 0", "\x31\xc0\x8e\xd0");
  RUN("mov es, 0", "\x31\xc0\x8e\xc0");
  RUN("mov es, 1234", "\xb8\x34\x12\x00\x00\x8e\xc0");
  RUN("mov es, kernel data", "\xb8\x18\x00\x00\x00\x8e\xc0");
  RUN("mov fs, kernel code", "\xb8\x10\x00\x00\x00\x8e\xe0");
  RUN("iret", "\x6a\x00\x6a\x00\x6a\x00\xcf");
  RUN("retf to 0", "\x6a\x00\x6a\x00\xcb");
  RUN("movaps unaligned", "\x0f\x28\x47\x01");
  RUN("movntdq unaligned", "\x66\x0f\xe7\x47\x08");
  RUN("addps unaligned", "\x0f\x58\x47\x04");
  RUN("movups unaligned", "\x0f\x10\x47\x01");
  RUN("fxsave unaligned", "\x0f\xae\x47\x08");
  RUN("xsave unaligned", "\x0f\xae\x67\x10");
  RUN("xsave reserved bits", "\xb8\xff\xff\xff\xff\x89\xc2\x0f\xae\x27");
  RUN("ldmxcsr reserved", "\xc7\x07\xff\xff\xff\xff\x0f\xae\x17");
  RUN("clflush none", "\x0f\xae\x3d\x00\x00\x00\x00");
  RUN_AT("load from 8", "\x8b\x07", 8);
  RUN_AT("store to 8", "\x89\x07", 8);
  RUN_AT("rmw at 8", "\xff\x07", 8);
  RUN_AT("movsb to 8", "\xa4", 8);
  RUN_AT("jump to 8", "\xff\xe7", 8);
  RUN_AT("call to no page", "\xff\xd7", (long)page + 4096);
  RUN_AT("jump to data", "\xff\xe7", (long)buffer + 16);
  RUN_AT("load across", "\x8b\x07", (long)page + 4094);
  RUN_AT("store across", "\x89\x07", (long)page + 4094);
  RUN_AT("movups across", "\x0f\x10\x07", (long)page + 4090);
  RUN_AT("fld tbyte across", "\xdb\x2f", (long)page + 4090);
  RUN("fdiv by zero unmasked", "\x6a\x00\xd9\x2c\x24\x58\xd9\xe8\xd9\xee\xde\xf9\x9b");
  RUN("fsqrt -1 unmasked", "\x6a\x00\xd9\x2c\x24\x58\xd9\xe8\xd9\xe0\xd9\xfa\xd9\xd0");
  RUN("x87 stack unmasked", "\x6a\x00\xd9\x2c\x24\x58\xdd\xd8\x9b");
  RUN("sse 1/0 unmasked", "\x68\x80\x1d\x00\x00\x0f\xae\x14\x24\x58\xb8\x01\x00\x00\x00\xf3\x0f\x2a\xc0\x0f\x57\xc9\xf3\x0f\x5e\xc1");
  __asm__ volatile("ldmxcsr %0" ::"m"(*(int *)&(int){0x1f80}));
  RUN("sse 0/0, 1/0 unmasked", "\x68\x80\x1d\x00\x00\x0f\xae\x14\x24\x0f\x57\xc0\x0f\x57\xc9\xf3\x0f\x5e\xc1\x68\x80\x1f\x00\x00\x0f\xae\x14\x24\x58\x58");
  __asm__ volatile("ldmxcsr %0" ::"m"(*(int *)&(int){0x1f80}));
#ifdef __x86_64__
  RUN("aligned load checked", "\x9c\x80\x4c\x24\x02\x04\x9d\x8b\x07\x9c\x80\x64\x24\x02\xfb\x9d");
  RUN("load at 1 checked", "\x9c\x80\x4c\x24\x02\x04\x9d\x8b\x47\x01\x9c\x80\x64\x24\x02\xfb\x9d");
  RUN("single step", "\x9c\x80\x4c\x24\x01\x01\x9d\x90\x90\x90");
  RUN("popf step over store", "\x9c\x80\x4c\x24\x01\x01\x9d\x89\x07\x90");
  RUN("non-canonical load", "\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\x8b\x00");
  RUN("non-canonical stack", "\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\x48\x94\x50");
  RUN("non-canonical jump", "\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\xff\xe0");
  RUN("non-canonical ret", "\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\x50\xc3");
  RUN("kernel address", "\x48\xb8\x00\x00\x00\x00\x00\x80\xff\xff\x8b\x00");
  RUN("push es", "\x06");
  RUN("pusha", "\x60");
  RUN("daa", "\x27");
  RUN("aam", "\xd4\x0a");
  RUN("into", "\xce");
  RUN("bound", "\x62\x07");
  RUN("far call direct", "\x9a\x00\x00\x00\x00\x00\x00");
  RUN("les", "\xc4\x07");
  RUN("salc", "\xd6");
  RUN("82", "\x82\xc0\x01");
  RUN("wrfsbase non-canonical", "\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\xf3\x48\x0f\xae\xd8");
  RUN("cmpxchg16b unaligned", "\x48\x0f\xc7\x4f\x08");
#else
  RUN("load at 1 checked", "\x9c\x80\x4c\x24\x02\x04\x9d\x8b\x47\x01\x9c\x80\x64\x24\x02\xfb\x9d");
  RUN("single step", "\x9c\x80\x4c\x24\x01\x01\x9d\x90\x90\x90");
  RUN("into, no overflow", "\x30\xc0\xce");
  RUN("into", "\xb0\x7f\x04\x01\xce");
  RUN("bound", "\xb8\x05\x00\x00\x00\xc7\x07\x00\x00\x00\x00\xc7\x47\x04\x04\x00\x00\x00\x62\x07");
  RUN("aam 0", "\xd4\x00");
  RUN("aad", "\xd5\x0a");
  RUN("salc", "\xd6");
  RUN("82", "\x82\xc0\x01");
  RUN("bound reg", "\x62\xc0");
  RUN("les reg", "\xc4\xc0");
  RUN("pop cs", "\x0f");
  RUN("popf iopl", "\x68\x00\x32\x00\x00\x9d\x9c\x58\x25\x00\x30\x00\x00\x74\x02\xf4\x90");
#endif
  return 0;
}
