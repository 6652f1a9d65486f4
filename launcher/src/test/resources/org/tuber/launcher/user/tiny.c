static int data[3000] = {1, 2, 3};
static int bss[5000];
void _start(void) {
  bss[4999] += data[1];
  long r;
  int x = 40 + data[1] + (bss[4999] - 2);
#ifdef __x86_64__
  __asm__ volatile("syscall" : "=a"(r) : "a"(231), "D"(x) : "rcx", "r11", "memory");
#else
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(252), "b"(x) : "memory");
#endif
}
