package org.tuber.perf.profile;

import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import org.tuber.perf.report.Markup;

/** A call tree as boxes: as wide as their samples, callers above, coloured by tier. */
final class FlameGraph {
  /** Colours of the tiers. */
  static final Map<String, String> COLOURS =
      Map.of(
          "INTERPRETER", "#e8a33d",
          "CLASS", "#7fb069",
          "TRUFFLE", "#5b8fc7",
          "SYSTEM", "#c05746",
          "WAITING", "#cccccc");

  /** Makes a box the whole width when it is clicked; the first box shows all again. */
  static final String SCRIPT =
      """
      var boxes = document.querySelectorAll('svg.flame g');
      function zoom(from, part) {
        boxes.forEach(function (g) {
          var left = Math.max(0, (g.dataset.x - from) / part) * 1200;
          var right = Math.min(1, (1 * g.dataset.x + 1 * g.dataset.w - from) / part) * 1200;
          var width = Math.max(0, right - left);
          g.style.display = width ? '' : 'none';
          g.children[0].setAttribute('x', left);
          g.children[0].setAttribute('width', Math.max(0.3, width - 0.5));
          g.children[1].setAttribute('x', left + 3);
          g.children[1].textContent = g.dataset.name.substring(0, Math.floor((width - 4) / 6.5));
        });
      }
      boxes.forEach(function (g) {
        g.addEventListener('click', function () { zoom(1 * g.dataset.x, 1 * g.dataset.w); });
      });
      """;

  private static final double WIDTH = 1200;
  private static final int ROW = 17;
  private static final double CHARACTER = 6.5;

  /** Boxes that are narrower are left out. */
  private static final double LEAST = 0.4;

  private final Markup svg = new Markup();
  private final double all;

  private FlameGraph(double all) {
    this.all = all;
  }

  static Markup of(CallTree tree) {
    double all = tree.root.total();
    FlameGraph graph = new FlameGraph(all);
    int height = (depth(tree.root, all) + 1) * ROW;
    graph.svg.open("svg", "class", "flame", "width", WIDTH, "height", height);
    if (all > 0) {
      graph.box(tree.root, 0, 0);
    }
    return graph.svg.close();
  }

  private static int depth(CallTree.Node node, double all) {
    return 1
        + node.children.values().stream()
            .filter(child -> child.total() / all * WIDTH >= LEAST)
            .mapToInt(child -> depth(child, all))
            .max()
            .orElse(0);
  }

  private void box(CallTree.Node node, double from, int row) {
    double width = node.total() / all * WIDTH;
    if (width < LEAST) {
      return;
    }
    String part = String.format(Locale.ROOT, "%.1f %%", 100 * node.total() / all);
    svg.open(
        "g",
        "data-x",
        String.format(Locale.ROOT, "%.6f", from / WIDTH),
        "data-w",
        String.format(Locale.ROOT, "%.6f", width / WIDTH),
        "data-name",
        node.name);
    svg.open(
        "rect",
        "x",
        from,
        "y",
        row * ROW,
        "width",
        Math.max(0.3, width - 0.5),
        "height",
        ROW - 1,
        "fill",
        COLOURS.getOrDefault(node.tier(), "#ddd"));
    svg.text("title", node.name + ", " + part + ", mostly " + node.tier()).close();
    int room = (int) ((width - 4) / CHARACTER);
    String label = node.name.substring(0, Math.max(0, Math.min(room, node.name.length())));
    svg.text("text", label, "x", from + 3, "y", row * ROW + 12, "pointer-events", "none");
    svg.close();
    double at = from;
    for (CallTree.Node child :
        node.children.values().stream()
            .sorted(Comparator.comparingDouble((CallTree.Node n) -> -n.total()))
            .toList()) {
      box(child, at, row + 1);
      at += child.total() / all * WIDTH;
    }
  }
}
