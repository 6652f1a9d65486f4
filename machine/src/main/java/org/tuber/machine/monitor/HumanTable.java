package org.tuber.machine.monitor;

import java.util.Map;
import java.util.TreeMap;

/** The commands of the human monitor by name. */
public final class HumanTable {
  /** What a command does. */
  @FunctionalInterface
  public interface Command {
    /**
     * Does it. Not under the device lock.
     *
     * @param arguments what followed the name, without blanks around
     * @return what people read, lines ended by a line feed
     * @throws QmpException when it cannot be done; the message is for people
     */
    String run(String arguments) throws QmpException;
  }

  /** Commands that belong together. */
  @FunctionalInterface
  public interface Family {
    /** Adds them. */
    void addTo(HumanTable table);
  }

  record Entry(String usage, String help, Command command) {}

  private final Map<String, Entry> commands = new TreeMap<>();
  private final Map<String, String> synonyms = new TreeMap<>();

  /**
   * Adds a command.
   *
   * @param name one word, or {@code info} and another
   * @param usage arguments in the help text
   */
  public void add(String name, String usage, String help, Command command) {
    if (commands.put(name, new Entry(usage, help, command)) != null) {
      throw new IllegalArgumentException("two commands are named " + name);
    }
  }

  /** Adds another name of a command. */
  public void synonym(String other, String name) {
    synonyms.put(other, name);
  }

  Entry find(String name) {
    return commands.get(synonyms.getOrDefault(name, name));
  }

  /** Everything there is, one command a line. */
  String help(String about) {
    StringBuilder text = new StringBuilder();
    commands.forEach(
        (name, entry) -> {
          boolean wanted =
              about.isEmpty()
                  || name.equals(synonyms.getOrDefault(about, about))
                  || about.equals("info") && name.startsWith("info ");
          if (wanted) {
            String head = entry.usage.isEmpty() ? name : name + " " + entry.usage;
            text.append(head).append(" -- ").append(entry.help).append('\n');
          }
        });
    return text.isEmpty() ? "unknown command: '" + about + "'\n" : text.toString();
  }
}
