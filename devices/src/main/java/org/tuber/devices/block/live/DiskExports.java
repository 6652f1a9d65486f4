package org.tuber.devices.block.live;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.nbd.NbdServer;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/** Images of a running machine on offer to NBD clients: one server, started and stopped at will. */
public final class DiskExports {
  /**
   * An image on offer.
   *
   * @param id for the one who manages them
   * @param name for clients
   */
  public record Offer(String id, String name, BlockNode node) {}

  private final Map<String, Offer> offers = new LinkedHashMap<>();
  private NbdServer server;

  /**
   * Starts the server.
   *
   * @param address of TCP or of a unix socket
   * @param maxClients at a time; 0: any number
   * @param tls credentials clients have to match; null: connections are not encrypted
   */
  public synchronized void start(SocketAddress address, int maxClients, TlsCredentials tls)
      throws IOException {
    if (server != null) {
      throw new IOException("NBD server already running");
    }
    NbdServer starting = new NbdServer(tls);
    if (maxClients > 0) {
      starting.withMaxClients(maxClients);
    }
    try {
      if (address instanceof UnixDomainSocketAddress socket) {
        starting.listen(socket.getPath());
      } else {
        starting.listen((InetSocketAddress) address);
      }
    } catch (IOException e) {
      starting.close();
      throw e;
    }
    server = starting;
  }

  /** True while the server runs. */
  public synchronized boolean isRunning() {
    return server != null;
  }

  /** Port listened on, if on TCP. */
  public synchronized int port() {
    return server.port();
  }

  private NbdServer running() throws IOException {
    if (server == null) {
      throw new IOException("NBD server not running");
    }
    return server;
  }

  /** Offers an image, its id the name for clients. */
  public void add(String name, BlockNode node, String description, boolean writable)
      throws IOException {
    add(new Offer(name, name, node), description, writable);
  }

  /** Offers an image. */
  public synchronized void add(Offer offer, String description, boolean writable)
      throws IOException {
    if (offers.containsKey(offer.id)) {
      throw new IOException("Block export id '" + offer.id + "' is already in use");
    }
    NbdServer s = running();
    if (offers.values().stream().anyMatch(o -> o.name.equals(offer.name))) {
      throw new IOException("NBD server already has export named '" + offer.name + "'");
    }
    if (writable && offer.node.isReadOnly()) {
      throw new IOException("Cannot export read-only node as writable");
    }
    offers.put(offer.id, offer);
    s.export(offer.name, new NbdServer.Export(offer.node, description, !writable));
  }

  /**
   * Withdraws an export.
   *
   * @param force also if clients use it, who then lose it
   */
  public synchronized void remove(String id, boolean force) throws IOException {
    Offer offer = offers.get(id);
    if (offer == null) {
      throw new IOException("Export '" + id + "' is not found");
    }
    NbdServer s = running();
    if (!force && s.clientsOf(offer.name) > 0) {
      throw new IOException("export '" + id + "' still in use");
    }
    s.withdraw(offer.name);
    s.disconnect(offer.name);
    offers.remove(id);
  }

  /** The exports, in the order they were added. */
  public synchronized List<Offer> list() {
    return new ArrayList<>(offers.values());
  }

  /** True if an image is on offer. */
  public synchronized boolean isOffered(BlockNode node) {
    return offers.values().stream().anyMatch(o -> o.node == node);
  }

  /** Stops the server; clients lose their exports. */
  public synchronized void stop() throws IOException {
    NbdServer s = running();
    server = null;
    offers.clear();
    s.close();
  }
}
