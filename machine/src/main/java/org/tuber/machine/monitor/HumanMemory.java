package org.tuber.machine.monitor;

import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tuber.core.cpu.DebugControl;
import org.tuber.core.mem.AddressSpace;
import org.tuber.machine.MachineRun;
import org.tuber.machine.remote.DebugMemory;

/** The human monitor: memory and ports. */
final class HumanMemory implements HumanTable.Family {
  private static final Pattern FORMAT =
      Pattern.compile("(?:/(\\d*)([xduoci]?)([bhwg]?)([xduoci]?))?\\s*(.+)");
  private static final int MOST_VALUES = 1 << 16;

  /** Of one instruction of any architecture. */
  private static final int MOST_CODE_BYTES = 16;

  /** What follows the slash. */
  private record Format(int count, char kind, int bytes) {}

  private final MachineRun machine;
  private final CpuChoice choice;
  private final DebugMemory memory;

  HumanMemory(MachineRun machine, CpuChoice choice) {
    this.machine = machine;
    this.choice = choice;
    memory = new DebugMemory(machine);
  }

  @Override
  public void addTo(HumanTable table) {
    table.add("x", "/fmt addr", "memory at a virtual address", text -> dump(text, true));
    table.add("xp", "/fmt addr", "memory at a physical address", text -> dump(text, false));
    table.add("print", "/fmt expr", "value of an expression", this::print);
    table.synonym("p", "print");
    table.add("i", "/fmt port", "read a port", this::in);
    table.add("o", "/fmt port value", "write a port", this::out);
    table.add(
        "gva2gpa",
        "addr",
        "translate a virtual address",
        text -> {
          long gva = value(text);
          long gpa = machine.atRest(() -> choice.cpu().debugControl().translate(gva));
          return gpa == -1 ? "Unmapped\n" : String.format(Locale.ROOT, "gpa: 0x%x\n", gpa);
        });
  }

  private long value(String text) throws QmpException {
    long[] result = new long[1];
    QmpException failed =
        machine.atRest(
            () -> {
              try {
                result[0] = Expression.value(text, choice.cpu());
                return null;
              } catch (QmpException e) {
                return e;
              }
            });
    if (failed != null) {
      throw failed;
    }
    return result[0];
  }

  private static Matcher match(String text) throws QmpException {
    Matcher m = FORMAT.matcher(text);
    if (!m.matches()) {
      throw new QmpException("invalid format or missing expression");
    }
    return m;
  }

  private static Format format(Matcher m, int usualBytes) throws QmpException {
    String digits = m.group(1) == null ? "" : m.group(1);
    String kind = m.group(2) == null ? "" : m.group(2) + m.group(4);
    String size = m.group(3) == null ? "" : m.group(3);
    if (digits.length() > 5 || kind.length() > 1) {
      throw new QmpException("invalid format");
    }
    char k = kind.isEmpty() ? 'x' : kind.charAt(0);
    int bytes =
        switch (size) {
          case "b" -> 1;
          case "h" -> 2;
          case "w" -> 4;
          case "g" -> 8;
          default -> k == 'c' ? 1 : usualBytes;
        };
    int count = digits.isEmpty() ? 1 : Math.min(MOST_VALUES, Integer.parseInt(digits));
    return new Format(count, k, bytes);
  }

