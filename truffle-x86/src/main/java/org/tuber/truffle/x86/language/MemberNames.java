package org.tuber.truffle.x86.language;

import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.InvalidArrayIndexException;
import com.oracle.truffle.api.interop.TruffleObject;
import com.oracle.truffle.api.library.ExportLibrary;
import com.oracle.truffle.api.library.ExportMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A constant array of member names. */
@ExportLibrary(InteropLibrary.class)
final class MemberNames implements TruffleObject {
  /** Of {@link BareMetal}; more registers are readable by name. */
  static final MemberNames MACHINE = new MemberNames(machine());

  private final String[] names;

  MemberNames(String... names) {
    this.names = names;
  }

  private static String[] machine() {
    List<String> all =
        new ArrayList<>(List.of("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"));
    for (int i = 8; i < 16; i++) {
      all.add("r" + i);
    }
    all.addAll(List.of("rip", "eflags", "es", "cs", "ss", "ds", "fs", "gs"));
    for (int i = 0; i < 16; i++) {
      all.add("xmm" + i);
    }
    for (int i = 0; i < 16; i++) {
      all.add("ymm" + i);
    }
    all.addAll(List.of("mxcsr", "fcw", "fsw", "ftw", "cr0", "cr2", "cr3", "cr4"));
    all.addAll(List.of("memory", "exit", "instructions", "statistics", "resume", "reset"));
    return all.toArray(String[]::new);
  }

  @ExportMessage
  boolean hasArrayElements() {
    return true;
  }

  @ExportMessage
  long getArraySize() {
    return names.length;
  }

  @ExportMessage
  boolean isArrayElementReadable(long index) {
    return index >= 0 && index < names.length;
  }

  @ExportMessage
  Object readArrayElement(long index) throws InvalidArrayIndexException {
    if (!isArrayElementReadable(index)) {
      throw InvalidArrayIndexException.create(index);
    }
    return names[(int) index];
  }

  @Override
  public String toString() {
    return Arrays.toString(names);
  }
}
