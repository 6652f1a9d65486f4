package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** The commands of QMP by name. */
public final class QmpTable {
  /** What a command does. */
  @FunctionalInterface
  public interface Command {
    /**
     * Does it. Not under the device lock.
     *
     * @return the answer; null stands for an empty object
     */
    JsonNode run(QmpArguments arguments) throws QmpException;
  }

  /** Commands that belong together. */
  @FunctionalInterface
  public interface Family {
    /** Adds them. */
    void addTo(QmpTable table);
  }

  private final SortedMap<String, Command> commands = new TreeMap<>();

  /** Adds a command. */
  public void add(String name, Command command) {
    if (commands.put(name, command) != null) {
      throw new IllegalArgumentException("two commands are named " + name);
    }
  }

  /** All names in order. */
  public Set<String> names() {
    return commands.keySet();
  }

  /** Does one command. */
  JsonNode run(String name, ObjectNode arguments) throws QmpException {
    Command command = commands.get(name);
    if (command == null) {
      throw new QmpException(
          QmpException.Kind.COMMAND_NOT_FOUND, "The command " + name + " has not been found");
    }
    return command.run(new QmpArguments(arguments));
  }
}
