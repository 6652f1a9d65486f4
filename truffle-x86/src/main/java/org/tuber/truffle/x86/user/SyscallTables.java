package org.tuber.truffle.x86.user;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The system-call tables: numbers by ABI (asm/unistd_64.h, unistd_32.h), code where there is some,
 * else the host by {@link Passthrough}.
 */
final class SyscallTables {
  private static final int O_CLOEXEC = 0x80000;

  /** Calls without argument for the flags in their old form: number of the form that has one. */
  private static final Map<String, Integer> NEWER =
      Map.of("epoll_create", 291, "eventfd", 290, "inotify_init", 294);

  private SyscallTables() {}

  private static List<String> lines(String resource) {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                SyscallTables.class.getResourceAsStream(resource), StandardCharsets.UTF_8))) {
      return in.lines().filter(l -> !l.isBlank() && !l.startsWith("#")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Name to number. */
  private static Map<String, Integer> numbers(String resource) {
    Map<String, Integer> numbers = new HashMap<>();
    for (String line : lines(resource)) {
      String[] parts = line.split(" ");
      numbers.put(parts[1], Integer.parseInt(parts[0]));
    }
    return numbers;
  }

  private static Map<String, String[]> signatures() {
    Map<String, String[]> signatures = new HashMap<>();
    for (String line : lines("signatures.txt")) {
      String[] parts = line.split(" ");
      signatures.put(parts[0], Arrays.copyOfRange(parts, 1, parts.length));
    }
    return signatures;
  }

  private static Map<String, Syscalls.Call> common() {
    Map<String, Syscalls.Call> calls = new HashMap<>();
    FileCalls.add(calls);
    Directories.add(calls);
    MemoryCalls.add(calls);
    ThreadCalls.add(calls);
    ProcessCalls.add(calls);
    SignalCalls.add(calls);
    TimeCalls.add(calls);
    EventCalls.add(calls);
    SocketCalls.add(calls);
    MiscCalls.add(calls);
    SysvCalls.add(calls);
    PidFile.add(calls);
    ProcessMemory.add(calls);
    MessageQueues.add(calls);
    Futexes.add(calls);
    return calls;
  }

  static Syscalls amd64() {
    return table("syscalls-64.txt", common(), signatures());
  }

  static Syscalls i386() {
    Map<String, Syscalls.Call> calls = common();
    Map<String, String[]> signatures = signatures();
    Calls32.replace(calls, signatures);
    return table("syscalls-32.txt", calls, signatures);
  }

  private static String hostName(String resource, String name) {
    return resource.equals("syscalls-32.txt") ? Calls32.hostName(name) : name;
  }

  private static Syscalls table(
      String resource, Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {
    Map<String, Integer> numbers = numbers(resource);
    Map<String, Integer> host = numbers("syscalls-64.txt");
    int most = numbers.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
    Syscalls.Row[] rows = new Syscalls.Row[most + 1];
    numbers.forEach(
        (name, number) -> {
          String[] signature = signatures.get(name);
          String[] kinds = signature == null ? new String[0] : signature;
          int flags = -1;
          long closeOnExec = O_CLOEXEC;
          if (kinds.length > 0 && kinds[0].matches("\\+\\d(/\\d)?")) {
            flags = kinds[0].charAt(1) - '0';
            closeOnExec = kinds[0].length() > 2 ? kinds[0].charAt(3) - '0' : O_CLOEXEC;
            kinds = Arrays.copyOfRange(kinds, 1, kinds.length);
          }
          Syscalls.Call call = calls.get(name);
          String hostName = hostName(resource, name);
          if (call == null && signature != null && host.containsKey(hostName)) {
            int to = NEWER.getOrDefault(hostName, host.get(hostName));
            call = new Passthrough(to, kinds, flags, closeOnExec);
          }
          rows[number] = new Syscalls.Row(name, kinds, call);
        });
    return new Syscalls(rows);
  }
}
