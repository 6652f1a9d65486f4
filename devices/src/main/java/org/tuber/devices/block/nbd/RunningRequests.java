package org.tuber.devices.block.nbd;

import io.netty.channel.Channel;
import java.util.IdentityHashMap;

/**
 * The requests that a server carries out at the moment, by connection.
 *
 * <p>A client that has lost its connection makes another one, repeats what had no answer and goes
 * on. A request of the old connection that were carried out only then could undo a newer one. So
 * those that had not begun are dropped, and a new connection waits for those that had.
 */
final class RunningRequests {
  private final IdentityHashMap<Channel, Integer> running = new IdentityHashMap<>();

  /** Notes that a request begins; false if its client has gone and it must not. */
  synchronized boolean begin(Channel connection) {
    if (!connection.isActive()) {
      return false;
    }
    running.merge(connection, 1, Integer::sum);
    return true;
  }

  /** Notes that a request has ended. */
  synchronized void end(Channel connection) {
    running.computeIfPresent(connection, (c, n) -> n == 1 ? null : n - 1);
    notifyAll();
  }

  /** Returns once there are no requests of connections that are closed now. */
  synchronized void awaitAbandoned() throws InterruptedException {
    while (running.keySet().stream().anyMatch(c -> !c.isActive())) {
      wait();
    }
  }
}
