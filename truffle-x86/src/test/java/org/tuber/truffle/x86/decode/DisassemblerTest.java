package org.tuber.truffle.x86.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.core.cpu.DebugControl.Instruction;

/** Instructions as text, beside what binutils' objdump makes of the same bytes. */
class DisassemblerTest {
  private static final int MOST_SHOWN = 40;
  private static final Pattern FAR_BELOW = Pattern.compile("ip\\+0x(f{8}[0-9a-f]{8})\\]");

  private static String text(int bits, long address, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    Instruction i = Disassembler.at(code, 0, address, bits);
    assertThat(i.bytes()).as(hex).isEqualTo(i.text().equals("(bad)") ? 1 : code.length);
    return i.text().replaceAll(" +", " ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "16 | ea 5b e0 00 f0 | jmp 0xf000:0xe05b",
        "16 | 8b 40 08 | mov ax,WORD PTR [bx+si+0x8]",
        "16 | 67 66 8b 04 8b | mov eax,DWORD PTR [ebx+ecx*4+0x0]",
        "16 | 2e ff 1e 34 12 | call DWORD PTR cs:0x1234",
        "16 | 66 cf | iretd",
        "16 | f3 a4 | rep movs BYTE PTR es:[di],BYTE PTR ds:[si]",
        "16 | e8 10 00 | call 0x1013",
        "32 | 66 a5 | movs WORD PTR es:[edi],WORD PTR ds:[esi]",
        "32 | 83 c0 ff | add eax,0xffffffff",
        "32 | a1 78 56 34 12 | mov eax,ds:0x12345678",
        "32 | 40 | inc eax",
        "64 | 64 48 8b 04 25 28 00 00 00 | mov rax,QWORD PTR fs:0x28",
        "64 | 48 b8 01 02 03 04 05 06 07 08 | movabs rax,0x807060504030201",
        "64 | f0 48 0f b1 0f | lock cmpxchg QWORD PTR [rdi],rcx",
        "64 | 48 83 ec 08 | sub rsp,0x8",
        "64 | 40 80 e6 01 | and sil,0x1",
        "64 | 80 e6 01 | and dh,0x1",
        "64 | c5 fd 6f 04 8e | vmovdqa ymm0,[rsi+rcx*4]",
        "64 | 75 fe | jne 0x1000",
        "64 | 06 | (bad)",
      })
  void wellKnownInstructions(int bits, String hex, String expected) {
    assertThat(text(bits, 0x1000, hex)).isEqualTo(expected.replace("+0x0]", "]"));
  }

  @Test
  void bytesThatEndTooSoonAreNotGuessed() {
    byte[] code = HexFormat.of().parseHex("488b84");
    assertThat(Disassembler.at(code, 0, 0, 64)).isNull();
    assertThat(Disassembler.at(code, 3, 0, 64)).isNull();
    byte[] prefixes = HexFormat.of().parseHex("66".repeat(20));
    assertThat(Disassembler.at(prefixes, 0, 0, 64)).isEqualTo(new Instruction(1, "(bad)"));
  }

  /**
   * objdump's text as ours is: prefixes without an effect left out, distances from the program
   * counter with a sign, targets of branches as hexadecimal numbers that say so.
   */
  private static String theirs(String text, boolean keepsSizes) {
    String s = text.replaceAll("\\s*[#<].*$", "").replaceAll("\\s+", " ").strip();
    s = s.replaceAll("^((data16|cs|ds|es|ss|notrack|bnd|rex\\.?[WRXB]*) )+", "");
    s = s.replaceAll("^(call|j[a-z]+|loop[a-z]*) ([0-9a-f]+)$", "$1 0x$2");
    Matcher far = FAR_BELOW.matcher(s);
    if (far.find()) {
      long distance = -Long.parseUnsignedLong(far.group(1), 16);
      s = far.replaceFirst("ip-0x" + Long.toHexString(distance) + "]");
    }
    return keepsSizes ? s : s.replaceAll("[A-Z]+ PTR ", "");
  }

  /** Every instruction of a library that every host with this test's tool has. */
  @Test
  void theHostsLibraryReadsAsInObjdump() throws Exception {
    Path objdump = Path.of("/usr/bin/objdump");
    Path library = Path.of("/lib/x86_64-linux-gnu/libc.so.6");
    assumeTrue(Files.exists(objdump) && Files.exists(library), "binutils or a library is missing");
    compare(64, objdump.toString(), "-d", "-w", "-M", "intel", library.toString());
  }

  @Test
  void aLibraryOf32BitCodeReadsAsInObjdump() throws Exception {
    Path objdump = Path.of("/usr/bin/objdump");
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"), ".cache", "tuber", "guests");
    Path all = guests == null ? home : Path.of(guests);
    Path library = all.resolve("i386/lib/i386-linux-gnu/libc.so.6");
    assumeTrue(Files.exists(objdump) && Files.exists(library), "binutils or the guest is missing");
    compare(32, objdump.toString(), "-d", "-w", "-M", "intel", library.toString());
  }

  private static void compare(int bits, String... command) throws IOException {
    Process process = new ProcessBuilder(command).start();
    TreeMap<String, String> different = new TreeMap<>();
    Set<String> unknown = new TreeSet<>();
    int count = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
      for (String line; (line = in.readLine()) != null; ) {
        String[] columns = line.split("\t", -1);
        if (columns.length < 3) {
          continue;
        }
        long address = Long.parseUnsignedLong(columns[0].strip().replace(":", ""), 16);
        byte[] code = HexFormat.of().parseHex(columns[1].replace(" ", ""));
        Instruction i = Disassembler.at(code, 0, address, bits);
        count++;
        String theirs = theirs(columns[2], i != null && i.text().contains("PTR"));
        String ours = i == null ? "null" : i.text().replaceAll(" +", " ");
        if (ours.equals("(bad)")) {
          unknown.add(theirs.split(" ", 2)[0]);
        } else if (!ours.equals(theirs) || i.bytes() != code.length) {
          different.putIfAbsent(theirs.split(" ", 2)[0], columns[1] + " " + ours + " | " + theirs);
        }
      }
    }
    assertThat(count).isGreaterThan(10_000);
    // EVEX and transactions, which no processor model here has.
    assertThat(unknown).allMatch(name -> name.matches("[vk].*|xabort|xbegin|xend|xtest"));
    assertThat(different.values().stream().limit(MOST_SHOWN)).isEmpty();
  }
}
