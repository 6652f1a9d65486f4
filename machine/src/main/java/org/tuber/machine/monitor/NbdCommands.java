package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.util.List;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.live.BlockNodes;
import org.tuber.devices.block.live.DiskExports;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.block.nbd.tls.TlsCredentials;
import org.tuber.machine.MachineParts;

/** QMP: drives and images offered to NBD clients. */
final class NbdCommands implements QmpTable.Family {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final int MAX_NAME_BYTES = 4096;

  private final MonitorDisks disks;
  private final BlockJobCommands.Publisher events;

  NbdCommands(MonitorDisks disks, BlockJobCommands.Publisher events) {
    this.disks = disks;
    this.events = events;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("nbd-server-start", this::start);
    table.add("nbd-server-add", this::add);
    table.add("nbd-server-remove", this::remove);
    table.add("nbd-server-stop", this::stop);
    table.add("block-export-add", this::addExport);
    table.add("block-export-del", this::deleteExport);
    table.add("query-block-exports", this::exports);
  }

  private DiskExports exports() {
    return disks.jobs().exports();
  }

  private JsonNode start(QmpArguments a) throws QmpException {
    QmpArguments addr = a.object("addr");
    String type = addr.text("type");
    QmpArguments data = addr.object("data");
    SocketAddress address =
        switch (type) {
          case "inet" -> inet(data);
          case "unix" -> unix(data);
          default ->
              throw new QmpException("Parameter 'type' does not accept value '" + type + "'");
        };
    data.end();
    addr.end();
    String credentials = a.text("tls-creds", null);
    long clients = a.number("max-connections", 0);
    a.end();
    if (clients < 0 || clients > Integer.MAX_VALUE) {
      throw new QmpException("Parameter 'max-connections' is out of range");
    }
    return MonitorDisks.plainly(
        () -> {
          TlsCredentials tls = credentials == null ? null : disks.jobs().objects().tls(credentials);
          exports().start(address, (int) clients, tls);
          return null;
        });
  }

  private static SocketAddress inet(QmpArguments data) throws QmpException {
    String host = data.text("host");
    String port = data.text("port");
    InetSocketAddress address;
    try {
      address = new InetSocketAddress(host, Integer.parseInt(port));
    } catch (IllegalArgumentException e) {
      throw new QmpException("invalid port '" + port + "'");
    }
    if (address.isUnresolved()) {
      throw new QmpException("address resolution failed for " + host + ":" + port);
    }
    return address;
  }

  private static SocketAddress unix(QmpArguments data) throws QmpException {
    String path = data.text("path");
    try {
      return UnixDomainSocketAddress.of(path);
    } catch (InvalidPathException e) {
      throw new QmpException("'" + path + "' is no path");
    }
  }

  private JsonNode add(QmpArguments a) throws QmpException {
    String device = a.text("device");
    String name = a.text("name", device);
    String description = a.text("description", "");
    boolean writable = a.flag("writable", false);
    String bitmap = a.text("bitmap", null);
    a.end();
    if (bitmap != null) {
      throw new QmpException("Bitmap '" + bitmap + "' cannot be exported");
    }
    if (!exports().isRunning()) {
      throw new QmpException("NBD server not running");
    }
    BlockNode node = node(device);
    offer(new DiskExports.Offer(name, name, node), device, description, writable);
    return null;
  }

  private void offer(DiskExports.Offer offer, String device, String description, boolean writable)
      throws QmpException {
    requireShort("export name", offer.name());
    requireShort("description", description);
    if (writable && offer.node() instanceof LiveDisk disk) {
      // The guest does not expect others to write to its disk.
      throw new QmpException(
          "Conflicts with use by "
              + device
              + " as 'root', which does not allow 'write' on "
              + disks.nodes().nameOf(disk.top()));
    }
    MonitorDisks.attempt(
        () -> {
          exports().add(offer, description, writable);
          return null;
        });
  }

  private static void requireShort(String what, String text) throws QmpException {
    if (text.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES) {
      throw new QmpException(what + " '" + text + "' too long");
    }
  }

  private JsonNode addExport(QmpArguments a) throws QmpException {
    String type = a.text("type");
    if (!type.equals("nbd")) {
      throw new QmpException("Parameter 'type' does not accept value '" + type + "'");
    }
    String id = a.text("id");
    String nodeName = a.text("node-name");
    String name = a.text("name", nodeName);
    String description = a.text("description", "");
    boolean writable = a.flag("writable", false);
    a.flag("writethrough", false);
    a.end();
    if (!id.matches("[A-Za-z][A-Za-z0-9_.-]*")) {
      throw new QmpException("Invalid block export id");
    }
    if (exports().list().stream().anyMatch(o -> o.id().equals(id))) {
      throw new QmpException("Block export id '" + id + "' is already in use");
    }
    BlockNode node = namedNode(nodeName);
    if (!exports().isRunning()) {
      throw new QmpException("NBD server not running");
    }
    offer(new DiskExports.Offer(id, name, node), nodeName, description, writable);
    return null;
  }

  /** The disk whose top image has that name, or an image that was opened by itself. */
  private BlockNode namedNode(String name) throws QmpException {
    if (disks.nodes().find(name) instanceof BlockNodes.Image i && i.disk() == null) {
      return i.image();
    }
    return disks.disk((String) null, name);
  }

  private JsonNode deleteExport(QmpArguments a) throws QmpException {
    String id = a.text("id");
    String mode = a.text("mode", "safe");
    a.end();
    withdraw(id, mode);
    return null;
  }

  private JsonNode exports(QmpArguments a) throws QmpException {
    a.end();
    ArrayNode all = JSON.arrayNode();
    for (DiskExports.Offer offer : exports().list()) {
      Object node = offer.node() instanceof LiveDisk disk ? disk.top() : offer.node();
      all.addObject()
          .put("node-name", disks.nodes().nameOf(node))
          .put("shutting-down", false)
          .put("type", "nbd")
          .put("id", offer.id());
    }
    return all;
  }

  /** A drive's disk, or an image that was opened by itself. */
  private BlockNode node(String device) throws QmpException {
    MachineParts.Drive d = disks.drive(device);
    if (d == null && disks.nodes().find(device) instanceof BlockNodes.Image i && i.disk() == null) {
      return i.image();
    }
    return disks.disk(device);
  }

  private JsonNode remove(QmpArguments a) throws QmpException {
    String name = a.text("name");
    String mode = a.text("mode", "safe");
    a.end();
    withdraw(name, mode);
    return null;
  }

  private void withdraw(String id, String mode) throws QmpException {
    if (!mode.equals("safe") && !mode.equals("hard")) {
      throw new QmpException("Parameter 'mode' does not accept value '" + mode + "'");
    }
    MonitorDisks.attempt(
        () -> {
          exports().remove(id, mode.equals("hard"));
          return null;
        });
    deleted(id);
  }

  private void deleted(String name) {
    events.publish("BLOCK_EXPORT_DELETED", JSON.objectNode().put("id", name));
  }

  private JsonNode stop(QmpArguments a) throws QmpException {
    a.end();
    List<DiskExports.Offer> ended = exports().list();
    MonitorDisks.attempt(
        () -> {
          exports().stop();
          return null;
        });
    ended.forEach(offer -> deleted(offer.id()));
    return null;
  }
}
