; Mode X in one boot sector: 320 by 240 in 256 colours, planes unchained, so that two pages fit.
; A pattern on the first page, plane by plane; the second page is its mirror image, copied by the
; card's latches. Each key pressed goes one step further: the second page is shown; the lower 40
; rows show the first page again (line compare); the upper ones move left by twenty pixels (start
; address) while the lower ones stay. Escape ends it.
; nasm -f bin -o pages.bin pages.asm
        bits 16
        org 0x7c00

WIDTH   equ 80                          ; addresses of a row, four pixels each
ROWS    equ 240
PAGE    equ WIDTH * ROWS

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov ax, 0x0013
        int 0x10
        mov ax, 0xa000
        mov es, ax
        mov dx, 0x3c4
        mov ax, 0x0604                  ; sequencer: chain 4 off
        out dx, ax
        mov ax, 0x0100                  ; in reset while the clock changes
        out dx, ax
        mov dx, 0x3c2
        mov al, 0xe3                    ; 480 lines, 25 MHz
        out dx, al
        mov dx, 0x3c4
        mov ax, 0x0300
        out dx, ax
        mov dx, 0x3d4
        mov si, crtc
.crtc:  lodsw
        out dx, ax
        cmp si, crtc.end
        jb .crtc

        %include "palette.inc"

        mov cx, 3                       ; planes 3 to 0
.plane: mov ax, 0x0102
        shl ah, cl
        mov dx, 0x3c4
        out dx, ax
        xor di, di
        xor bx, bx                      ; row
.row:   mov al, cl                      ; column
.pixel: push ax
        xor al, bl
        stosb
        pop ax
        add al, 4
        inc bp
        cmp bp, WIDTH
        jb .pixel
        xor bp, bp
        inc bx
        cmp bx, ROWS
        jb .row
        dec cx
        jns .plane

        mov dx, 0x3c4
        mov ax, 0x0f02                  ; all planes
        out dx, ax
        mov dx, 0x3ce
        mov ax, 0x4105                  ; write mode 1: what the latches hold
        out dx, ax
        push es
        pop ds
        mov di, PAGE
        mov si, PAGE - WIDTH
.mirror:
        mov cx, WIDTH
        rep movsb
        sub si, 2 * WIDTH
        cmp di, 2 * PAGE
        jb .mirror
        xor ax, ax
        mov ds, ax

        mov si, steps
.wait:  in al, 0x64
        test al, 1
        jz .wait
        in al, 0x60
        cmp al, 0x01                    ; Escape
        jne .more
        mov dx, 0x501                   ; isa-debug-exit
        mov ax, 3
        out dx, ax
.more:  test al, 0x80                   ; released
        jnz .wait
        mov dx, 0x3da                   ; in the retrace, as programs do it
.shown: in al, dx
        test al, 8
        jz .shown
        mov dx, 0x3d4
        mov cx, 2
.step:  lodsw
        out dx, ax
        loop .step
        jmp .wait

; register, value
crtc:   db 0x11, 0x2c                   ; writable
        db 0x06, 0x0d, 0x07, 0x3e, 0x09, 0x41, 0x10, 0xea, 0x11, 0xac
        db 0x12, 0xdf, 0x14, 0x00, 0x15, 0xe7, 0x16, 0x06, 0x17, 0xe3
.end:
steps:  db 0x0c, PAGE >> 8, 0x0d, PAGE & 255
        db 0x18, 399 & 255, 0x09, 0x01
        db 0x0d, (PAGE + 5) & 255, 0x0d, (PAGE + 5) & 255

        times 510 - ($ - $$) db 0
        dw 0xaa55
