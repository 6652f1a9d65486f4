package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.tuber.machine.MachineParts;

/** The human monitor: drives offered to NBD clients, by QMP's commands with other words. */
final class HumanNbd implements HumanTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  /** Carries out a command of QMP. */
  interface Asker {
    String ask(String command, ObjectNode arguments) throws QmpException;
  }

  private final MonitorDisks disks;
  private final Asker qmp;

  HumanNbd(MonitorDisks disks, Asker qmp) {
    this.disks = disks;
    this.qmp = qmp;
  }

  @Override
  public void addTo(HumanTable table) {
    table.add("nbd_server_start", "[-a] [-w] host:port", "serve disks to NBD clients", this::start);
    table.add("nbd_server_add", "[-w] device [name]", "offer a disk", this::add);
    table.add("nbd_server_remove", "[-f] name", "withdraw a disk", this::remove);
    table.add(
        "nbd_server_stop",
        "",
        "stop serving disks",
        text -> qmp.ask("nbd-server-stop", JSON.objectNode()));
  }

  private static List<String> words(String text) {
    return text.isBlank()
        ? new ArrayList<>()
        : new ArrayList<>(List.of(text.strip().split("\\s+", -1)));
  }

  private static String first(List<String> words, String name) throws QmpException {
    if (words.isEmpty()) {
      throw new QmpException("Error: Parameter '" + name + "' is missing");
    }
    return words.getFirst();
  }

  private String start(String text) throws QmpException {
    List<String> w = words(text);
    final boolean all = w.remove("-a");
    final boolean writable = w.remove("-w");
    String uri = first(w, "uri");
    if (writable && !all) {
      throw new QmpException("Error: -w only valid together with -a");
    }
    ObjectNode address = JSON.objectNode();
    if (uri.startsWith("unix:")) {
      address.put("type", "unix").putObject("data").put("path", uri.substring(5));
    } else {
      int colon = uri.lastIndexOf(':');
      if (colon < 0) {
        throw new QmpException("Error: error parsing address '" + uri + "'");
      }
      String host = uri.substring(0, colon).replaceAll("^\\[|\\]$", "");
      ObjectNode data = address.put("type", "inet").putObject("data");
      data.put("host", host.isEmpty() ? "0.0.0.0" : host).put("port", uri.substring(colon + 1));
    }
    ObjectNode o = JSON.objectNode();
    o.set("addr", address);
    qmp.ask("nbd-server-start", o);
    if (!all) {
      return "";
    }
    try {
      for (MachineParts.Drive d : disks.parts().drives()) {
        if (d.disk() != null) {
          add(d.name(), null, writable && !d.disk().isReadOnly());
        }
      }
    } catch (QmpException e) {
      // All or nothing.
      qmp.ask("nbd-server-stop", JSON.objectNode());
      throw e;
    }
    return "";
  }

  private String add(String text) throws QmpException {
    List<String> w = words(text);
    boolean writable = w.remove("-w");
    String device = first(w, "device");
    return add(device, w.size() > 1 ? w.get(1) : null, writable);
  }

  private String add(String device, String name, boolean writable) throws QmpException {
    ObjectNode o = JSON.objectNode().put("device", device).put("writable", writable);
    if (name != null) {
      o.put("name", name);
    }
    return qmp.ask("nbd-server-add", o);
  }

  private String remove(String text) throws QmpException {
    List<String> w = words(text);
    boolean force = w.remove("-f");
    ObjectNode o = JSON.objectNode().put("name", first(w, "name"));
    return qmp.ask("nbd-server-remove", o.put("mode", force ? "hard" : "safe"));
  }
}
