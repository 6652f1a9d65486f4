package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent.Cause;

/** QMP: the machine's life, and what it is. */
final class RunCommands implements QmpTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  static final String NO_UUID = "00000000-0000-0000-0000-000000000000";

  private final MachineRun machine;
  private final Qmp qmp;

  RunCommands(MachineRun machine, Qmp qmp) {
    this.machine = machine;
    this.qmp = qmp;
  }

  /** A command that takes no arguments and answers nothing. */
  private static QmpTable.Command simple(Runnable action) {
    return arguments -> {
      arguments.end();
      action.run();
      return null;
    };
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("stop", simple(machine::pause));
    table.add(
        "cont",
        arguments -> {
          arguments.end();
          if (machine.state() == MachineRun.State.POWERED_OFF) {
            throw new QmpException("Resetting the Virtual Machine is required");
          }
          machine.resume();
          return null;
        });
    table.add("system_reset", simple(() -> machine.requestReset(Cause.MONITOR_RESET)));
    table.add("system_powerdown", simple(machine::requestPowerOff));
    table.add("quit", simple(() -> machine.quit(0, Cause.MONITOR_QUIT)));
    table.add("inject-nmi", simple(machine::nmi));
    table.add(
        "query-status",
        arguments -> {
          arguments.end();
          boolean running = machine.state() == MachineRun.State.RUNNING;
          return JSON.objectNode()
              .put("status", Qmp.status(machine))
              .put("singlestep", false)
              .put("running", running);
        });
    table.add(
        "query-version",
        arguments -> {
          arguments.end();
          return qmp.version();
        });
    table.add(
        "query-kvm",
        arguments -> {
          arguments.end();
          return JSON.objectNode().put("enabled", false).put("present", false);
        });
    table.add(
        "query-name",
        arguments -> {
          arguments.end();
          String name = machine.parts().guestName();
          ObjectNode answer = JSON.objectNode();
          return name.isEmpty() ? answer : answer.put("name", name);
        });
    table.add(
        "query-uuid",
        arguments -> {
          arguments.end();
          return JSON.objectNode().put("UUID", NO_UUID);
        });
    table.add(
        "query-target",
        arguments -> {
          arguments.end();
          return JSON.objectNode().put("arch", machine.parts().architecture());
        });
    table.add(
        "query-commands",
        arguments -> {
          arguments.end();
          ArrayNode list = JSON.arrayNode();
          list.addObject().put("name", "qmp_capabilities");
          qmp.table().names().forEach(name -> list.addObject().put("name", name));
          return list;
        });
    table.add(
        "query-chardev",
        arguments -> {
          arguments.end();
          ArrayNode list = JSON.arrayNode();
          for (MachineParts.CharLine line : machine.parts().charLines()) {
            list.addObject()
                .put("frontend-open", true)
                .put("filename", line.host())
                .put("label", line.label());
          }
          return list;
        });
  }
}
