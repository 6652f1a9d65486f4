// Page tables, MMU on, faults of every kind from EL1, a hot loop with faults, EL0 with SVC.
// Made with: as -o p.o exceptions.s; ld -Ttext=0 -o p p.o; objcopy -O binary p p.bin; gzip -9n p.bin
    .text
    .global _start
_start:
    ldr x0, =vectors
    msr vbar_el1, x0
    // tables at 0x40000 (L1), 0x41000 (L2), 0x42000 (L3 for 0..2MB)
    mov x0, #0x40000
    ldr x1, =0x41000
    ldr x2, =0x42000
    orr x3, x1, #3
    str x3, [x0]
    orr x3, x2, #3
    str x3, [x1]
    // L3: 512 pages identity; page n: AF|SH|AP
    mov x4, #0
1:  lsl x5, x4, #12
    mov x6, #0x703          // AF, inner, page, AttrIndx 0
    orr x6, x6, #(1<<54)    // UXN
    cmp x4, #0x20           // user page 0x20000..0x2ffff: EL0 rw, exec by EL0
    b.lo 2f
    cmp x4, #0x30
    b.hs 2f
    mov x6, #0x743          // AP[1]=1
2:  cmp x4, #0x33           // 0x33000: read only
    b.ne 3f
    orr x6, x6, #0x80
3:  cmp x4, #0x34           // 0x34000: not mapped
    b.ne 4f
    mov x6, #0
4:  cmp x4, #0x35           // 0x35000: no access flag
    b.ne 5f
    bic x6, x6, #0x400
5:  orr x6, x6, x5
    str x6, [x2, x4, lsl #3]
    add x4, x4, #1
    cmp x4, #512
    b.ne 1b
    mov x0, #0xff
    msr mair_el1, x0
    ldr x0, =0x0000000080803519   // T0SZ=25 TG0=4K, SH/IRGN/ORGN, T1SZ.. EPD1
    orr x0, x0, #(1<<23)
    msr tcr_el1, x0
    mov x0, #0x40000
    msr ttbr0_el1, x0
    isb
    mrs x0, sctlr_el1
    orr x0, x0, #1
    msr sctlr_el1, x0
    isb
    mov x28, #0            // log pointer at 0x38000
    ldr x27, =0x38000
    // faults from EL1
    ldr x0, =0x33000
    ldr x1, [x0]
f1: str x1, [x0]           // permission fault, level 3
    ldr x0, =0x34000
f2: ldr x1, [x0, #8]       // translation fault, level 3
    ldr x0, =0x35000
f3: ldrb w1, [x0]          // access flag fault
    movz x0, #0x4000, lsl #16
f4: ldr x1, [x0]           // translation level 1 (1GB+..)
    mov x0, #0x2000000000000000
f5: str x1, [x0]           // translation level 0
f6: .inst 0x00000000       // UDF
f7: brk #0x42
    svc #7
    // loop: work so that regions compile, a fault in the midst each 1000 rounds
    mov x20, #0
    mov x21, #0
    mov x22, #0
    mov x23, #0x30000
loop:
    add x21, x21, x20, lsl #1
    eor x22, x22, x21, ror #7
    str x22, [x23, #16]
    ldr x24, [x23, #16]
    adds x21, x21, x24
    adc x22, x22, xzr
    udiv x25, x20, x8
    and x9, x20, #0x3ff
    cbnz x9, 6f
    ldr x0, =0x34000
f8: ldr x1, [x0]
6:  add x20, x20, #1
    mov x9, #20000
    cmp x20, x9
    b.lo loop
    // to EL0
    ldr x0, =0x2f000
    msr sp_el0, x0
    mov x0, #0
    msr spsr_el1, x0
    ldr x0, =user
    msr elr_el1, x0
    eret
    .ltorg

    .balign 0x800
vectors:
    .balign 0x80
    b unexpected
    .balign 0x80
    b unexpected
    .balign 0x80
    b unexpected
    .balign 0x80
    b unexpected
    .balign 0x80          // 0x200: current EL, SPx, sync
    b sync_el1
    .balign 0x80
    b irq
    .balign 0x80
    b unexpected
    .balign 0x80
    b unexpected
    .balign 0x80          // 0x400: lower EL
    b sync_el0
    .balign 0x80
    b irq
    .balign 0x80
    b unexpected
    .balign 0x80
    b unexpected
unexpected:
    mov x19, #0xbad
    wfi
    b unexpected
irq:
    mov x19, #0x1234
    wfi
    b irq
sync_el1:
    mrs x10, esr_el1
    mrs x11, far_el1
    mrs x12, elr_el1
    mrs x13, spsr_el1
    lsr x14, x10, #26
    cmp x14, #0x15
    b.eq 1f
    add x12, x12, #4
    msr elr_el1, x12
    sub x12, x12, #4
1:  ldr x15, =0x38800
    cmp x27, x15
    b.hs 2f
    stp x10, x11, [x27], #16
    stp x12, x13, [x27], #16
2:  add x28, x28, #1
    eret
sync_el0:
    mrs x10, esr_el1
    mrs x11, far_el1
    mrs x12, elr_el1
    mrs x13, spsr_el1
    stp x10, x11, [x27], #16
    stp x12, x13, [x27], #16
    add x28, x28, #1
    and x14, x10, #0xffff
    cmp x14, #99
    b.eq done
    lsr x14, x10, #26
    cmp x14, #0x15
    b.eq 1f
    add x12, x12, #4
    msr elr_el1, x12
1:  eret
done:
    mov x19, #0x600d
    wfi
    b done

    .org 0x20000
user:
    mov x0, #0x30000
u1: ldr x1, [x0]          // EL1 only: permission level 3 from EL0
u2: mrs x1, sctlr_el1     // undefined at EL0
    sub sp, sp, #16
    stp x0, x1, [sp]
    ldp x2, x3, [sp], #16
    svc #3
    svc #99