  private String dump(String text, boolean virtual) throws QmpException {
    Matcher m = match(text);
    Format f = format(m, 4);
    long from = value(m.group(5));
    if (f.kind == 'i') {
      return code(from, f.count, virtual);
    }
    byte[] bytes = machine.atRest(() -> read(from, f.count * f.bytes, virtual));
    int perLine = f.bytes == 1 ? 8 : f.kind == 'c' ? 8 : 16 / f.bytes;
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < f.count; i++) {
      if (i % perLine == 0) {
        out.append(i == 0 ? "" : "\n");
        out.append(String.format(Locale.ROOT, "%016x:", from + (long) i * f.bytes));
      }
      if (bytes == null || (i + 1) * f.bytes > bytes.length) {
        return out.append(" Cannot access memory\n").toString();
      }
      long value = 0;
      for (int j = f.bytes - 1; j >= 0; j--) {
        value = value << 8 | bytes[i * f.bytes + j] & 0xff;
      }
      out.append(' ').append(show(value, f));
    }
    return out.append('\n').toString();
  }

  /** CPU at rest; shorter where nothing more is mapped, null where that is the first byte. */
  private byte[] read(long from, int bytes, boolean virtual) {
    return virtual
        ? memory.read(choice.cpu().debugControl(), from, bytes)
        : memory.readPhysical(from, bytes);
  }

  private String code(long from, int count, boolean virtual) throws QmpException {
    StringBuilder out = new StringBuilder();
    try {
      machine.atRest(
          () -> {
            byte[] bytes = read(from, count * MOST_CODE_BYTES, virtual);
            int at = 0;
            for (int i = 0; i < count; i++) {
              DebugControl.Instruction next =
                  bytes == null
                      ? null
                      : choice.cpu().debugControl().disassemble(bytes, at, from + at);
              out.append(String.format(Locale.ROOT, "0x%08x:  ", from + at));
              if (next == null) {
                return out.append("Cannot access memory\n");
              }
              String digits =
                  HexFormat.of().withDelimiter(" ").formatHex(bytes, at, at + next.bytes());
              out.append(String.format(Locale.ROOT, "%-23s  %s\n", digits, next.text()));
              at += next.bytes();
            }
            return out;
          });
    } catch (UnsupportedOperationException e) {
      throw new QmpException("x/i: no disassembler for this processor; gdb has one, see -gdb");
    }
    return out.toString();
  }

  private static String show(long value, Format f) {
    int bits = 8 * f.bytes;
    long unsigned = f.bytes == 8 ? value : value & (1L << bits) - 1;
    long signed = value << 64 - bits >> 64 - bits;
    int decimals = (bits * 10 + 32) / 33;
    return switch (f.kind) {
      case 'd' -> String.format(Locale.ROOT, "%" + decimals + "d", signed);
      case 'u' -> String.format(Locale.ROOT, "%" + decimals + "s", Long.toUnsignedString(unsigned));
      case 'o' -> String.format(Locale.ROOT, "%#0" + ((bits + 2) / 3 + 1) + "o", unsigned);
      case 'c' -> character((int) unsigned & 0xff);
      default -> String.format(Locale.ROOT, "0x%0" + 2 * f.bytes + "x", unsigned);
    };
  }

  private static String character(int c) {
    String inside =
        switch (c) {
          case '\'' -> "\\'";
          case '\\' -> "\\\\";
          case '\n' -> "\\n";
          case '\r' -> "\\r";
          default ->
              c >= ' ' && c <= '~'
                  ? String.valueOf((char) c)
                  : String.format(Locale.ROOT, "\\x%02x", c);
        };
    return "'" + inside + "'";
  }

  private String print(String text) throws QmpException {
    Matcher m = match(text);
    boolean given = m.group(2) != null && !(m.group(2) + m.group(4)).isEmpty();
    long value = value(m.group(5));
    if (!given) {
      return String.format(Locale.ROOT, "0x%x\n", value);
    }
    return switch (format(m, 8).kind) {
          case 'd' -> Long.toString(value);
          case 'u' -> Long.toUnsignedString(value);
          case 'o' -> String.format(Locale.ROOT, "%#o", value);
          case 'c' -> character((int) value & 0xff);
          default -> String.format(Locale.ROOT, "0x%x", value);
        }
        + "\n";
  }

  private AddressSpace ports() throws QmpException {
    AddressSpace ports = machine.parts().ports();
    if (ports == null) {
      throw new QmpException("this machine has no ports");
    }
    return ports;
  }

  private String in(String text) throws QmpException {
    Matcher m = match(text);
    int bytes = Math.min(4, format(m, 4).bytes);
    int port = (int) value(m.group(5)) & 0xffff;
    String suffix = bytes == 1 ? "b" : bytes == 2 ? "w" : "l";
    return String.format(
        Locale.ROOT,
        "port%s[0x%04x] = 0x%0" + 2 * bytes + "x\n",
        suffix,
        port,
        ports().read(port, bytes) & (1L << 8 * bytes) - 1);
  }

  private String out(String text) throws QmpException {
    Matcher m = match(text);
    int bytes = Math.min(4, format(m, 4).bytes);
    String[] words = m.group(5).split("\\s+", 2);
    if (words.length < 2) {
      throw new QmpException("o: needs a port and a value");
    }
    ports().write(value(words[0]) & 0xffff, value(words[1]), bytes);
    return "";
  }
}
