package org.tuber.perf.report;

import java.util.ArrayList;
import java.util.List;

/** A table for the terminal: first column to the left, the others to the right. */
public final class Table {
  private static final String GAP = "  ";

  private final int columns;
  private final List<String[]> rows = new ArrayList<>();

  /** A table with these headings. */
  public Table(String... headings) {
    columns = headings.length;
    rows.add(headings);
  }

  /** Adds a row; an absent value is shown as {@code -}. */
  public Table row(String... cells) {
    if (cells.length != columns) {
      throw new IllegalArgumentException(cells.length + " cells in " + columns + " columns");
    }
    rows.add(cells);
    return this;
  }

  @Override
  public String toString() {
    int[] widths = new int[columns];
    for (String[] row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], text(row[i]).length());
      }
    }
    StringBuilder out = new StringBuilder();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        String text = text(row[i]);
        String blank = " ".repeat(widths[i] - text.length());
        line.append(i == 0 ? text + blank : GAP + blank + text);
      }
      out.append(line.toString().stripTrailing()).append('\n');
    }
    return out.toString();
  }

  /** The same for a page. */
  public Markup html() {
    Markup table = new Markup().open("table");
    for (int i = 0; i < rows.size(); i++) {
      table.open("tr");
      for (String cell : rows.get(i)) {
        table.text(i == 0 ? "th" : "td", text(cell));
      }
      table.close();
    }
    return table.close();
  }

  private static String text(String cell) {
    return cell == null ? "-" : cell;
  }
}
