package org.tuber.truffle.arm.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A program of random instructions that records its registers after each: X0 to X28, NZCV, and when
 * asked for V0 to V31 and FPSR. It runs as a static ELF under user-mode emulation, where it writes
 * the record to its standard output, and bare, where it ends in WFI.
 */
final class StreamProgram {
  static final long CODE = 0x40_0000;
  static final long DATA = 0x1000_0000;
  static final long POOL = 0x1100_0000;
  static final long RECORD = 0x2000_0000;
  static final int DATA_BYTES = 0x2_0000;
  static final int POOL_STEP = 240 + 512;

  private static final int ROUND = 16;
  private static final int X30 = 30;
  private static final int X29 = 29;
  private static final int GENERAL_BYTES = 240;

  final List<Integer> tests = new ArrayList<>();
  final int recordBytes;
  private final boolean vectors;
  private final List<Integer> code = new ArrayList<>();
  private final byte[] pool;
  private int saveAt;
  private int endAt;

  StreamProgram(StreamGenerator generator, RandomGenerator random, int count, boolean vectors) {
    this.vectors = vectors;
    recordBytes = GENERAL_BYTES + (vectors ? 520 : 0);
    int rounds = count / ROUND;
    ByteBuffer values = ByteBuffer.allocate(rounds * POOL_STEP).order(ByteOrder.LITTLE_ENDIAN);
    while (values.hasRemaining()) {
      values.putLong(generator.value());
    }
    pool = values.array();
    emitSave();
    move(X29, RECORD);
    for (int round = 0; round < rounds; round++) {
      emitLoad(POOL + (long) round * POOL_STEP, random);
      for (int i = 0; i < ROUND; i++) {
        int insn = generator.next();
        tests.add(insn);
        move(X30, DATA + DATA_BYTES / 2);
        emit(insn);
        emit(0x9400_0000 | (saveAt - code.size()) & 0x3ff_ffff);
      }
    }
    endAt = code.size();
  }

  private void emit(int insn) {
    code.add(insn);
  }

  /** MOVZ, MOVK of a 32-bit value. */
  private void move(int register, long value) {
    emit(0xd280_0000 | (int) (value & 0xffff) << 5 | register);
    emit(0xf2a0_0000 | (int) (value >>> 16) << 5 | register);
  }

  /** A function that stores all registers at X29 and moves it on. */
  private void emitSave() {
    // B over it.
    emit(0);
    saveAt = code.size();
    for (int r = 0; r < 28; r += 2) {
      // STP Xr, X(r+1), [X29, #8r]
      emit(0xa900_0000 | r << 15 | (r + 1) << 10 | X29 << 5 | r);
    }
    emit(0xf900_0000 | 28 << 10 | X29 << 5 | 28);
    // MRS X0, NZCV; STR X0, [X29, #232]
    emit(0xd53b_4200);
    emit(0xf900_0000 | 29 << 10 | X29 << 5);
    if (vectors) {
      // ADD X0, X29, #240; STP Qr, Q(r+1), [X0, #16r]; MRS X1, FPSR; STR X1, [X0, #512]
      emit(0x9100_0000 | 240 << 10 | X29 << 5);
      for (int r = 0; r < 32; r += 2) {
        emit(0xad00_0000 | r << 15 | (r + 1) << 10 | r);
      }
      emit(0xd53b_4421);
      emit(0xf900_0000 | 64 << 10 | 1);
      emit(0xa940_0000 | 1 << 10 | X29 << 5);
    }
    // LDR X0, [X29]; ADD X29, X29, #size; RET
    emit(0xf940_0000 | X29 << 5);
    emit(0x9100_0000 | recordBytes << 10 | X29 << 5 | X29);
    emit(0xd65f_03c0);
    code.set(0, 0x1400_0000 | code.size());
  }

