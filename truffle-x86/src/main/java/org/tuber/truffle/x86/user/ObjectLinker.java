package org.tuber.truffle.x86.user;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.truffle.engine.linux.ElfImage;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.ProgramException;
import org.tuber.truffle.engine.linux.StartImage;

/**
 * Makes a shared object of one relocatable object for x86-64 (System V ABI, 4.4), for the dynamic
 * linker to load. Its global symbols are exported; what it leaves undefined is looked for in libc
 * and libm.
 *
 * <p>Three segments: tables, code with stubs for calls out, all else. Not done, and refused: thread
 * local storage, 32-bit absolute addresses (code built without -fPIC), indirect functions.
 */
final class ObjectLinker {
  private static final int PAGE = 4096;
  private static final int HEADERS = 64 + 5 * 56;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_RELA = 4;
  private static final int SHT_NOBITS = 8;
  private static final int SHT_INIT_ARRAY = 14;
  private static final int SHT_FINI_ARRAY = 15;
  private static final int SHF_ALLOC = 2;
  private static final int SHF_EXECINSTR = 4;
  private static final int SHF_TLS = 0x400;
  private static final int SHN_ABS = 0xfff1;
  private static final int SHN_COMMON = 0xfff2;
  private static final int STT_GNU_IFUNC = 10;
  private static final long MAX_BYTES = 256 << 20;

  // Relocation types of the object, and of what is made.
  private static final int R_64 = 1;
  private static final int R_PC32 = 2;
  private static final int R_PLT32 = 4;
  private static final int R_GLOB_DAT = 6;
  private static final int R_RELATIVE = 8;
  private static final int R_GOTPCREL = 9;
  private static final int R_PC64 = 24;
  private static final int R_GOTPCRELX = 41;
  private static final int R_REX_GOTPCRELX = 42;

  private static final int STUB_BYTES = 16;

  private static final class Section {
    int type;
    long flags;
    long offset;
    long size;
    int link;
    int info;
    long align;
    long address;
  }

  private static final class Symbol {
    String name;
    int info;
    int other;
    int section;
    long value;
    long size;

    /** Number in the dynamic symbol table, 0 for none. */
    int dynamic;

    /** Index of its slot in the global offset table, -1 for none. */
    int slot = -1;

    /** Index of its stub, -1 for none. */
    int stub = -1;

    boolean isDefined() {
      return section != 0;
    }
  }

  private record DynamicRelocation(long address, int type, int symbol, long addend) {}

  private final String name;
  private final ByteBuffer in;
  private final List<Section> sections = new ArrayList<>();
  private final List<Symbol> symbols = new ArrayList<>();
  private final List<Symbol> exported = new ArrayList<>();
  private final List<Symbol> slots = new ArrayList<>();
  private final List<Symbol> stubs = new ArrayList<>();
  private final List<DynamicRelocation> relocations = new ArrayList<>();
  private int wideRelocations;
  private ByteBuffer out;
  private long codeAt;
  private long stubsAt;
  private long dataAt;
  private long slotsAt;

  private ObjectLinker(byte[] object, String name) {
    in = ByteBuffer.wrap(object).order(ByteOrder.LITTLE_ENDIAN);
    this.name = name;
  }

  /**
   * Links.
   *
   * @throws ProgramException when that cannot be done; the message says why
   */
  static byte[] link(byte[] object, String name) {
    ObjectLinker l = new ObjectLinker(object, name);
    try {
      if (object[4] != 2) {
        throw l.refuse("object files are linked for x86-64 only: cc -m32 -shared");
      }
      l.readSections();
      l.readSymbols();
      l.scan();
      return l.build();
    } catch (IndexOutOfBoundsException | NegativeArraySizeException | ArithmeticException e) {
      throw l.refuse("damaged object file");
    }
  }

  private ProgramException refuse(String why) {
    return new ProgramException(Errno.ENOEXEC, name + ": " + why);
  }

  // ---------------------------------------------------------------- reading

