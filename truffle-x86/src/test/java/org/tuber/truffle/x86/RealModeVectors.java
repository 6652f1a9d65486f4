package org.tuber.truffle.x86;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.GZIPInputStream;
import org.tuber.core.cpu.CpuPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.InstructionBatch;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.CpuModel;

/**
 * Runs rows of single-instruction vectors recorded on an 80286 in real mode: initial registers and
 * bytes, one instruction and a HLT, final registers and bytes.
 *
 * <p>At jump targets the recordings have no HLT in memory but act as if: the runner stops after one
 * instruction there and adds one to IP. At an exception's or interrupt's target it plants one.
 */
final class RealModeVectors implements AutoCloseable {
  private static final long RAM_BYTES = 16 << 20;
  private static final int HLT = 0xf4;
  private static final int TF = 0x100;
  private static final int FLAGS_COMPARED = 0x0fd5;
  private static final int POPF = 0x9d;
  private static final int IRET = 0xcf;
  private static final String[] GENERAL = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
  private static final String[] SEGMENTS = {"es", "cs", "ss", "ds"};
  private static final ObjectMapper JSON = new ObjectMapper();

  private final GuestRam ram = new GuestRam(RAM_BYTES);
  private final Engine engine;
  private final X86Cpu cpu;

  /** What one row left behind that it should not have; empty: it passed. */
  private final List<String> differences = new ArrayList<>();

  private final Map<Long, Integer> expectedBytes = new HashMap<>();
  private final Map<Long, Integer> initialBytes = new HashMap<>();
  private final byte[] image = new byte[(int) RAM_BYTES];
  private final boolean[] dirtyPages = new boolean[(int) (RAM_BYTES >> 12)];

  RealModeVectors(Engine.Options options) {
    AddressSpace memory = new AddressSpace("memory", 0, new ReentrantLock());
    memory.mapRam(0, RAM_BYTES, ram, 0);
    AddressSpace ports = new AddressSpace("io", 0x10000, new ReentrantLock());
    engine = new Engine(new X86Isa(), null, options);
    cpu =
        new X86Cpu(
            engine,
            0,
            memory,
            ports,
            new ManualClock(0),
            CpuPlatform.NONE,
            CpuModel.of(Map.of("model", "max")));
  }

  /** The rows of a file. */
  static List<JsonNode> rows(Path file) {
    List<JsonNode> rows = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        rows.add(JSON.readTree(line));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return rows;
  }

