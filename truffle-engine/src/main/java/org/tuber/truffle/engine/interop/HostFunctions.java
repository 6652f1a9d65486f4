package org.tuber.truffle.engine.interop;

import com.oracle.truffle.api.interop.ArityException;
import com.oracle.truffle.api.interop.InteropLibrary;
import com.oracle.truffle.api.interop.UnsupportedMessageException;
import com.oracle.truffle.api.interop.UnsupportedTypeException;
import java.util.ArrayDeque;
import org.tuber.truffle.engine.interop.NativeType.Kind;
import org.tuber.truffle.engine.linux.GuestCall;
import org.tuber.truffle.engine.linux.LibraryProcess;

/** The host's functions that a library has pointers to, by trap slot. */
final class HostFunctions implements GuestCall.HostCalls {
  private record Entry(Object executable, Signature signature) {}

  private final GuestLibrary library;
  private final Entry[] entries = new Entry[LibraryProcess.slotCount()];

  /** Free slots, the longest unused first: a stale pointer is noticed and calls nothing else. */
  private final ArrayDeque<Integer> free = new ArrayDeque<>();

  HostFunctions(GuestLibrary library) {
    this.library = library;
    for (int i = LibraryProcess.firstSlot(); i < entries.length; i++) {
      free.add(i);
    }
  }

  /** A slot for a function, until {@link #remove}. */
  int add(Object executable, Signature signature) {
    for (NativeType t : signature.parameters()) {
      if (t.kind() == Kind.ARRAY) {
        throw new GuestException("a host function cannot take an array: POINTER can be read");
      }
    }
    if (signature.result().kind() == Kind.STRING || signature.result().kind() == Kind.FUNCTION) {
      throw new GuestException("a host function cannot return " + signature.result().kind());
    }
    Integer slot = free.poll();
    if (slot == null) {
      throw new GuestException("too many host functions are known to the library");
    }
    entries[slot] = new Entry(executable, signature);
    return slot;
  }

  void remove(int slot) {
    entries[slot] = null;
    free.add(slot);
  }

  @Override
  public void call(int slot) {
    Entry e = slot < entries.length ? entries[slot] : null;
    if (e == null) {
      throw new GuestException("a host function was called after the call it was passed to");
    }
    Signature s = e.signature;
    long[] raw = library.convention().arguments(s.kinds());
    Object[] arguments = new Object[raw.length];
    for (int i = 0; i < raw.length; i++) {
      arguments[i] = library.value(s.parameters().get(i), raw[i]);
    }
    // What the library has written so far comes before what the function writes.
    library.process().drain();
    try {
      Object result = InteropLibrary.getUncached().execute(e.executable, arguments);
      Kind kind = s.result().kind();
      if (kind != Kind.VOID) {
        long bits = kind == Kind.POINTER ? library.pointer(result) : Words.raw(kind, result);
        library.convention().setResult(kind, bits);
      }
    } catch (UnsupportedTypeException | ArityException | UnsupportedMessageException x) {
      throw new GuestException("a host function: " + x.getMessage());
    }
  }
}
