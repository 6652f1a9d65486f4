package org.tuber.machine.gdb;

import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import org.tuber.machine.MachineRun;
import org.tuber.machine.remote.HostSocket;
import org.tuber.machine.remote.SocketTarget;

/** Lets GDB in: {@code -gdb}, {@code -s}. One debugger at a time; another is turned away. */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
public final class GdbServer implements Closeable {
  private final HostSocket socket;

  private GdbServer(HostSocket socket) {
    this.socket = socket;
  }

  /**
   * Starts a server.
   *
   * @param monitor does a command of the human monitor and gives its answer
   * @throws IOException when the address cannot be used
   */
  public static GdbServer open(
      SocketTarget target, MachineRun machine, UnaryOperator<String> monitor) throws IOException {
    AtomicBoolean taken = new AtomicBoolean();
    return new GdbServer(
        HostSocket.open(
            "gdb",
            target,
            pipeline -> {
              if (!taken.compareAndSet(false, true)) {
                pipeline.channel().close();
                return;
              }
              GdbCodec codec = new GdbCodec();
              pipeline.addLast("packets", codec);
              pipeline.addLast(
                  "session", new GdbSession(machine, codec, monitor, () -> taken.set(false)));
            }));
  }

  /** Port listened on. */
  public int port() {
    return socket.port();
  }

  @Override
  public void close() {
    socket.close();
  }
}
