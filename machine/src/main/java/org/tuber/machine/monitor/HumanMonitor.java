package org.tuber.machine.monitor;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.machine.MachineRun;

/** The monitor for people: one line in, some lines out. Names and formats are QEMU's. */
public final class HumanMonitor {
  private static final Logger LOG = LoggerFactory.getLogger(HumanMonitor.class);

  private final HumanTable table = new HumanTable();

  /**
   * A monitor with the commands of every machine.
   *
   * @param version what {@code info version} says
   */
  public HumanMonitor(MachineRun machine, String version) {
    CpuChoice choice = new CpuChoice(machine);
    add(new HumanRun(machine));
    add(new HumanInfo(machine, choice, version));
    add(new HumanMemory(machine, choice));
    add(new HumanDevices(machine));
    add(new HumanInterrupts(machine, choice));
    add(new HumanBlock(new MonitorDisks(machine)));
    table.add("help", "[command]", "this list", table::help);
    table.synonym("?", "help");
  }

  /** Adds commands. */
  public void add(HumanTable.Family family) {
    family.addTo(table);
  }

  /** Does one command and gives its answer, lines ended by a line feed. */
  public synchronized String execute(String line) {
    String command = line.strip();
    if (command.isEmpty()) {
      return "";
    }
    String[] words = command.split("\\s+", 3);
    String name = words[0];
    if (name.equals("info")) {
      if (words.length == 1) {
        return table.help("info");
      }
      name = "info " + words[1];
    } else if (name.indexOf('/') > 0) {
      name = name.substring(0, name.indexOf('/')); // x/4xw
    }
    HumanTable.Entry entry = table.find(name);
    if (entry == null) {
      return "unknown command: '" + name + "'\n";
    }
    try {
      String given = command.replaceFirst("^info\\s+", "info ");
      return entry.command().run(given.substring(name.length()).strip());
    } catch (QmpException e) {
      return e.getMessage() + "\n";
    } catch (RuntimeException e) {
      LOG.error("monitor: {}", command, e);
      return "internal error\n";
    }
  }
}