  private void readSections() {
    int at = Math.toIntExact(in.getLong(40));
    int count = in.getShort(60) & 0xffff;
    long total = 0;
    for (int i = 0; i < count; i++) {
      int h = at + 64 * i;
      Section s = new Section();
      s.type = in.getInt(h + 4);
      s.flags = in.getLong(h + 8);
      s.offset = in.getLong(h + 24);
      s.size = in.getLong(h + 32);
      s.link = in.getInt(h + 40);
      s.info = in.getInt(h + 44);
      s.align = Math.max(1, in.getLong(h + 48));
      sections.add(s);
      if (isLoaded(s)) {
        total += s.size;
        if (s.size < 0
            || total > MAX_BYTES
            || Long.bitCount(s.align) != 1
            || s.align > PAGE
            || s.type != SHT_NOBITS && (s.offset < 0 || s.offset > in.capacity() - s.size)) {
          throw new IndexOutOfBoundsException();
        }
        if ((s.flags & SHF_TLS) != 0) {
          throw refuse("thread local storage in an object file: link it with cc -shared");
        }
      }
    }
  }

  private static boolean isLoaded(Section s) {
    return (s.flags & SHF_ALLOC) != 0;
  }

  private void readSymbols() {
    for (Section table : sections) {
      if (table.type != SHT_SYMTAB) {
        continue;
      }
      int strings = Math.toIntExact(sections.get(table.link).offset);
      for (long at = table.offset; at < table.offset + table.size; at += 24) {
        int p = Math.toIntExact(at);
        Symbol s = new Symbol();
        s.name = string(strings + in.getInt(p));
        s.info = in.get(p + 4);
        s.other = in.get(p + 5);
        s.section = in.getShort(p + 6) & 0xffff;
        s.value = in.getLong(p + 8);
        s.size = in.getLong(p + 16);
        if ((s.info & 15) == STT_GNU_IFUNC) {
          throw refuse("an indirect function in an object file: link it with cc -shared");
        }
        symbols.add(s);
        boolean local = s.info >>> 4 == 0;
        boolean internal = s.isDefined() && (s.other & 3) != 0 && (s.other & 3) != 3;
        if (!local && !internal && !s.name.isEmpty() && !s.name.equals("_GLOBAL_OFFSET_TABLE_")) {
          exported.add(s);
          s.dynamic = exported.size();
        }
      }
    }
  }

