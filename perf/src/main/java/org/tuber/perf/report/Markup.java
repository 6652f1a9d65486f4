package org.tuber.perf.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/** Well-formed HTML or SVG, element by element. */
public final class Markup {
  private final StringBuilder out = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /** Opens an element; attributes are names and values in turn, numbers with two decimals. */
  public Markup open(String element, Object... attributes) {
    start(element, attributes).append('>');
    open.push(element);
    return this;
  }

  /** Closes the innermost element. */
  public Markup close() {
    out.append("</").append(open.pop()).append(">\n");
    return this;
  }

  /** An element without content. */
  public Markup empty(String element, Object... attributes) {
    start(element, attributes).append("/>\n");
    return this;
  }

  /** An element that holds text. */
  public Markup text(String element, String text, Object... attributes) {
    return open(element, attributes).say(text).close();
  }

  /** Text. */
  public Markup say(String text) {
    out.append(escape(text));
    return this;
  }

  /** What another one wrote. */
  public Markup add(Markup other) {
    out.append(other);
    return this;
  }

  private StringBuilder start(String element, Object... attributes) {
    out.append('<').append(element);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"");
      out.append(escape(value(attributes[i + 1]))).append('"');
    }
    return out;
  }

  private static String value(Object value) {
    if (value instanceof Double number) {
      String text = String.format(Locale.ROOT, "%.2f", number);
      return text.endsWith(".00") ? text.substring(0, text.length() - 3) : text;
    }
    return String.valueOf(value);
  }

  private static String escape(String text) {
    StringBuilder escaped = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '<' -> escaped.append("&lt;");
        case '>' -> escaped.append("&gt;");
        case '&' -> escaped.append("&amp;");
        case '"' -> escaped.append("&quot;");
        default -> escaped.append(c < ' ' && c != '\n' ? '?' : c);
      }
    }
    return escaped.toString();
  }

  @Override
  public String toString() {
    return out.toString();
  }

  /**
   * A whole page that needs nothing from elsewhere.
   *
   * @param body what another one wrote
   * @param script a program for the page, or an empty text; without {@code <} and {@code &}
   */
  public static String page(String title, Markup body, String script) {
    Markup page = new Markup();
    page.open("html", "lang", "en").open("head").empty("meta", "charset", "utf-8");
    page.text("title", title).open("style").say(STYLE).close().close();
    page.open("body").text("h1", title).add(body);
    if (!script.isEmpty()) {
      page.open("script").say(script).close();
    }
    return "<!DOCTYPE html>\n" + page.close().close();
  }

  private static final String STYLE =
      """
      body { font: 14px system-ui, sans-serif; margin: 2em auto; max-width: 1240px; color: #222; background: #fff }
      table { border-collapse: collapse; margin: 1em 0 }
      th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
      th:first-child, td:first-child { text-align: left }
      svg { display: block; margin: 1em 0 }
      svg text { font: 11px system-ui, sans-serif; fill: #222 }
      .plots { display: flex; flex-wrap: wrap; gap: 8px }
      .note { color: #666 }
      .bad { color: #b00 }
      """;
}
