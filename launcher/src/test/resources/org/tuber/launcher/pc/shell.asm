; A shell in the manner of old: reads lines from the keyboard by the BIOS, lists the root folder of
; a FAT12 floppy, shows the first sector of a file, writes over its beginning.
; nasm -f bin -o shell.bin shell.asm
        bits 16
        org 0x8000

ROOT    equ 19                          ; sectors of the root folder
ENTRIES equ 16                          ; those that are looked at: its first sector
DATA    equ 33
HEADS   equ 2
SECTORS equ 18
BUFFER  equ 0x9000

start:  mov ax, 0x0003
        int 0x10
        mov si, hello
        call print
line:   mov si, prompt
        call print
        mov di, typed
.key:   xor ax, ax
        int 0x16
        cmp al, 13
        je .end
        cmp di, typed + 60
        jae .key
        stosb
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp .key
.end:   xor al, al
        stosb
        mov si, newline
        call print
        mov bx, commands
.find:  mov si, [bx]
        test si, si
        jz .bad
        mov di, typed
.match: lodsb
        test al, al
        jz .found
        scasb
        je .match
        add bx, 4
        jmp .find
.found: call [bx + 2]
        jmp line
.bad:   mov si, what
        call print
        jmp line

; dir
list:   mov ax, ROOT
        mov cl, 2
        call sector
        mov si, BUFFER
        mov cx, ENTRIES
.entry: cmp byte [si], 0
        je .done
        test byte [si + 11], 0x08
        jnz .skip
        push cx
        push si
        mov cx, 8
        call letters
        mov al, ' '
        call letter
        mov cx, 3
        call letters
        mov si, newline
        call print
        pop si
        pop cx
.skip:  add si, 32
        loop .entry
.done:  ret

letters:
        lodsb
        call letter
        loop letters
        ret

letter: mov ah, 0x0e
        mov bx, 7
        int 0x10
        ret

; type FILE
show:   call file
        jc .none
        mov cl, 2
        call sector
        mov si, BUFFER
        mov cx, [length]
        cmp cx, 512
        jbe .all
        mov cx, 512
.all:   jcxz .none
        call letters
.none:  ret

; mark FILE
mark:   call file
        jc .none
        push ax
        mov cl, 2
        call sector
        mov si, stamp
        mov di, BUFFER
        mov cx, stamp.end - stamp
        rep movsb
        pop ax
        mov cl, 3
        call sector
        mov si, marked
        call print
.none:  ret

; exit: by isa-debug-exit
leave:  mov dx, 0x501
        mov ax, 3
        out dx, ax
        hlt
        jmp leave

; The file named behind the five letters of a command: its first sector in AX, or carry.
file:   mov di, name
        mov cx, 11
        mov al, ' '
        rep stosb
        mov si, typed + 5
        mov di, name
.char:  lodsb
        test al, al
        jz .named
        cmp al, '.'
        je .dot
        cmp al, 'a'
        jb .put
        sub al, 32
.put:   cmp di, name + 11
        jae .named
        stosb
        jmp .char
.dot:   mov di, name + 8
        jmp .char
.named: mov ax, ROOT
        mov cl, 2
        call sector
        mov bx, BUFFER
        mov dx, ENTRIES
.entry: mov si, bx
        mov di, name
        mov cx, 11
        repe cmpsb
        je .found
        add bx, 32
        dec dx
        jnz .entry
        mov si, what
        call print
        stc
        ret
.found: mov ax, [bx + 28]
        mov [length], ax
        mov ax, [bx + 26]               ; clusters are sectors here
        add ax, DATA - 2
        clc
        ret

; Reads (CL 2) or writes (CL 3) sector AX at BUFFER.
sector: push cx
        xor dx, dx
        mov cx, SECTORS
        div cx
        mov cl, dl
        inc cl
        mov dh, al
        and dh, 1
        shr ax, 1
        mov ch, al
        mov dl, 0
        pop ax
        mov ah, al
        mov al, 1
        mov bx, BUFFER
        int 0x13
        ret

print:  lodsb
        test al, al
        jz .end
        call letter
        jmp print
.end:   ret

commands:
        dw c_dir, list, c_type, show, c_mark, mark, c_exit, leave, 0
c_dir   db 'dir', 0
c_type  db 'type ', 0
c_mark  db 'mark ', 0
c_exit  db 'exit', 0
hello   db 'A shell of 2 KB', 13, 10, 0
prompt  db 13, 10, 'A>', 0
newline db 13, 10, 0
what    db 'what?', 13, 10, 0
marked  db 'marked', 13, 10, 0
stamp   db 'MARKED BY SHELL'
.end:
length  dw 0
name    times 11 db 0
typed   times 64 db 0

        times 2048 - ($ - $$) db 0
