package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A library as the dynamic linker has loaded it, with what it exports: read from its dynamic
 * section in guest memory (System V ABI, chapter 5; GNU hash table and symbol versions as in the
 * Linux Standard Base).
 */
public final class GuestModule {
  /** Kinds of symbols: STT_. */
  private static final int NOTYPE = 0;

  private static final int OBJECT = 1;
  private static final int FUNC = 2;
  private static final int TLS = 6;
  private static final int GNU_IFUNC = 10;

  private static final int DT_HASH = 4;
  private static final int DT_STRTAB = 5;
  private static final int DT_SYMTAB = 6;
  private static final int DT_STRSZ = 10;
  private static final long DT_GNU_HASH = 0x6fff_fef5;
  private static final long DT_VERSYM = 0x6fff_fff0;
  private static final int SHN_ABS = 0xfff1;
  private static final int VERSYM_HIDDEN = 0x8000;
  private static final int MAX_MODULES = 1024;
  private static final int MAX_SYMBOLS = 1 << 20;
  private static final int MAX_STRINGS = 64 << 20;

  /**
   * An exported symbol.
   *
   * @param address in guest memory; of an indirect function that of its resolver
   * @param bytes size, 0 when it is not known
   * @param isFunction can be called
   * @param isIndirect its resolver has to be called for the address (STT_GNU_IFUNC)
   */
  public record Symbol(
      String name, long address, long bytes, boolean isFunction, boolean isIndirect) {}

  private final String path;
  private final long bias;
  private final Map<String, Symbol> symbols = new LinkedHashMap<>();

  GuestModule(String path, long bias) {
    this.path = path;
    this.bias = bias;
  }

  /** As the dynamic linker calls it; empty for the program itself. */
  public String path() {
    return path;
  }

  public Symbol find(String name) {
    return symbols.get(name);
  }

  /** Names it exports, in the order of its symbol table. */
  public Set<String> names() {
    return symbols.keySet();
  }

  void add(Symbol s) {
    symbols.put(s.name, s);
  }

  // ---------------------------------------------------------------- reading

  /** All modules, from the linker's list: the program first, then in the order of search. */
  static List<GuestModule> list(GuestThread t, long dynamicSection) {
    Reader r = new Reader(t);
    long debug = r.dynamic(dynamicSection).getOrDefault((long) StartImage.DT_DEBUG, 0L);
    List<GuestModule> modules = new ArrayList<>();
    if (debug == 0) {
      return modules;
    }
    long map = r.word(debug + r.wordBytes());
    Set<Long> seen = new HashSet<>();
    while (map != 0 && seen.add(map) && modules.size() < MAX_MODULES) {
      String path = Paths.text(t.cString(r.word(map + r.wordBytes())));
      GuestModule m = new GuestModule(path, r.word(map));
      long dynamic = r.word(map + 2L * r.wordBytes());
      if (dynamic != 0) {
        m.read(r, r.dynamic(dynamic));
      }
      modules.add(m);
      map = r.word(map + 3L * r.wordBytes());
    }
    return modules;
  }

  /** Some linkers leave addresses in the dynamic section as the file has them. */
  private long address(Map<Long, Long> dynamic, long tag) {
    long a = dynamic.getOrDefault(tag, 0L);
    return a == 0 || Long.compareUnsigned(a, bias) >= 0 ? a : a + bias;
  }

  private void read(Reader r, Map<Long, Long> dynamic) {
    long table = address(dynamic, DT_SYMTAB);
    long strings = address(dynamic, DT_STRTAB);
    long stringBytes = dynamic.getOrDefault((long) DT_STRSZ, 0L);
    if (table == 0 || strings == 0 || stringBytes <= 0 || stringBytes > MAX_STRINGS) {
      return;
    }
    long count = 0;
    if (dynamic.containsKey((long) DT_HASH)) {
      count = r.t.load32(address(dynamic, DT_HASH) + 4) & 0xffff_ffffL;
    } else if (dynamic.containsKey(DT_GNU_HASH)) {
      count = r.countByGnuHash(address(dynamic, DT_GNU_HASH));
    }
    int n = (int) Math.min(count, MAX_SYMBOLS);
    int entry = r.wide ? 24 : 16;
    ByteBuffer b = r.buffer(table, n * entry);
    byte[] names = r.t.bytes(strings, (int) stringBytes);
    ByteBuffer versions = null;
    if (dynamic.containsKey(DT_VERSYM)) {
      versions = r.buffer(address(dynamic, DT_VERSYM), 2 * n);
    }
    for (int i = 1; i < n; i++) {
      boolean hidden = versions != null && (versions.getShort(2 * i) & VERSYM_HIDDEN) != 0;
      symbol(r, b, i * entry, names, hidden);
    }
  }

