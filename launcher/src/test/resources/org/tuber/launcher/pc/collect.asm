; A game in one boot sector, text mode: '@' walks over the field and collects stars. It has its own
; handler of the keyboard's interrupt and writes to the screen's memory, as such games do; a clock
; in the corner counts the timer's interrupts.
; nasm -f bin -o collect.bin collect.asm
        bits 16
        org 0x7c00

ROW_BYTES equ 160

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov ax, 0x0003                  ; text, 80 by 25
        int 0x10
        mov ah, 0x01                    ; no cursor
        mov cx, 0x2000
        int 0x10
        mov word [9 * 4], keyboard
        mov word [9 * 4 + 2], 0
        mov word [0x1c * 4], tick
        mov word [0x1c * 4 + 2], 0
        mov ax, 0xb800
        mov es, ax
        mov si, stars
.star:  lodsw
        test ax, ax
        jz .ready
        xchg di, ax
        mov word [es:di], 0x0e00 | '*'
        jmp .star
.ready: sti

; Whenever a key or a tick has come: the screen anew.
game:   mov di, [place]
        mov word [es:di], 0x0700 | ' '
        mov ax, [target]
        cmp ax, ROW_BYTES               ; the first row is not part of the field
        jb .stays
        cmp ax, 25 * ROW_BYTES
        jae .stays
        mov [place], ax
.stays: mov di, [place]
        mov [target], di
        cmp byte [es:di], '*'
        jne .free
        inc byte [score]
.free:  mov word [es:di], 0x0a00 | '@'
        xor di, di
        mov si, label
        mov ah, 0x0f
        mov cx, label.end - label
.text:  lodsb
        stosw
        loop .text
        mov al, [score]
        stosw
        mov al, [ticks]                 ; a bar that turns
        shr al, 2
        and ax, 3
        mov bx, ax
        mov al, [bar + bx]
        mov ah, 0x0e
        mov [es:ROW_BYTES - 2], ax
        cmp byte [score], '3'
        jne .goes
        mov si, won
        mov di, 12 * ROW_BYTES + 70
        mov ah, 0x0f
        mov cx, won.end - won
.won:   lodsb
        stosw
        loop .won
.goes:  hlt
        jmp game

keyboard:
        push ax
        push bx
        in al, 0x60
        mov bx, 0
        cmp al, 0x48
        jne .down
        mov bx, -ROW_BYTES
.down:  cmp al, 0x50
        jne .left
        mov bx, ROW_BYTES
.left:  cmp al, 0x4b
        jne .right
        mov bx, -2
.right: cmp al, 0x4d
        jne .add
        mov bx, 2
.add:   add [target], bx
        mov al, 0x20
        out 0x20, al
        pop bx
        pop ax
        iret

tick:   inc byte [cs:ticks]
        iret

place   dw 12 * ROW_BYTES + 80
target  dw 12 * ROW_BYTES + 80
score   db '0'
ticks   db 0
bar     db '|/-\'
label   db 'SCORE '
.end:
won     db 'YOU WON'
.end:
stars   dw 12 * ROW_BYTES + 88, 10 * ROW_BYTES + 88, 10 * ROW_BYTES + 80, 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