  private void emitLoad(long address, RandomGenerator random) {
    if (vectors) {
      // FPCR, more often than not zero; FPSR, where inexact results often have been before.
      long control = random.nextInt(3) != 0 ? 0 : (long) random.nextInt(256) << 19 & 0x07c8_0000L;
      move(X30, control);
      emit(0xd51b_4400 | X30);
      move(X30, random.nextInt() & (random.nextBoolean() ? 0x0800_009fL : 0x10));
      emit(0xd51b_4420 | X30);
    }
    move(X30, address);
    for (int r = 0; r < 28; r += 2) {
      emit(0xa940_0000 | r << 15 | (r + 1) << 10 | X30 << 5 | r);
    }
    emit(0xf940_0000 | 28 << 10 | X30 << 5 | 28);
    // Flags: MSR NZCV, X(random)
    emit(0xd51b_4200 | random.nextInt(29));
    if (vectors) {
      emit(0x9100_0000 | 240 << 10 | X30 << 5 | X30);
      for (int r = 0; r < 32; r += 2) {
        emit(0xad40_0000 | r << 15 | (r + 1) << 10 | X30 << 5 | r);
      }
    }
  }

  byte[] pool() {
    return pool;
  }

  int totalRecordBytes() {
    return tests.size() * recordBytes;
  }

  /** Machine code that ends in WFI. */
  byte[] bare() {
    return withEnd(0xd503_207f);
  }

  private byte[] withEnd(int... end) {
    ByteBuffer b = ByteBuffer.allocate(4 * (endAt + end.length)).order(ByteOrder.LITTLE_ENDIAN);
    code.forEach(b::putInt);
    for (int insn : end) {
      b.putInt(insn);
    }
    return b.array();
  }

  /** A static ELF that writes the record to its standard output and exits. */
  byte[] elf() {
    List<Integer> end = new ArrayList<>();
    List<Integer> saved = new ArrayList<>(code);
    move(1, RECORD);
    move(2, totalRecordBytes());
    // write until all is out: X0 = 1, X8 = 64; SVC; ADD X1, X1, X0; SUBS X2, X2, X0; B.NE
    emit(0xd280_0020);
    emit(0xd280_0808);
    emit(0xd400_0001);
    emit(0x8b00_0021);
    emit(0xeb00_0042);
    emit(0x5400_0000 | (-5 & 0x7ffff) << 5 | 1);
    emit(0xd280_0000);
    emit(0xd280_0ba8);
    emit(0xd400_0001);
    end.addAll(code.subList(saved.size(), code.size()));
    code.clear();
    code.addAll(saved);
    byte[] text = withEnd(end.stream().mapToInt(Integer::intValue).toArray());
    return link(text);
  }

  private byte[] link(byte[] text) {
    int headers = 64 + 4 * 56;
    int textAt = 0x1000;
    int poolAt = textAt + (text.length + 0xfff & -0x1000);
    ByteBuffer b = ByteBuffer.allocate(poolAt + pool.length).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0x464c_457f).put((byte) 2).put((byte) 1).put((byte) 1).position(16);
    b.putShort((short) 2).putShort((short) 183).putInt(1).putLong(CODE).putLong(64).putLong(0);
    b.putInt(0).putShort((short) 64).putShort((short) 56).putShort((short) 4);
    b.position(64);
    segment(b, 5, textAt, CODE, text.length, text.length);
    segment(b, 6, poolAt, POOL, pool.length, pool.length);
    segment(b, 6, 0, DATA, 0, DATA_BYTES);
    segment(b, 6, 0, RECORD, 0, totalRecordBytes());
    if (b.position() != headers) {
      throw new IllegalStateException("headers");
    }
    b.put(textAt, text).put(poolAt, pool);
    return b.array();
  }

  private static void segment(
      ByteBuffer b, int flags, long offset, long address, long fileBytes, long memoryBytes) {
    b.putInt(1).putInt(flags).putLong(offset).putLong(address).putLong(address);
    b.putLong(fileBytes).putLong(memoryBytes).putLong(0x1000);
  }
}