  private void symbol(Reader r, ByteBuffer b, int at, byte[] names, boolean hidden) {
    int info = b.get(at + (r.wide ? 4 : 12));
    int other = b.get(at + (r.wide ? 5 : 13)) & 3;
    int section = b.getShort(at + (r.wide ? 6 : 14)) & 0xffff;
    long value = r.wide ? b.getLong(at + 8) : b.getInt(at + 4) & 0xffff_ffffL;
    long size = r.wide ? b.getLong(at + 16) : b.getInt(at + 8) & 0xffff_ffffL;
    int binding = info >>> 4 & 15;
    int type = info & 15;
    // Undefined, local, absolute (a version's name), or internal.
    if (section == 0 || binding == 0 || section == SHN_ABS || other == 1 || other == 2) {
      return;
    }
    int name = b.getInt(at);
    if (name <= 0 || name >= names.length || type == TLS) {
      return;
    }
    int end = name;
    while (end < names.length && names[end] != 0) {
      end++;
    }
    String text = Paths.text(Arrays.copyOfRange(names, name, end));
    if (hidden && symbols.containsKey(text)) {
      return;
    }
    long address = r.wide ? value + bias : value + bias & 0xffff_ffffL;
    boolean function =
        type == FUNC || type == GNU_IFUNC || type == NOTYPE && r.t.memory.isExecutable(address);
    if (function || type == OBJECT || type == NOTYPE) {
      symbols.put(text, new Symbol(text, address, size, function, type == GNU_IFUNC));
    }
  }

  private record Reader(GuestThread t, boolean wide) {
    Reader(GuestThread t) {
      this(t, !t.process.is32Bit);
    }

    int wordBytes() {
      return wide ? 8 : 4;
    }

    long word(long gva) {
      t.resetScratch();
      return wide ? t.load64(gva) : t.load32(gva) & 0xffff_ffffL;
    }

    ByteBuffer buffer(long gva, int bytes) {
      return ByteBuffer.wrap(t.bytes(gva, bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    Map<Long, Long> dynamic(long at) {
      Map<Long, Long> values = new LinkedHashMap<>();
      long d = at;
      long tag = word(d);
      while (tag != 0) {
        values.put(tag, word(d + wordBytes()));
        d += 2L * wordBytes();
        tag = word(d);
      }
      return values;
    }

    /** The GNU hash table ends where the last chain of the last bucket does. */
    long countByGnuHash(long at) {
      ByteBuffer head = buffer(at, 16);
      int buckets = head.getInt(0);
      int first = head.getInt(4);
      int bloomWords = head.getInt(8);
      if (buckets <= 0 || buckets > MAX_SYMBOLS || bloomWords < 0 || bloomWords > MAX_SYMBOLS) {
        return 0;
      }
      long bucketsAt = at + 16 + (long) bloomWords * wordBytes();
      ByteBuffer b = buffer(bucketsAt, 4 * buckets);
      int last = 0;
      for (int i = 0; i < buckets; i++) {
        last = Math.max(last, b.getInt(4 * i));
      }
      if (last < first) {
        return first;
      }
      long chain = bucketsAt + 4L * buckets;
      t.resetScratch();
      while (last < MAX_SYMBOLS && (t.load32(chain + 4L * (last - first)) & 1) == 0) {
        t.resetScratch();
        last++;
      }
      return last + 1L;
    }
  }
}
