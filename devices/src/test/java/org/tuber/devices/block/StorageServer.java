package org.tuber.devices.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A real server of storage on this machine, which a script beside the test starts and ends. */
public final class StorageServer implements AutoCloseable {
  private final Path dir;
  private final Path script;
  private final List<String> prefix;

  private StorageServer(Path dir, Path script, List<String> prefix) {
    this.dir = dir;
    this.script = script;
    this.prefix = prefix;
  }

  /**
   * Starts one.
   *
   * @param test the class that has {@code server.sh} beside it
   * @param asRoot the server needs to be root
   */
  public static StorageServer start(Class<?> test, boolean asRoot, String... arguments)
      throws IOException {
    // Unix sockets below it have names of at most 107 bytes.
    Path dir = Files.createTempDirectory(Path.of("/tmp"), "tb");
    Path script = dir.resolve("server.sh");
    try (InputStream in = test.getResourceAsStream("server.sh")) {
      Files.copy(in, script);
    }
    boolean root = QemuTools.run(dir, "id", "-u").output().strip().equals("0");
    StorageServer s =
        new StorageServer(
            dir, script, asRoot && !root ? List.of("sudo", "-n", "sh") : List.of("sh"));
    QemuTools.Result r = s.run("start", arguments);
    if (r.status() != 0) {
      s.close();
    }
    assertThat(r.status()).as("start of the server\n" + r.output()).isZero();
    return s;
  }

  /** A port nobody listens to. */
  public static String freePort() throws IOException {
    try (ServerSocket s = new ServerSocket(0)) {
      return Integer.toString(s.getLocalPort());
    }
  }

  private QemuTools.Result run(String what, String... arguments) throws IOException {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(List.of(script.toString(), what, dir.toString()));
    all.addAll(List.of(arguments));
    return QemuTools.run(dir, all.toArray(String[]::new));
  }

  /** Where it keeps its files. */
  public Path dir() {
    return dir;
  }

  @Override
  public void close() throws IOException {
    run("stop");
    try (Stream<Path> all = Files.walk(dir)) {
      for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
        p.toFile().delete();
      }
    }
  }
}
