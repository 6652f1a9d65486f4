/* An interpreter of a stack machine's bytecode, one switch in one loop: an indirect jump a step, hard to foresee. Its
 * program computes with nested loops, a conditional and a small memory. */
#include "kernels.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, AND, XOR, SHR, LESS, JZ, JMP, PEEK, POKE, DUP, HALT };

static long cells[256];

/* i in 0, j in 1, sum in 2, amount in 3. */
static const short program[] = {
    PUSH, 0,   STORE, 0,                                                        /* 0: i = 0 */
    LOAD, 0,   LOAD,  3, LESS, JZ,  71,                                         /* 4: while i < amount */
    PUSH, 0,   STORE, 1,                                                        /* 11: j = 0 */
    LOAD, 1,   PUSH,  64, LESS, JZ, 62,                                         /* 15: while j < 64 */
    LOAD, 1,   LOAD,  0, ADD,  PUSH, 255, AND, PEEK, LOAD, 1, MUL,              /* 22: cells[(j+i)&255]*j */
    LOAD, 2,   XOR,   DUP, PUSH, 3, SHR, ADD, STORE, 2,                         /* 34: sum ^= ..; sum += sum >> 3 */
    LOAD, 2,   LOAD,  1, POKE,                                                  /* 44: cells[j] = sum */
    LOAD, 1,   PUSH,  1, ADD,  STORE, 1,                                        /* 49: j++ */
    JMP,  15,  HALT,  HALT, HALT, HALT,                                         /* 56 */
    LOAD, 0,   PUSH,  1, ADD,  STORE, 0, JMP, 4,                                /* 62: i++ */
    HALT,                                                                       /* 71 */
};

static long run(long amount) {
  long stack[16], variables[4] = {0, 0, 0, amount};
  int top = 0, at = 0;
  for (;;)
    switch (program[at++]) {
    case PUSH:
      stack[top++] = program[at++];
      break;
    case LOAD:
      stack[top++] = variables[program[at++]];
      break;
    case STORE:
      variables[program[at++]] = stack[--top];
      break;
    case ADD:
      top--;
      stack[top - 1] = (long)((u64)stack[top - 1] + (u64)stack[top]);
      break;
    case SUB:
      top--;
      stack[top - 1] = (long)((u64)stack[top - 1] - (u64)stack[top]);
      break;
    case MUL:
      top--;
      stack[top - 1] = (long)((u64)stack[top - 1] * (u64)stack[top]);
      break;
    case AND:
      top--;
      stack[top - 1] &= stack[top];
      break;
    case XOR:
      top--;
      stack[top - 1] ^= stack[top];
      break;
    case SHR:
      top--;
      stack[top - 1] = (long)((u64)stack[top - 1] >> stack[top]);
      break;
    case LESS:
      top--;
      stack[top - 1] = stack[top - 1] < stack[top];
      break;
    case JZ:
      at = stack[--top] == 0 ? program[at] : at + 1;
      break;
    case JMP:
      at = program[at];
      break;
    case PEEK:
      stack[top - 1] = cells[stack[top - 1]];
      break;
    case POKE:
      top -= 2;
      cells[stack[top + 1]] = stack[top];
      break;
    case DUP:
      stack[top] = stack[top - 1];
      top++;
      break;
    default:
      return variables[2];
    }
}

u64 kernel_bytecode(u64 amount) {
  for (int i = 0; i < 256; i++)
    cells[i] = i * 2654435761L;
  return (u64)run((long)amount);
}
