package org.tuber.truffle.arm.decode;

import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.truffle.arm.a64.insn.Unallocated;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.engine.Block;

/**
 * Decodes one block of A64 instructions by the rows of {@link A64Rows}. A block stays on one page
 * and is made for one mode of the CPU, see {@link ArmCpu#mode}.
 */
public final class Decoder {
  private static final Logger LOG = LoggerFactory.getLogger(Decoder.class);
  private static final int MAX_REPORTS = 256;
  private static final Set<String> REPORTED = ConcurrentHashMap.newKeySet();

  private final ArmCpu cpu;
  private final long blockPc;
  private final int mode;
  private long[] code = new long[32];
  private int count;
  private int producer = Nzcv.PRODUCER_UNKNOWN;

  /** A decoder for the block at {@code pc}. */
  public Decoder(ArmCpu cpu, long pc) {
    this.cpu = cpu;
    this.blockPc = pc;
    this.mode = cpu.mode;
  }

  /** Decodes up to {@code maxInstructions}. */
  public Block decode(int maxInstructions) {
    if ((blockPc & 3) != 0) {
      throw cpu.pcAlignment(blockPc);
    }
    while (count < maxInstructions) {
      long pc = blockPc + 4L * count;
      if (count > 0 && (pc & 4095) == 0) {
        break;
      }
      int insn = cpu.fetch32(pc);
      if ((mode & ArmCpu.MODE_BTYPE) != 0) {
        append(Unallocated.LANDING, insn & 0xffff_ffffL);
        return finish(Block.SYSTEM);
      }
      Row row = A64Rows.INSTANCE.find(insn);
      int trap = trap(row, insn);
      int kind = trap >= 0 ? Block.SYSTEM : row.kind;
      if (kind == Block.SYSTEM && count > 0) {
        break;
      }
      if (trap >= 0) {
        append(trap, insn & 0xffff_ffffL);
      } else {
        append(row.w0(insn, producer) | checks(row, insn), row.w1(insn, pc, blockPc));
        producer = row.producerAfter(producer);
      }
      if (kind != Block.FALL) {
        return finish(kind);
      }
    }
    return finish(Block.FALL);
  }

  /** Operation that stands in for {@code insn}, or -1 when it may run as it is. */
  private int trap(Row row, int insn) {
    if (row == null) {
      return Unallocated.UNDEFINED;
    }
    if (row.feature() != null && !cpu.model.has(row.feature())) {
      return Unallocated.UNDEFINED;
    }
    if (!row.isImplemented()) {
      report(row, insn);
      return Unallocated.UNDEFINED;
    }
    if (row.isFloat && (mode & ArmCpu.MODE_FP_TRAP) != 0) {
      return Unallocated.FP_TRAP;
    }
    boolean isIndirect = row.kind == Block.JUMP_INDIRECT || row.kind == Block.CALL_INDIRECT;
    if (isIndirect && (mode & ArmCpu.MODE_BTI) != 0) {
      return Unallocated.GUARDED_BRANCH;
    }
    return -1;
  }

  private long checks(Row row, int insn) {
    if (!row.accessesMemory) {
      return row.isFloat && (mode & ArmCpu.MODE_FPCR) != 0 ? Word.CHECK_FPCR : 0;
    }
    long w = (mode & ArmCpu.MODE_ALIGN) != 0 ? Word.CHECK_ALIGNMENT : 0;
    if ((mode & ArmCpu.MODE_CHECK_SP) != 0 && row.get(insn, 'N') == ArmState.SP) {
      w |= Word.CHECK_SP;
    }
    return w;
  }

  private void report(Row row, int insn) {
    if (REPORTED.size() < MAX_REPORTS && REPORTED.add(row.assembler)) {
      LOG.warn(
          "{} ({}) at 0x{} is not implemented: undefined",
          row.assembler,
          Integer.toHexString(insn),
          Long.toHexString(blockPc + 4L * count));
    }
  }

  private void append(long w0, long w1) {
    if (2 * count == code.length) {
      code = Arrays.copyOf(code, 2 * code.length);
    }
    code[2 * count] = w0 | 4L * count << Word.OFFSET_SHIFT;
    code[2 * count + 1] = w1;
    count++;
  }

  private Block finish(int kind) {
    long[] words = Arrays.copyOf(code, 2 * count);
    // Direct branches have their target as immediate; TBZ has a bit number in w0 beside it.
    long taken = Block.isDirect(kind) ? blockPc + words[words.length - 1] : 0;
    long fall = blockPc + 4L * count;
    return new Block(blockPc, mode, words, kind, taken, fall, 4 * count, -1);
  }
}
