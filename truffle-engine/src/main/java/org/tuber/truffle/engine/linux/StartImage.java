package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A position-independent program that needs a library and does nothing: its entry point, which the
 * dynamic linker jumps to once everything is mapped, relocated and initialized, is a trap slot of
 * {@link HostGate}. Built in memory (System V ABI, chapters 4 and 5).
 *
 * <p>Three segments: headers with strings and an empty symbol table; the trap slots; directly after
 * them the dynamic section, in which the linker leaves the address of its list of modules
 * (DT_DEBUG).
 */
public final class StartImage {
  public static final int PT_DYNAMIC = 2;
  public static final int DT_DEBUG = 21;
  private static final int DT_NEEDED = 1;
  private static final int DT_HASH = 4;
  private static final int DT_STRTAB = 5;
  private static final int DT_SYMTAB = 6;
  private static final int DT_STRSZ = 10;
  private static final int DT_SYMENT = 11;
  private static final int DT_FLAGS_1 = 0x6fff_fffb;
  private static final int DF_1_PIE = 0x0800_0000;
  private static final int R = 4;
  private static final int W = 2;
  private static final int X = 1;
  private static final int PAGE = 4096;

  private final Abi abi;
  private final boolean wide;
  private final byte[] interpreter;
  private final List<byte[]> needed = new ArrayList<>();

  private StartImage(Abi abi, String interpreter, List<String> needed) {
    this.abi = abi;
    wide = !abi.is32Bit;
    this.interpreter = terminated(interpreter);
    needed.forEach(n -> this.needed.add(terminated(n)));
  }

  private static byte[] terminated(String s) {
    byte[] b = s.getBytes(StandardCharsets.ISO_8859_1);
    return Arrays.copyOf(b, b.length + 1);
  }

  /**
   * The program's file.
   *
   * @param abi what it shall be for
   * @param interpreter path of the dynamic linker
   * @param needed names or paths of libraries
   */
  static byte[] build(Abi abi, String interpreter, List<String> needed) {
    return new StartImage(abi, interpreter, needed).build();
  }

  private byte[] build() {
    int headers = wide ? 64 : 52;
    int entry = wide ? 56 : 32;
    int count = 7;
    int interpreterAt = headers + count * entry;
    int stringsAt = interpreterAt + interpreter.length;
    int stringBytes = 1 + needed.stream().mapToInt(b -> b.length).sum();
    int symbolsAt = stringsAt + stringBytes + 15 & -16;
    int symbolBytes = wide ? 24 : 16;
    int hashAt = symbolsAt + symbolBytes;
    int end = hashAt + 16;
    int trapsAt = end + PAGE - 1 & -PAGE;
    int trapBytes = HostGate.SLOTS * HostGate.SLOT_BYTES;
    int dynamicAt = trapsAt + trapBytes;
    int dynamicBytes = (needed.size() + 8) * (wide ? 16 : 8);
    ByteBuffer b = ByteBuffer.allocate(dynamicAt + dynamicBytes).order(ByteOrder.LITTLE_ENDIAN);
    header(b, trapsAt + HostGate.ENTRY * HostGate.SLOT_BYTES, headers, entry, count);
    segment(b, 6, R, headers, count * entry, 8);
    segment(b, ElfImage.PT_INTERP, R, interpreterAt, interpreter.length, 1);
    segment(b, ElfImage.PT_LOAD, R, 0, end, PAGE);
    segment(b, ElfImage.PT_LOAD, R | X, trapsAt, trapBytes, PAGE);
    segment(b, ElfImage.PT_LOAD, R | W, dynamicAt, dynamicBytes, PAGE);
    segment(b, PT_DYNAMIC, R | W, dynamicAt, dynamicBytes, 8);
    segment(b, ElfImage.PT_GNU_STACK, R | W, 0, 0, 16);
    b.put(interpreterAt, interpreter);
    // One bucket, one symbol: the empty one.
    b.putInt(hashAt, 1).putInt(hashAt + 4, 1);
    b.position(dynamicAt);
    int name = 1;
    for (byte[] library : needed) {
      b.put(stringsAt + name, library);
      dynamic(b, DT_NEEDED, name);
      name += library.length;
    }
    dynamic(b, DT_HASH, hashAt);
    dynamic(b, DT_STRTAB, stringsAt);
    dynamic(b, DT_SYMTAB, symbolsAt);
    dynamic(b, DT_STRSZ, stringBytes);
    dynamic(b, DT_SYMENT, symbolBytes);
    dynamic(b, DT_DEBUG, 0);
    dynamic(b, DT_FLAGS_1, DF_1_PIE);
    dynamic(b, 0, 0);
    for (int i = 0; i < HostGate.SLOTS; i++) {
      int at = trapsAt + i * HostGate.SLOT_BYTES;
      b.put(at, abi.trap());
    }
    return b.array();
  }

  private void header(ByteBuffer b, int entryPoint, int headers, int entry, int count) {
    b.put(new byte[] {0x7f, 'E', 'L', 'F', (byte) (wide ? 2 : 1), 1, 1}).position(16);
    b.putShort((short) ElfImage.ET_DYN).putShort((short) abi.machine).putInt(1);
    word(b, entryPoint);
    word(b, headers);
    word(b, 0);
    b.putInt(0).putShort((short) headers).putShort((short) entry).putShort((short) count);
    b.putShort((short) 0).putShort((short) 0).putShort((short) 0);
  }

  /** A program header; addresses are file offsets. */
  private void segment(ByteBuffer b, int type, int flags, int at, int bytes, int align) {
    b.putInt(type);
    if (wide) {
      b.putInt(flags);
    }
    for (int i = 0; i < 3; i++) {
      word(b, at);
    }
    word(b, bytes);
    word(b, bytes);
    if (!wide) {
      b.putInt(flags);
    }
    word(b, align);
  }

  private void dynamic(ByteBuffer b, int tag, int value) {
    word(b, tag);
    word(b, value);
  }

  private void word(ByteBuffer b, int value) {
    if (wide) {
      b.putLong(value);
    } else {
      b.putInt(value);
    }
  }
}
