package org.tuber.machine.remote;

import java.net.InetSocketAddress;
import java.net.SocketAddress;

/**
 * A socket as after {@code -qmp}, {@code -monitor}, {@code -gdb} or {@code -chardev socket}.
 *
 * @param address TCP or Unix domain
 * @param server listens instead of connecting
 * @param waits the machine starts only when somebody has connected
 */
public record SocketTarget(SocketAddress address, boolean server, boolean waits) {
  /** The address in few words. */
  @Override
  public String toString() {
    String role = server ? ",server=on" : "";
    return address instanceof InetSocketAddress tcp
        ? "tcp:" + tcp.getHostString() + ":" + tcp.getPort() + role
        : "unix:" + address + role;
  }
}
