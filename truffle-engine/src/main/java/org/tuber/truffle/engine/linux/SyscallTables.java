package org.tuber.truffle.engine.linux;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
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

  /** Numbers of the host's own calls. */
  static final String HOST = "syscalls-x86-64.txt";

  /** Calls without argument for the flags in their old form: number of the form that has one. */
  private static final Map<String, Integer> NEWER =
      Map.of("epoll_create", 291, "eventfd", 290, "inotify_init", 294);

  private SyscallTables() {}

  static InputStream resource(String name) {
    return SyscallTables.class.getResourceAsStream(name);
  }

  private static List<String> lines(InputStream resource) {
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8))) {
      return in.lines().filter(l -> !l.isBlank() && !l.startsWith("#")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Name to number. */
  private static Map<String, Integer> numbers(InputStream resource) {
    Map<String, Integer> numbers = new HashMap<>();
    for (String line : lines(resource)) {
      String[] parts = line.split(" ");
      numbers.put(parts[1], Integer.parseInt(parts[0]));
    }
    return numbers;
  }

  private static Map<String, String[]> signatures() {
    Map<String, String[]> signatures = new HashMap<>();
    for (String line : lines(resource("signatures.txt"))) {
      String[] parts = line.split(" ");
      signatures.put(parts[0], Arrays.copyOfRange(parts, 1, parts.length));
    }
    return signatures;
  }

  private static Map<String, Syscalls.Call> common() {
    Map<String, Syscalls.Call> calls = new HashMap<>();
    FileCalls.add(calls);
    FileSizes.add(calls);
    Directories.add(calls);
    MemoryCalls.add(calls);
    ThreadCalls.add(calls);
    ProcessCalls.add(calls);
    SignalCalls.add(calls);
    TimeCalls.add(calls);
    ClockCalls.add(calls);
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

  static Syscalls of(Abi abi) {
    Map<String, Syscalls.Call> calls = common();
    Map<String, String[]> signatures = signatures();
    abi.adapt(calls, signatures);
    return table(abi, calls, signatures);
  }

  private static Syscalls table(
      Abi abi, Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {
    Map<String, Integer> numbers = numbers(abi.numbers());
    Map<String, Integer> host = numbers(resource(HOST));
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
          String hostName = abi.hostName(name);
          if (call == null && signature != null && host.containsKey(hostName)) {
            int to = NEWER.getOrDefault(hostName, host.get(hostName));
            call = new Passthrough(to, kinds, flags, closeOnExec);
          }
          rows[number] = new Syscalls.Row(name, kinds, call);
        });
    return new Syscalls(rows);
  }
}
