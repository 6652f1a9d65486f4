package org.tuber.devices.block.nbd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/**
 * A process with our server, for tests that kill it.
 *
 * <p>Arguments: unix socket, image, format.
 */
public final class ServedDisk {
  private ServedDisk() {}

  /** Serves until the process dies; the image is closed when it is asked to end. */
  public static void main(String[] args) throws Exception {
    var node = Images.open(args[1], OpenOptions.readWrite().withFormat(args[2]));
    NbdServer server = new NbdServer();
    server.export("", new NbdServer.Export(node, "", false));
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    server.close();
                    node.close();
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                }));
    server.listen(Path.of(args[0]));
    Thread.currentThread().join();
  }
}
