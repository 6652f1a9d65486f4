package org.tuber.truffle.x86.insn;

import java.util.Set;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * Which extension an MMX or SSE encoding came with (SDM vol. 1, 5.4 to 5.12; vol. 2, the CPUID
 * column of each instruction): models without it raise #UD.
 */
public final class SseGenerations {
  private static final Set<Integer> SSE3_CODES = Set.of(0xd0, 0x7c, 0x7d, 0xf0);

  /** Of 0F with MMX registers: those that came with SSE, and with SSE2. */
  private static final Set<Integer> MMX_OF_SSE =
      Set.of(
          0x70, 0xc4, 0xc5, 0xd7, 0xda, 0xde, 0xe0, 0xe3, 0xe4, 0xe7, 0xea, 0xee, 0xf6, 0xf7, 0x2a,
          0x2c, 0x2d);

  private static final Set<Integer> MMX_OF_SSE2 = Set.of(0xd4, 0xd6, 0xf4, 0xfb);

  /** Of 0F with XMM registers and without prefix: those that came with SSE2 only. */
  private static final Set<Integer> PLAIN_OF_SSE2 = Set.of(0x5a, 0x5b);

  private SseGenerations() {}

  /** The row attribute of an encoding in the notation of {@code Row}; 0 for none. */
  public static int feature(String encoding, String assembler) {
    String[] tokens = encoding.split(" ");
    int i = 0;
    String prefix = "NP";
    if (!tokens[0].equals("0F")) {
      prefix = tokens[0];
      i++;
    }
    if (i + 1 >= tokens.length || !tokens[i].equals("0F")) {
      return 0;
    }
    String map = tokens[i + 1];
    boolean longMap = map.equals("38") || map.equals("3A");
    int opcode = Integer.parseInt(longMap ? tokens[i + 2] : map, 16);
    CpuFeature f;
    if (map.equals("38") && longMap) {
      f = of38(opcode);
    } else if (map.equals("3A")) {
      f = of3a(opcode);
    } else {
      boolean mmx =
          assembler.contains("Pq") || assembler.contains("Qq") || assembler.contains("Qd");
      f = mmx || opcode == 0x77 ? ofMmx(opcode, prefix) : ofXmm(opcode, prefix);
    }
    return f.row();
  }

  private static CpuFeature of38(int opcode) {
    if (opcode >= 0xf0 || opcode == 0x37) {
      return CpuFeature.SSE42;
    }
    if (opcode >= 0xdb) {
      return CpuFeature.AES;
    }
    if (opcode >= 0xc8) {
      return CpuFeature.SHA_NI;
    }
    return opcode < 0x10 || opcode >= 0x1c && opcode <= 0x1e ? CpuFeature.SSSE3 : CpuFeature.SSE41;
  }

  private static CpuFeature of3a(int opcode) {
    return switch (opcode) {
      case 0x0f -> CpuFeature.SSSE3;
      case 0x44 -> CpuFeature.PCLMULQDQ;
      case 0x60, 0x61, 0x62, 0x63 -> CpuFeature.SSE42;
      case 0xcc -> CpuFeature.SHA_NI;
      case 0xdf -> CpuFeature.AES;
      default -> CpuFeature.SSE41;
    };
  }

  private static CpuFeature ofMmx(int opcode, String prefix) {
    if (MMX_OF_SSE2.contains(opcode) || prefix.equals("66")) {
      return CpuFeature.SSE2;
    }
    return MMX_OF_SSE.contains(opcode) ? CpuFeature.SSE : CpuFeature.MMX;
  }

  private static CpuFeature ofXmm(int opcode, String prefix) {
    boolean duplicates = opcode == 0x12 || opcode == 0x16;
    return switch (prefix) {
      case "F2" -> SSE3_CODES.contains(opcode) || duplicates ? CpuFeature.SSE3 : CpuFeature.SSE2;
      case "66" -> SSE3_CODES.contains(opcode) ? CpuFeature.SSE3 : CpuFeature.SSE2;
      case "F3" -> {
        if (duplicates) {
          yield CpuFeature.SSE3;
        }
        boolean first = opcode < 0x60 && !PLAIN_OF_SSE2.contains(opcode) || opcode == 0xc2;
        yield first ? CpuFeature.SSE : CpuFeature.SSE2;
      }
      default -> PLAIN_OF_SSE2.contains(opcode) ? CpuFeature.SSE2 : CpuFeature.SSE;
    };
  }
}
