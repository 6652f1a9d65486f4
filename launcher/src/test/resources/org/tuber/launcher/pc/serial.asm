; Says a line on the first serial port, in one boot sector.
; nasm -f bin -o serial.bin serial.asm
        bits 16
        org 0x7c00

start:  xor ax, ax
        mov ds, ax
        mov si, text
        cld
.next:  lodsb
        test al, al
        jz .rest
        mov ah, al
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 0x20
        jz .wait
        mov dx, 0x3f8
        mov al, ah
        out dx, al
        jmp .next
.rest:  hlt
        jmp .rest

text    db 'from COM1 to the end.', 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
