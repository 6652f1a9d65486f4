package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.node.TextNode;

/** QMP: commands of the human monitor. */
final class HumanCommands implements QmpTable.Family {
  private final HumanMonitor human;

  HumanCommands(HumanMonitor human) {
    this.human = human;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add(
        "human-monitor-command",
        arguments -> {
          String line = arguments.text("command-line");
          arguments.number("cpu-index", 0);
          arguments.end();
          return TextNode.valueOf(human.execute(line).replace("\n", "\r\n"));
        });
  }
}
