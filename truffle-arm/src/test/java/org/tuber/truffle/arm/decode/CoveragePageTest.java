package org.tuber.truffle.arm.decode;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.arm.sys.CpuModel;

/**
 * {@code docs/a64-coverage.md}, the list of all rows and their state, is what this test makes of
 * them. {@code -Dtuber.rewrite=true} writes it.
 */
class CoveragePageTest {
  private static final Path PAGE =
      Path.of(System.getProperty("tuber.root", ".."), "docs/a64-coverage.md");

  @Test
  void pageListsEveryRow() throws IOException {
    String page = page();
    if (Boolean.getBoolean("tuber.rewrite")) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE)).as("docs/a64-coverage.md, see this test").isEqualTo(page);
  }

  private static String page() {
    List<Row> rows = new ArrayList<>(A64Rows.INSTANCE.rows());
    rows.sort(Comparator.comparing(Row::mnemonic).thenComparing(r -> r.diagram.replace(" ", "")));
    long implemented = rows.stream().filter(Row::isImplemented).count();
    StringBuilder b = new StringBuilder();
    b.append("# Coverage of the A64 index\n\n");
    b.append("Made from the decoder's rows by `CoveragePageTest`; not to be edited.\n\n");
    b.append("Rows: ").append(rows.size()).append(", of which ").append(implemented);
    b.append(" are implemented. Others are known and undefined. Not listed at all: SVE, SME, ");
    b.append("MTE, 64-byte loads and stores, MOPS.\n\n");
    b.append("Diagrams: `0` and `1` are fixed, `x` is ignored, letters are fields.\n\n");
    b.append("| Diagram | Assembler | Feature | Models | State |\n|---|---|---|---|---|\n");
    for (Row r : rows) {
      b.append("| `").append(r.diagram.replace(" ", "")).append("` | ");
      b.append('`').append(r.assembler.replace("|", "/")).append("` | ");
      b.append(r.feature() == null ? "" : r.feature().name()).append(" | ");
      b.append(models(r.feature())).append(" | ");
      b.append(r.isImplemented() ? "implemented" : "undefined").append(" |\n");
    }
    return b.toString();
  }

  private static String models(ArmFeature feature) {
    if (feature == null) {
      return "all";
    }
    List<String> names = new ArrayList<>();
    for (String name : CpuModel.names()) {
      if (CpuModel.of(Map.of("model", name)).has(feature)) {
        names.add(name);
      }
    }
    return names.isEmpty() ? "none" : String.join(", ", names);
  }
}
