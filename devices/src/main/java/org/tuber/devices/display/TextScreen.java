package org.tuber.devices.display;

/** What a text mode shows: characters of code page 437 with their colours, and the cursor. */
public final class TextScreen {
  private static final int ATTRIBUTE_SHIFT = 8;

  private int columns;
  private int rows;
  private int[] cells = {};
  private int cursor = -1;
  private boolean blank;

  /** An empty screen. */
  public TextScreen() {}

  /** Gives the screen its size; the cells have to be filled again. */
  public void resize(int newColumns, int newRows) {
    if (newColumns != columns || newRows != rows) {
      columns = newColumns;
      rows = newRows;
      cells = new int[newColumns * newRows];
    }
  }

  /** Sets a cell, counted row by row: a character and the VGA's attribute byte. */
  public void set(int cell, int character, int attribute) {
    cells[cell] = character | attribute << ATTRIBUTE_SHIFT;
  }

  /** Places the cursor; -1: not seen. */
  public void setCursor(int cell) {
    cursor = cell >= 0 && cell < cells.length ? cell : -1;
  }

  /** Says whether the picture is switched off. */
  public void setBlank(boolean value) {
    blank = value;
  }

  /** Characters in a row. */
  public int columns() {
    return columns;
  }

  /** Rows. */
  public int rows() {
    return rows;
  }

  /** The character at a cell. */
  public int character(int cell) {
    return cells[cell] & (1 << ATTRIBUTE_SHIFT) - 1;
  }

  /** Foreground colour in bits 3:0, background in 7:4. */
  public int attribute(int cell) {
    return cells[cell] >> ATTRIBUTE_SHIFT;
  }

  /** The cursor's cell, or -1. */
  public int cursor() {
    return cursor;
  }

  /** True when the picture is switched off. */
  public boolean isBlank() {
    return blank;
  }
}
