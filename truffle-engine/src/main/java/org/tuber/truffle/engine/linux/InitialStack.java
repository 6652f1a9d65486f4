package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;

/** The stack a program finds: argc, argv, envp, auxiliary vector, and the strings they name. */
final class InitialStack {
  private static final int AT_PHDR = 3;
  private static final int AT_PHENT = 4;
  private static final int AT_PHNUM = 5;
  private static final int AT_PAGESZ = 6;
  private static final int AT_BASE = 7;
  private static final int AT_FLAGS = 8;
  private static final int AT_ENTRY = 9;
  private static final int AT_UID = 11;
  private static final int AT_EUID = 12;
  private static final int AT_GID = 13;
  private static final int AT_EGID = 14;
  private static final int AT_PLATFORM = 15;
  private static final int AT_HWCAP = 16;
  private static final int AT_CLKTCK = 17;
  private static final int AT_SECURE = 23;
  private static final int AT_RANDOM = 25;
  private static final int AT_HWCAP2 = 26;
  private static final int AT_EXECFN = 31;
  private static final int AT_MINSIGSTKSZ = 51;

  private final UserMemory memory;
  private final boolean narrow;
  private final long top;
  private long at;
  private byte[] vector = {};

  InitialStack(UserMemory memory, boolean narrow, long top, long bytes) {
    this.memory = memory;
    this.narrow = narrow;
    this.top = top;
    memory.map(
        null,
        top - bytes,
        bytes,
        UserMemory.PROT_READ | UserMemory.PROT_WRITE,
        true,
        true,
        memory.limit,
        new UserMemory.Source(null, 0, false, "[stack]", 0, null));
    // Nothing but zeros at the very end, as Linux leaves it.
    at = top - 8;
  }

  long bytes() {
    return top - at;
  }

  byte[] auxiliaryVector() {
    return vector;
  }

  private long push(byte[] bytes) {
    at -= bytes.length;
    memory.write(null, at, bytes, 0, bytes.length);
    return at;
  }

  private long pushString(byte[] text) {
    byte[] b = new byte[text.length + 1];
    System.arraycopy(text, 0, b, 0, text.length);
    return push(b);
  }

  /** Builds it; returns the stack pointer. */
  long build(
      String path,
      List<byte[]> arguments,
      List<byte[]> environment,
      ElfImage image,
      long bias,
      long interpreterBase,
      UserSystem system) {
    long name = pushString(path.getBytes(StandardCharsets.ISO_8859_1));
    List<Long> envp = new ArrayList<>();
    for (int i = environment.size() - 1; i >= 0; i--) {
      envp.addFirst(pushString(environment.get(i)));
    }
    List<Long> argv = new ArrayList<>();
    for (int i = arguments.size() - 1; i >= 0; i--) {
      argv.addFirst(pushString(arguments.get(i)));
    }
    long platform = pushString(image.abi.platform().getBytes(StandardCharsets.ISO_8859_1));
    at &= -16L;
    byte[] seed = new byte[16];
    new SecureRandom().nextBytes(seed);
    long random = push(seed);
    List<Long> words = new ArrayList<>();
    words.add((long) arguments.size());
    words.addAll(argv);
    words.add(0L);
    words.addAll(envp);
    words.add(0L);
    int first = words.size();
    pair(words, AT_HWCAP, image.abi.capabilities());
    pair(words, AT_PAGESZ, 4096);
    pair(words, AT_CLKTCK, 100);
    pair(words, AT_PHDR, image.headersAddress() + bias);
    pair(words, AT_PHENT, image.headerBytes);
    pair(words, AT_PHNUM, image.segments.size());
    pair(words, AT_BASE, interpreterBase);
    pair(words, AT_FLAGS, 0);
    pair(words, AT_ENTRY, image.entry + bias);
    pair(words, AT_UID, Host.call(Host.GETUID));
    pair(words, AT_EUID, Host.call(Host.GETEUID));
    pair(words, AT_GID, Host.call(Host.GETGID));
    pair(words, AT_EGID, Host.call(Host.GETEGID));
    pair(words, AT_SECURE, 0);
    pair(words, AT_RANDOM, random);
    pair(words, AT_HWCAP2, image.abi.moreCapabilities());
    pair(words, AT_EXECFN, name);
    pair(words, AT_PLATFORM, platform);
    pair(words, AT_MINSIGSTKSZ, image.abi.minSignalStackBytes());
    pair(words, 0, 0);
    return pushWords(words, first);
  }

  private static void pair(List<Long> words, long type, long value) {
    words.add(type);
    words.add(value);
  }

  private long pushWords(List<Long> words, int firstOfVector) {
    int size = narrow ? 4 : 8;
    ByteBuffer b = ByteBuffer.allocate(words.size() * size).order(ByteOrder.LITTLE_ENDIAN);
    for (long w : words) {
      if (narrow) {
        b.putInt((int) w);
      } else {
        b.putLong(w);
      }
    }
    at = (at - b.capacity()) & -16L;
    memory.write(null, at, b.array(), 0, b.capacity());
    vector = java.util.Arrays.copyOfRange(b.array(), firstOfVector * size, b.capacity());
    return at;
  }
}
