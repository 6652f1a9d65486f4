package org.tuber.truffle.x86.user;

import java.util.Map;

final class Calls32 {
  private Calls32() {}

  static void replace(Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {}
}