  private String string(int at) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    int i = at;
    while (in.get(i) != 0) {
      text.write(in.get(i++));
    }
    return text.toString(StandardCharsets.ISO_8859_1);
  }

  @FunctionalInterface
  private interface Visitor {
    void visit(Section target, long offset, int type, Symbol symbol, long addend);
  }

  private void eachRelocation(Visitor v) {
    for (Section r : sections) {
      if (r.type != SHT_RELA || !isLoaded(sections.get(r.info))) {
        continue;
      }
      Section target = sections.get(r.info);
      for (long at = r.offset; at < r.offset + r.size; at += 24) {
        int p = Math.toIntExact(at);
        int type = in.getInt(p + 8);
        long offset = in.getLong(p);
        int bytes = type == R_64 || type == R_PC64 ? 8 : 4;
        if (target.type == SHT_NOBITS || offset < 0 || offset > target.size - bytes) {
          throw new IndexOutOfBoundsException();
        }
        if (type != 0) {
          v.visit(target, offset, type, symbols.get(in.getInt(p + 12)), in.getLong(p + 16));
        }
      }
    }
  }

  /** What the relocations need besides the object's own sections. */
  private void scan() {
    eachRelocation(
        (target, offset, type, symbol, addend) -> {
          switch (type) {
            case R_64 -> wideRelocations++;
            case R_PC32, R_PLT32, R_PC64 -> {
              if (!symbol.isDefined() && symbol.stub < 0) {
                symbol.stub = stubs.size();
                stubs.add(symbol);
                slot(symbol);
              }
            }
            case R_GOTPCREL, R_GOTPCRELX, R_REX_GOTPCRELX -> slot(symbol);
            default ->
                throw refuse(
                    "relocation type "
                        + type
                        + " of '"
                        + symbol.name
                        + "' is not supported: build with -fPIC, or link with cc -shared");
          }
        });
  }

  private void slot(Symbol symbol) {
    if (symbol.slot < 0) {
      symbol.slot = slots.size();
      slots.add(symbol);
    }
  }

  // ---------------------------------------------------------------- layout

  private static long up(long value, long align) {
    return value + align - 1 & -align;
  }

  private long place(long from, boolean code, boolean bss) {
    long at = from;
    for (Section s : sections) {
      boolean isCode = (s.flags & SHF_EXECINSTR) != 0;
      if (isLoaded(s) && isCode == code && (s.type == SHT_NOBITS) == bss) {
        at = up(at, s.align);
        s.address = at;
        at += s.size;
      }
    }
    return at;
  }

  private byte[] build() {
    StringBuilder strings = new StringBuilder("\0libc.so.6\0libm.so.6\0");
    Map<Symbol, Integer> names = new LinkedHashMap<>();
    for (Symbol s : exported) {
      names.put(s, strings.length());
      strings.append(s.name).append('\0');
    }
    int symbolsAt = HEADERS;
    int hashAt = symbolsAt + 24 * (exported.size() + 1);
    int relocationsAt = (int) up(hashAt + 4L * (3 + exported.size() + 1), 8);
    int relocationBytes = 24 * (wideRelocations + slots.size());
    int stringsAt = relocationsAt + relocationBytes;
    long tablesEnd = stringsAt + (long) strings.length();
    codeAt = up(tablesEnd, PAGE);
    stubsAt = up(place(codeAt, true, false), STUB_BYTES);
    long codeEnd = stubsAt + (long) STUB_BYTES * stubs.size();
    dataAt = up(codeEnd, PAGE);
    int dynamicBytes = 16 * 16;
    slotsAt = dataAt + dynamicBytes;
    long fileEnd = place(slotsAt + 8L * slots.size(), false, false);
    long end = common(place(place(fileEnd, true, true), false, true));
    out = ByteBuffer.allocate(Math.toIntExact(fileEnd)).order(ByteOrder.LITTLE_ENDIAN);
    headers(tablesEnd, codeEnd, fileEnd, end, dynamicBytes);
    for (Section s : sections) {
      if (isLoaded(s) && s.type != SHT_NOBITS) {
        out.put((int) s.address, in, (int) s.offset, (int) s.size);
      }
    }
    symbolTable(symbolsAt, hashAt, names);
    out.put(stringsAt, strings.toString().getBytes(StandardCharsets.ISO_8859_1));
    relocate();
    int at = relocationsAt;
    for (DynamicRelocation r : relocations) {
      out.putLong(at, r.address).putInt(at + 8, r.type).putInt(at + 12, r.symbol);
      out.putLong(at + 16, r.addend);
      at += 24;
    }
    out.position((int) dataAt);
    tag(1, 1);
    tag(1, 11);
    tag(4, hashAt);
    tag(5, stringsAt);
    tag(6, symbolsAt);
    tag(7, relocationsAt);
    tag(8, 24L * relocations.size());
    tag(9, 24);
    tag(10, strings.length());
    tag(11, 24);
    array(SHT_INIT_ARRAY, 25, 27);
    array(SHT_FINI_ARRAY, 26, 28);
    return out.array();
  }

  private void tag(long tag, long value) {
    out.putLong(tag).putLong(value);
  }

  /** DT_INIT_ARRAY and its kin; several sections are neighbours only when they are alike. */
  private void array(int type, int tag, int sizeTag) {
    List<Section> all = sections.stream().filter(s -> s.type == type && s.size > 0).toList();
    if (all.size() > 1) {
      throw refuse("several arrays of constructors: link it with cc -shared");
    }
    for (Section s : all) {
      tag(tag, s.address);
      tag(sizeTag, s.size);
    }
  }

  /** Symbols without a section (-fcommon): value is their alignment. */
  private long common(long from) {
    long at = from;
    for (Symbol s : symbols) {
      if (s.section == SHN_COMMON) {
        at = up(at, Math.max(1, Long.highestOneBit(s.value)));
        s.value = at;
        at += s.size;
        if (s.size < 0 || at > 2 * MAX_BYTES) {
          throw new IndexOutOfBoundsException();
        }
      }
    }
    return at;
  }

  private void headers(long tablesEnd, long codeEnd, long fileEnd, long end, int dynamicBytes) {
    out.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
    out.putShort((short) ElfImage.ET_DYN).putShort((short) 62).putInt(1);
    out.putLong(0).putLong(64).putLong(0).putInt(0);
    out.putShort((short) 64).putShort((short) 56).putShort((short) 5);
    out.position(64);
    segment(ElfImage.PT_LOAD, 4, 0, tablesEnd, tablesEnd, PAGE);
    segment(ElfImage.PT_LOAD, 5, codeAt, codeEnd - codeAt, codeEnd - codeAt, PAGE);
    segment(ElfImage.PT_LOAD, 6, dataAt, fileEnd - dataAt, end - dataAt, PAGE);
    segment(StartImage.PT_DYNAMIC, 6, dataAt, dynamicBytes, dynamicBytes, 8);
    segment(ElfImage.PT_GNU_STACK, 6, 0, 0, 0, 16);
  }

  private void segment(int type, int flags, long at, long file, long memory, long align) {
    out.putInt(type).putInt(flags).putLong(at).putLong(at).putLong(at);
    out.putLong(file).putLong(memory).putLong(align);
  }

  private long address(Symbol s) {
    if (s.section == 0 || s.section == SHN_ABS || s.section == SHN_COMMON) {
      return s.value;
    }
    return sections.get(s.section).address + s.value;
  }

  /** One bucket: the linker compares names one after the other. */
  private void symbolTable(int symbolsAt, int hashAt, Map<Symbol, Integer> names) {
    int n = exported.size();
    out.putInt(hashAt, 1).putInt(hashAt + 4, n + 1).putInt(hashAt + 8, n);
    for (Symbol s : exported) {
      int at = symbolsAt + 24 * s.dynamic;
      out.putInt(at, names.get(s)).put(at + 4, (byte) s.info).put(at + 5, (byte) s.other);
      // Any section will do: the dynamic linker only asks whether there is one.
      out.putShort(at + 6, (short) (s.section == SHN_COMMON ? 1 : s.section));
      out.putLong(at + 8, address(s)).putLong(at + 16, s.size);
      out.putInt(hashAt + 12 + 4 * s.dynamic, s.dynamic - 1);
    }
  }

  // ---------------------------------------------------------------- relocating

  private void relocate() {
    for (Symbol s : slots) {
      long at = slotsAt + 8L * s.slot;
      if (s.isDefined()) {
        relocations.add(new DynamicRelocation(at, R_RELATIVE, 0, address(s)));
      } else {
        relocations.add(new DynamicRelocation(at, R_GLOB_DAT, s.dynamic, 0));
      }
    }
    for (Symbol s : stubs) {
      int at = (int) (stubsAt + (long) STUB_BYTES * s.stub);
      // jmp *slot(%rip)
      out.put(at, (byte) 0xff).put(at + 1, (byte) 0x25);
      out.putInt(at + 2, near(slotsAt + 8L * s.slot - (at + 6)));
    }
    eachRelocation(this::relocate);
  }

  private void relocate(Section target, long offset, int type, Symbol s, long addend) {
    int at = Math.toIntExact(target.address + offset);
    long goal = s.isDefined() ? address(s) : stubsAt + (long) STUB_BYTES * s.stub;
    switch (type) {
      case R_64 -> {
        if (s.section == SHN_ABS) {
          out.putLong(at, s.value + addend);
        } else if (s.isDefined()) {
          relocations.add(new DynamicRelocation(at, R_RELATIVE, 0, goal + addend));
        } else {
          relocations.add(new DynamicRelocation(at, R_64, s.dynamic, addend));
        }
      }
      case R_PC64 -> out.putLong(at, goal + addend - at);
      case R_PC32, R_PLT32 -> out.putInt(at, near(goal + addend - at));
      default -> out.putInt(at, near(slotsAt + 8L * s.slot + addend - at));
    }
  }

  private static int near(long distance) {
    return Math.toIntExact(distance);
  }
}
