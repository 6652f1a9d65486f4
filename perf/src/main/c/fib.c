/* Fibonacci numbers by their definition: calls, returns, the stack.
 * The compiler is asked not to turn the recursion inside out (see KernelBuild). */
#include "kernels.h"

__attribute__((noinline, noclone)) u64 kernel_fib(u64 n) {
  if (n < 2)
    return n;
  return kernel_fib(n - 1) + kernel_fib(n - 2);
}
