; The boot sector of a 1.44 MB floppy with a FAT12 file system: loads the first file of the data
; area, which lies in one piece, track by track, and starts it. The first 62 bytes are the file
; system's and are left as they were.
; nasm -f bin -o loader.bin loader.asm
        bits 16
        org 0x7c00

FIRST   equ 33                          ; sector where the data area begins
COUNT   equ 4                           ; sectors of the file
HEADS   equ 2
SECTORS equ 18
WHERE   equ 0x8000

        times 62 db 0
start:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        cld
        mov si, FIRST
        mov bx, WHERE
.next:  mov ax, si
        xor dx, dx
        mov cx, SECTORS
        div cx                          ; track and sector less one
        mov cl, dl
        inc cl
        mov dh, al
        and dh, 1
        shr ax, 1
        mov ch, al
        mov dl, 0
        mov ax, 0x0201
        int 0x13
        jc .bad
        add bx, 512
        inc si
        cmp si, FIRST + COUNT
        jb .next
        jmp 0:WHERE
.bad:   mov ax, 0x0e00 | '!'
        int 0x10
        hlt
        jmp .bad

        times 510 - ($ - $$) db 0
        dw 0xaa55