  static JsonNode masks(Path folder) {
    try {
      return JSON.readTree(folder.resolve("masks.json").toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Statistics of the engine: whether something was compiled. */
  String statistics() {
    return engine.statistics(cpu.instructionCount());
  }

  /** Differences between what {@code row} says and what happens, or "" . */
  String run(JsonNode row, int flagsMask) {
    return run(row, flagsMask, 1);
  }

  /** The same after the row was executed {@code times} times, to get it compiled. */
  String run(JsonNode row, int flagsMask, int times) {
    loadRam(row);
    for (int i = 0; i < times; i++) {
      if (i > 0) {
        restoreRam();
      }
      loadRegisters(row.get("init").get("regs"));
      execute();
    }
    differences.clear();
    compareRegisters(row, flagsMask);
    compareRam(row, flagsMask);
    cleanUp();
    return String.join(", ", differences);
  }

  /** The row's instruction, decoded; null: it cannot be fetched. */
  Block decode(JsonNode row) {
    loadRam(row);
    loadRegisters(row.get("init").get("regs"));
    try {
      return engine.isa().decode(cpu, cpu.home.pc, 1);
    } catch (GuestFault f) {
      return null;
    } finally {
      cleanUp();
    }
  }

  /** The CPU that decodes and runs. */
  X86Cpu cpu() {
    return cpu;
  }

  /** {@link #run} with the instruction compiled in a batch. */
  String run(JsonNode row, int flagsMask, InstructionBatch batch, int index) {
    loadRam(row);
    loadRegisters(row.get("init").get("regs"));
    batch.run(cpu, index);
    halted = false;
    haltNext();
    differences.clear();
    compareRegisters(row, flagsMask);
    compareRam(row, flagsMask);
    cleanUp();
    return String.join(", ", differences);
  }

  /**
   * A row whose instruction a 386 does not know (LOCK where there is nothing to lock): "" when #UD
   * is delivered with the address of its first prefix.
   */
  String runUndefined(JsonNode row) {
    loadRam(row);
    JsonNode regs = row.get("init").get("regs");
    loadRegisters(regs);
    execute();
    differences.clear();
    int offset = initial(24) | initial(25) << 8;
    int selector = initial(26) | initial(27) << 8;
    if (!halted || cpu.segments[X86Cpu.CS].selector != selector) {
      differences.add("no #UD");
    } else if (cpu.readRegister("rip") != ((offset + 1) & 0xffff)) {
      differences.add("ip");
    }
    if (ram.load16(stack(row, -6)) != regs.get("ip").asInt()) {
      differences.add("pushed ip");
    }
    // What was pushed is expected.
    for (int i = -6; i < 0; i++) {
      expectedBytes.put(stack(row, i), 0);
    }
    cleanUp();
    return String.join(", ", differences);
  }

  // ---------------------------------------------------------------- before

  private static int initialFlags(JsonNode regs) {
    return regs.get("flags").asInt() & 0x0fff | 2;
  }

  private void loadRam(JsonNode row) {
    initialBytes.clear();
    expectedBytes.clear();
    for (JsonNode b : row.get("init").get("ram")) {
      initialBytes.put(b.get(0).asLong(), b.get(1).asInt());
    }
    // TF is never to be acted upon: it is not popped either.
    int opcode = opcode(row);
    if (opcode == POPF || opcode == IRET) {
      long flagsHigh = stack(row, opcode == POPF ? 1 : 5);
      initialBytes.computeIfPresent(flagsHigh, (a, v) -> v & ~(TF >> 8));
    }
    JsonNode exc = row.get("exc");
    if (row.has("skip386")) {
      plantHlt(X86Cpu.UD);
    } else if (exc != null && !exc.isNull()) {
      plantHlt(exc.get("vector").asInt());
    }
    initialBytes.forEach((a, v) -> store(a, v));
    expectedBytes.putAll(initialBytes);
    for (JsonNode b : row.get("final").get("ram")) {
      expectedBytes.put(b.get(0).asLong(), b.get(1).asInt());
    }
  }

  private void plantHlt(int vector) {
    int ip = initial(vector * 4L) | initial(vector * 4L + 1) << 8;
    int cs = initial(vector * 4L + 2) | initial(vector * 4L + 3) << 8;
    initialBytes.put(((long) cs << 4) + ip, HLT);
  }

  private int initial(long address) {
    return initialBytes.getOrDefault(address, 0);
  }

  static int opcode(JsonNode row) {
    String bytes = row.get("bytes").asText();
    for (int i = 0; i + 1 < bytes.length(); i += 2) {
      int b = Integer.parseInt(bytes.substring(i, i + 2), 16);
      switch (b) {
        case 0x26, 0x2e, 0x36, 0x3e, 0xf0, 0xf2, 0xf3 -> {}
        default -> {
          return b;
        }
      }
    }
    return -1;
  }

  private static long stack(JsonNode row, int offset) {
    JsonNode r = row.get("init").get("regs");
    return (r.get("ss").asLong() << 4) + ((r.get("sp").asInt() + offset) & 0xffff);
  }

  private void store(long address, int value) {
    ram.store8(address, value);
    image[(int) address] = (byte) value;
    dirtyPages[(int) (address >> 12)] = true;
    engine.codePages().written(ram, address, 1);
  }

  private void restoreRam() {
    for (Map.Entry<Long, Integer> e : expectedBytes.entrySet()) {
      long a = e.getKey();
      if (ram.load8(a) != (image[(int) a] & 0xff)) {
        ram.store8(a, image[(int) a]);
        engine.codePages().written(ram, a, 1);
      }
    }
  }

  private void loadRegisters(JsonNode regs) {
    cpu.clearHalt();
    cpu.interruptShadow = false;
    cpu.fpu.control = 0x37f;
    cpu.fpu.status = 0;
    for (int i = 0; i < 8; i++) {
      cpu.home.r[i] = regs.get(GENERAL[i]).asInt();
    }
    for (int i = 0; i < 4; i++) {
      int selector = regs.get(SEGMENTS[i]).asInt();
      cpu.segments[i].set(selector, (long) selector << 4, 0xffff, i == X86Cpu.CS ? 0x9b : 0x93);
    }
    cpu.setEflags(initialFlags(regs));
    cpu.home.pc = cpu.segmentBase[X86Cpu.CS] + regs.get("ip").asInt();
  }

  // ---------------------------------------------------------------- run

  private boolean halted;

  private void execute() {
    halted = false;
    // One instruction: the HLT behind it is a block of its own. An iteration may be cut short.
    ExitReason exit = cpu.run(1);
    if (exit == ExitReason.HALTED) {
      halted = true;
      return;
    }
    if (exit != ExitReason.BUDGET) {
      return;
    }
    haltNext();
  }

  private void haltNext() {
    long next = cpu.home.pc;
    if (ram.load8(next) == HLT && initialBytes.containsKey(next)) {
      halted = cpu.run(1) == ExitReason.HALTED;
    }
  }

  // ---------------------------------------------------------------- after

  private void compareRegisters(JsonNode row, int flagsMask) {
    JsonNode before = row.get("init").get("regs");
    JsonNode after = row.get("final").get("regs");
    for (int i = 0; i < 8; i++) {
      String name = GENERAL[i];
      compare(name, cpu.home.r[i], after.has(name) ? after.get(name) : before.get(name));
    }
    for (int i = 0; i < 4; i++) {
      String name = SEGMENTS[i];
      JsonNode expected = after.has(name) ? after.get(name) : before.get(name);
      compare(name, cpu.segments[i].selector, expected);
      if (cpu.segments[i].base != (long) cpu.segments[i].selector << 4) {
        differences.add(name + ".base");
      }
    }
    long ip = cpu.readRegister("rip") + (halted ? 0 : 1) & 0xffff;
    compare("ip", ip, after.has("ip") ? after.get("ip") : before.get("ip"));
    int mask = flagsMask & FLAGS_COMPARED & ~TF;
    int expected = after.has("flags") ? after.get("flags").asInt() : initialFlags(before);
    int flags = (int) cpu.eflags();
    if (((flags ^ expected) & mask) != 0) {
      differences.add(String.format("flags %04x not %04x", flags & mask, expected & mask));
    }
  }

  private void compare(String name, long is, JsonNode expected) {
    if (is != expected.asLong()) {
      differences.add(String.format("%s %04x not %04x", name, is, expected.asLong()));
    }
  }

  private void compareRam(JsonNode row, int flagsMask) {
    JsonNode exc = row.get("exc");
    long flagsAddress = exc == null || exc.isNull() ? -2 : exc.get("flagsAddr").asLong();
    for (Map.Entry<Long, Integer> e : expectedBytes.entrySet()) {
      long a = e.getKey();
      int mask = 0xff;
      if (a == flagsAddress) {
        mask = flagsMask & FLAGS_COMPARED & 0xff;
      } else if (a == flagsAddress + 1) {
        mask = (flagsMask & FLAGS_COMPARED) >> 8;
      }
      int is = ram.load8(a);
      if (((is ^ e.getValue()) & mask) != 0) {
        differences.add(String.format("[%05x] %02x not %02x", a, is, e.getValue()));
      }
    }
  }

  /** Zeroes what the row used, and finds bytes that changed but should not have. */
  private void cleanUp() {
    byte[] page = new byte[4096];
    // Every page below 1 MiB + 64 KiB: a stray store may be anywhere.
    for (int p = 0; p < 0x110; p++) {
      if (!dirtyPages[p]) {
        long sum = 0;
        for (int i = 0; i < 4096; i += 8) {
          sum |= ram.load64(((long) p << 12) + i);
        }
        if (sum == 0) {
          continue;
        }
      }
      ram.read((long) p << 12, page, 0, 4096);
      for (int i = 0; i < 4096; i++) {
        long a = ((long) p << 12) + i;
        if (page[i] != image[(int) a] && !expectedBytes.containsKey(a)) {
          differences.add(String.format("stray [%05x] %02x", a, page[i]));
        }
        image[(int) a] = 0;
      }
      ram.clear((long) p << 12, 4096);
      engine.codePages().written(ram, (long) p << 12, 4096);
      dirtyPages[p] = false;
    }
  }

  @Override
  public void close() {
    cpu.close();
    ram.close();
  }
}
