package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageObjects;

/** QMP: passphrases and credentials that come and go while the machine runs. */
final class ObjectCommands implements QmpTable.Family {
  private final MonitorDisks disks;

  ObjectCommands(MonitorDisks disks) {
    this.disks = disks;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("object-add", this::add);
    table.add("object-del", this::delete);
  }

  private ImageObjects objects() {
    return disks.jobs().objects();
  }

  private JsonNode add(QmpArguments a) throws QmpException {
    String type = a.text("qom-type");
    String id = a.text("id");
    Map<String, String> properties = new LinkedHashMap<>();
    for (String name : a.others()) {
      properties.put(name, a.word(name));
    }
    return change(() -> objects().add(type, id, properties));
  }

  private JsonNode delete(QmpArguments a) throws QmpException {
    String id = a.text("id");
    a.end();
    return change(() -> objects().remove(id));
  }

  private interface Change {
    void make() throws IOException;
  }

  /** The object is named by what is wrong with it. */
  private static JsonNode change(Change change) throws QmpException {
    try {
      change.make();
      return null;
    } catch (ImageException e) {
      throw new QmpException(e.problem());
    } catch (IOException e) {
      throw new QmpException(e.toString());
    }
  }
}
