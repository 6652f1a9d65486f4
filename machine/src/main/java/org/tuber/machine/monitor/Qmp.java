package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;

/** QMP of one machine: its commands, and who hears of events. */
public final class Qmp {
  /**
   * The protocol's version as clients look at it: the QEMU whose commands and answers are the
   * model.
   */
  static final int MAJOR = 7;

  static final int MINOR = 2;
  static final int MICRO = 0;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final QmpTable table = new QmpTable();
  private final List<QmpSession> sessions = new CopyOnWriteArrayList<>();
  private final String program;

  /**
   * QMP with the commands of every machine.
   *
   * @param program who we are, e.g. {@code Tuber 0.1}
   */
  public Qmp(MachineRun machine, HumanMonitor human, String program) {
    this.program = program;
    add(new RunCommands(machine, this));
    add(new CpuCommands(machine));
    MonitorDisks disks = new MonitorDisks(machine);
    BlockJobCommands jobs = new BlockJobCommands(disks);
    BitmapCommands bitmaps = new BitmapCommands(disks);
    add(new BlockCommands(disks, this::publish));
    add(new ObjectCommands(disks));
    add(new BlockNodeCommands(disks));
    add(new BlockCreateCommands(disks));
    add(new NbdCommands(disks, this::publish));
    add(jobs);
    add(bitmaps);
    add(new BlockTransaction(disks, jobs, bitmaps));
    add(new InputCommands(machine));
    add(new DisplayCommands(machine));
    add(new HumanCommands(human));
    machine.addListener(this::happened);
    disks.jobs().addListener(BlockJobCommands.listener(this::publish));
  }

  /** Adds commands. */
  public void add(QmpTable.Family family) {
    family.addTo(table);
  }

  QmpTable table() {
    return table;
  }

  JsonNode version() {
    ObjectNode version = JSON.objectNode();
    version.set(
        "qemu", JSON.objectNode().put("micro", MICRO).put("minor", MINOR).put("major", MAJOR));
    return version.put("package", program);
  }

  void join(QmpSession session) {
    sessions.add(session);
  }

  void leave(QmpSession session) {
    sessions.remove(session);
  }

  /** One command at a time, whichever client it is from. */
  synchronized JsonNode run(String name, ObjectNode arguments) throws QmpException {
    return table.run(name, arguments);
  }

  /**
   * Tells all clients of an event.
   *
   * @param data what goes with it; null: nothing
   */
  public void publish(String event, ObjectNode data) {
    Instant now = Instant.now();
    ObjectNode message = JSON.objectNode();
    message.set(
        "timestamp",
        JSON.objectNode()
            .put("seconds", now.getEpochSecond())
            .put("microseconds", now.getNano() / 1000));
    message.put("event", event);
    if (data != null) {
      message.set("data", data);
    }
    for (QmpSession session : sessions) {
      session.event(message);
    }
  }

  private static ObjectNode reason(RunEvent.Cause cause) {
    return JSON.objectNode().put("guest", cause.isFromGuest()).put("reason", cause.word());
  }

  private void happened(RunEvent event) {
    switch (event) {
      case RunEvent.Resumed resumed -> publish("RESUME", null);
      case RunEvent.Stopped stopped -> publish("STOP", null);
      case RunEvent.Reset(RunEvent.Cause cause) -> publish("RESET", reason(cause));
      case RunEvent.PowerButton button -> publish("POWERDOWN", null);
      case RunEvent.ShutDown(RunEvent.Cause cause) -> publish("SHUTDOWN", reason(cause));
      case RunEvent.TrayMoved(String drive, String device, boolean open) ->
          publish(BlockCommands.TRAY_MOVED, BlockCommands.trayMoved(drive, device, open));
      case RunEvent.Caught caught -> {}
    }
  }

  /** The machine's state in QMP's words. */
  static String status(MachineRun machine) {
    return switch (machine.state()) {
      case RUNNING -> "running";
      case POWERED_OFF, ENDED -> "shutdown";
      case STOPPED ->
          switch (machine.rest()) {
            case PRELAUNCH -> "prelaunch";
            case PAUSED -> "paused";
            case DEBUG -> "debug";
          };
    };
  }
}
