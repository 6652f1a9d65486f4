; A picture in mode 13h, in one boot sector: its own palette, a pattern in all colours, and a square
; that the arrow keys move (read from the keyboard controller without interrupts), redrawn in the
; display's retrace.
; nasm -f bin -o paint.bin paint.asm
        bits 16
        org 0x7c00

SIDE    equ 16
STEP    equ 8

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov ax, 0x0013                  ; 320 by 200, 256 colours
        int 0x10
        mov ax, 0xa000
        mov es, ax
        %include "palette.inc"

frame:  mov dx, 0x3da                   ; wait for the begin of a retrace
.shown: in al, dx
        test al, 8
        jnz .shown
.dark:  in al, dx
        test al, 8
        jz .dark
        xor di, di
        xor bx, bx                      ; row
.row:   xor cx, cx                      ; column
.pixel: mov al, cl
        xor al, bl
        mov dx, cx
        sub dx, [x]
        cmp dx, SIDE
        jae .put
        mov dx, bx
        sub dx, [y]
        cmp dx, SIDE
        jae .put
        mov al, 255
.put:   stosb
        inc cx
        cmp cx, 320
        jb .pixel
        inc bx
        cmp bx, 200
        jb .row

.wait:  in al, 0x64
        test al, 1
        jz .wait
        in al, 0x60
        cmp al, 0x48
        jne .down
        sub word [y], STEP
.down:  cmp al, 0x50
        jne .left
        add word [y], STEP
.left:  cmp al, 0x4b
        jne .right
        sub word [x], STEP
.right: cmp al, 0x4d
        jne .off
        add word [x], STEP
.off:   cmp al, 0x01                    ; Escape
        jne frame
        mov dx, 0x501                   ; isa-debug-exit
        mov ax, 3
        out dx, ax
        jmp frame

x       dw 152
y       dw 92

        times 510 - ($ - $$) db 0
        dw 0xaa55
