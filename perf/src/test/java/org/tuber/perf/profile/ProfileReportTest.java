package org.tuber.perf.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.perf.report.Pages;

class ProfileReportTest {
  private static final String TEXT =
      """
      tuber-profile 1
      period 4000000
      wall 2000000000
      string 0
      string 1 program a<b
      string 2 /no/such/lib
      region 0 CLASS 12.5 30 true 400 5 6 7 8 9 1000:10:20:30 2000:10:20:90
      range 2 2000 3000 0
      sample 10 INTERPRETER -1 0:1004;0:5000
      sample 30 CLASS 0 0:1000;1:0
      sample 5 SYSTEM -1 2:10;1:0
      bucket 1.0 WAITING=1 INTERPRETER=10 CLASS=30 TRUFFLE=0 SYSTEM=5 cpu.C2=500000000
      bucket 2.0 WAITING=4 INTERPRETER=0 CLASS=0 TRUFFLE=0 SYSTEM=0 cpu.C2=250000000
      stack 3 guest
      stack 1 system calls
      """;

  @TempDir Path folder;

  private ProfileData data() throws IOException {
    Path file = folder.resolve("profile");
    Files.writeString(file, TEXT);
    return ProfileData.read(file);
  }

  private Symbolizer symbolizer() throws IOException {
    Path map = folder.resolve("map");
    Files.writeString(map, "1000 T inner\n5000 T outer\n6000 T end\n");
    return new Symbolizer(List.of(map.toString()), List.of());
  }

  @Test
  void linesAreRead() throws Exception {
    ProfileData data = data();
    assertThat(data.periodSeconds).isEqualTo(0.004);
    assertThat(data.regions.get(0).exits()).containsExactly(5, 6, 7, 8, 9);
    assertThat(data.regions.get(0).entries()).isEqualTo(35);
    assertThat(data.regions.get(0).isInvalidated()).isTrue();
    assertThat(data.samples).hasSize(3);
    assertThat(data.samples.get(0).frames()).hasSize(2);
    assertThat(data.threads()).containsEntry("C2", 0.75);
    assertThat(data.tiers()).containsEntry("WAITING", 5).containsEntry("CLASS", 30);
    assertThat(data.located(0x2010)).isEqualTo(new ProfileData.Frame("/no/such/lib", 0x10));
    Path other = folder.resolve("other");
    Files.writeString(other, "something\n");
    assertThatThrownBy(() -> ProfileData.read(other)).isInstanceOf(IOException.class);
  }

  @Test
  void aRegionsSamplesAreSpreadOverItsFunctions() throws Exception {
    CallTree tree = new CallTree(data(), symbolizer());
    assertThat(tree.root.total()).isCloseTo(45, within(1e-9));
    CallTree.Node program = tree.root.children.get("a<b");
    // A quarter of the region's work was in "inner", the rest in a library without names.
    CallTree.Node inner = program.children.get("inner");
    assertThat(inner.self).isCloseTo(7.5, within(1e-9));
    assertThat(inner.children.get("[lib+0x000]").self).isCloseTo(22.5, within(1e-9));
    assertThat(tree.root.children.get("outer").children.get("inner").self).isEqualTo(10);
    assertThat(tree.functions().get(0).name()).isEqualTo("[lib+0x000]");
    assertThat(tree.name(data().regions.get(0))).isEqualTo("[lib+0x000]");
  }

  @Test
  void pageIsWellFormed() throws Exception {
    ProfileData data = data();
    ProfileReport report =
        new ProfileReport(Map.of("command", "a & b"), data, new CallTree(data, symbolizer()));
    var page = Pages.parse(report.html());
    assertThat(page.getElementsByTagName("svg").getLength()).isEqualTo(2);
    assertThat(page.getElementsByTagName("title").item(1).getTextContent())
        .startsWith("all, 100.0 %");
    // The page's program must pass through unchanged: as HTML it is not unescaped.
    assertThat(report.html()).contains(FlameGraph.SCRIPT.strip());
    assertThat(report.text()).contains("interpreting", "inner", "C2");
    assertThat(report.json().at("/regions/0/exits/miss").asInt()).isEqualTo(6);
  }
}
