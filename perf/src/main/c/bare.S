/* Entry of the flat binary: 64-bit mode, identity-mapped, RDI = which kernel, RSI = amount of work.
 * Stops in HLT with the checksum in RAX. Lies at the image's first byte (bare.ld). */
    .section .entry, "ax"
    .globl _start
_start:
    movq $stack_top, %rsp
    xorl %ebp, %ebp
    shlq $3, %rdi                 /* struct kernel is three quadwords */
    leaq (%rdi, %rdi, 2), %rax
    movq kernels+8(%rax), %rax
    movq %rsi, %rdi
    call *%rax
1:  hlt
    jmp 1b
    .section .note.GNU-stack, "", @progbits
