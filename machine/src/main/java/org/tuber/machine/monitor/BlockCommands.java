package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Set;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.MachineRun;
import org.tuber.machine.monitor.QmpException.Kind;

/** QMP: drives and their media. */
final class BlockCommands implements QmpTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final Set<String> MODES = Set.of("retain", "read-only", "read-write");

  private final MachineRun machine;
  private final Qmp qmp;

  BlockCommands(MachineRun machine, Qmp qmp) {
    this.machine = machine;
    this.qmp = qmp;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("query-block", this::query);
    table.add("eject", this::eject);
    table.add("blockdev-change-medium", this::change);
  }

  private JsonNode query(QmpArguments arguments) throws QmpException {
    arguments.end();
    ArrayNode list = JSON.arrayNode();
    for (MachineParts.Drive d : machine.parts().drives()) {
      ObjectNode drive = list.addObject();
      if (d.removable()) {
        drive.put("io-status", "ok");
      }
      drive.put("device", d.name());
      drive.put("locked", false);
      drive.put("removable", d.removable());
      if (d.bytes() >= 0) {
        drive.set("inserted", inserted(d));
      }
      drive.put("qdev", d.device());
      if (d.removable()) {
        drive.put("tray_open", false);
      }
      drive.put("type", "unknown");
    }
    return list;
  }

  private static ObjectNode inserted(MachineParts.Drive d) {
    boolean direct = Set.of("none", "directsync").contains(d.option().cache());
    ObjectNode image =
        JSON.objectNode()
            .put("virtual-size", d.bytes())
            .put("filename", d.option().file())
            .put("format", d.format());
    ObjectNode inserted =
        JSON.objectNode()
            .put("ro", d.option().readOnly())
            .put("drv", d.format())
            .put("file", d.option().file())
            .put("encrypted", false)
            .put("backing_file_depth", 0)
            .put("detect_zeroes", "off")
            .put("write_threshold", 0);
    for (String limit : new String[] {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"}) {
      inserted.put(limit, 0);
    }
    inserted.set("image", image);
    inserted.set(
        "cache",
        JSON.objectNode()
            .put("no-flush", d.option().cache().equals("unsafe"))
            .put("direct", direct)
            .put("writeback", !d.option().cache().endsWith("through")));
    return inserted;
  }

  /** The drive that {@code device} or {@code id} names. */
  private MachineParts.Drive drive(QmpArguments arguments) throws QmpException {
    String name = arguments.text("id", null);
    String device = arguments.text("device", null);
    if ((name == null) == (device == null)) {
      throw new QmpException("Need exactly one of 'device' and 'id'");
    }
    String wanted = name == null ? device : name;
    for (MachineParts.Drive d : machine.parts().drives()) {
      if (d.name().equals(wanted) || d.device().equals(wanted)) {
        return d;
      }
    }
    throw new QmpException(Kind.DEVICE_NOT_FOUND, "Device '" + wanted + "' not found");
  }

  private JsonNode eject(QmpArguments arguments) throws QmpException {
    MachineParts.Drive d = drive(arguments);
    boolean force = arguments.flag("force", false);
    arguments.end();
    try {
      machine.parts().eject(d.name(), force);
    } catch (MachineException e) {
      throw new QmpException(e.getMessage());
    }
    trayMoved(d, true);
    return null;
  }

  private JsonNode change(QmpArguments arguments) throws QmpException {
    MachineParts.Drive d = drive(arguments);
    String file = arguments.text("filename");
    String format = arguments.text("format", null);
    String mode = arguments.text("read-only-mode", "retain");
    arguments.flag("force", false);
    arguments.end();
    if (!MODES.contains(mode)) {
      throw new QmpException("Parameter 'read-only-mode' does not accept value '" + mode + "'");
    }
    try {
      machine.parts().change(d.name(), file, format);
    } catch (MachineException e) {
      throw new QmpException(e.getMessage());
    }
    trayMoved(d, true);
    trayMoved(d, false);
    return null;
  }

  private void trayMoved(MachineParts.Drive d, boolean open) {
    qmp.publish(
        "DEVICE_TRAY_MOVED",
        JSON.objectNode().put("device", d.name()).put("tray-open", open).put("id", d.device()));
  }
}
