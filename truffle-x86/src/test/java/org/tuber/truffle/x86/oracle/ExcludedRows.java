package org.tuber.truffle.x86.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.tuber.truffle.x86.sys.CpuFeature;

/** Rows that the oracle cannot judge, by mnemonic, each with its reason. */
final class ExcludedRows {
  private static final Map<String, String> REASONS = new TreeMap<>();

  static {
    String identity = "tells one processor from another";
    for (String m : new String[] {"cpuid", "rdtsc", "rdtscp", "rdpid", "xgetbv", "rdpmc"}) {
      REASONS.put(m, identity);
    }
    for (String m : new String[] {"rdrand", "rdseed"}) {
      REASONS.put(m, "random");
    }
    String kernel = "enters the host's kernel";
    for (String m : new String[] {"syscall", "sysenter"}) {
      REASONS.put(m, kernel);
    }
    REASONS.put("int1", "hypervisors disagree on whether it is a trap or a fault");
    String umip = "the host's kernel answers in the processor's place (UMIP)";
    for (String m : new String[] {"sgdt", "sidt", "sldt", "str", "smsw"}) {
      REASONS.put(m, umip);
    }
    String selectors = "depends on the host kernel's descriptors";
    for (String m :
        new String[] {
          "lar", "lsl", "verr", "verw", "lfs", "lgs", "lss", "jmpf", "callf", "retf", "iret"
        }) {
      REASONS.put(m, selectors);
    }
  }

  private ExcludedRows() {}

  /** Without the rows that the host's processor does not have; says which. */
  static List<Encoding> runnable(List<Encoding> rows) {
    Set<String> flags = HostCpu.cpuFlags();
    Map<String, Integer> missing = new TreeMap<>();
    List<Encoding> list = new ArrayList<>();
    for (Encoding e : rows) {
      String feature = CpuFeature.nameInRow(e.row.attributes);
      if (feature == null || flags.contains(feature)) {
        list.add(e);
      } else {
        missing.merge(feature, 1, Integer::sum);
      }
    }
    if (!missing.isEmpty()) {
      System.out.println("rows skipped because this processor lacks " + missing);
    }
    return list;
  }

  /** Why a row is not tested; null: it is. */
  static String reason(Encoding e) {
    return REASONS.get(e.mnemonic());
  }
}
