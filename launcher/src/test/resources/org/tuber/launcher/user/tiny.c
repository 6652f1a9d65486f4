static int data[3000] = {1, 2, 3};
static int bss[5000];
void _start(void) {
  bss[4999] += data[1];
  long r;
  int x = 40 + data[1] + (bss[4999] - 2);
#ifdef __x86_64__
  __asm__ volatile("syscall" : "=a"(r) : "a"(231), "D"(x) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = 94;
  register long status __asm__("x0") = x;
  __asm__ volatile("svc #0" : "+r"(status) : "r"(number) : "memory");
  r = status;
#else
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(252), "b"(x) : "memory");
#endif
}
