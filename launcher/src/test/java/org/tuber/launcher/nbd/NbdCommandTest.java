package org.tuber.launcher.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.nbd.NbdAddress;
import picocli.CommandLine;

/** {@code tuber nbd} from its arguments to its end. */
class NbdCommandTest {
  @TempDir Path dir;

  /** What came of a command. */
  private record Result(int status, String out, String err) {}

  private static Result run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = NbdCommand.commandLine();
    line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    int status = line.execute(arguments);
    return new Result(status, out.toString(), err.toString());
  }

  @Test
  void servesUntilTheLastClientLeaves() throws Exception {
    Path image = Files.write(dir.resolve("d"), new byte[1 << 20]);
    Path socket = dir.resolve("s");
    CompletableFuture<Result> server =
        CompletableFuture.supplyAsync(
            () ->
                run(
                    "-f",
                    "raw",
                    "-k",
                    socket.toString(),
                    "-x",
                    "disk",
                    "-D",
                    "a disk",
                    "-v",
                    image.toString()));
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!Files.exists(socket) && System.nanoTime() - patience < 0) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
    Result listed = run("-L", "-k", socket.toString());
    while (listed.err.contains("refused") && System.nanoTime() - patience < 0) {
      // The socket is there a moment before anybody listens.
      listed = run("-L", "-k", socket.toString());
    }
    assertThat(listed.err).isEmpty();
    assertThat(listed.out)
        .contains("export: 'disk'")
        .contains("description: a disk")
        .contains("size:  1048576")
        .contains("base:allocation");
    String url = NbdAddress.nameOf(socket, "disk");
    try (BlockNode n = Images.open(url, OpenOptions.readWrite().withFormat("raw"))) {
      n.write(5000, ByteBuffer.wrap(new byte[] {1, 2, 3}));
      n.flush();
    }
    Result r = server.get(60, TimeUnit.SECONDS);
    assertThat(r.status).as(r.err).isZero();
    assertThat(r.out).contains(url);
    assertThat(Files.readAllBytes(image)[5001]).isEqualTo((byte) 2);
    assertThat(socket).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-p 99999 @d",
        "-p x @d",
        "-e -1 @d",
        "-f raw @missing",
        "-f nonsense @d",
        "--discard maybe @d",
        "--tls-creds t @d",
        "--object tls-creds-x509,id=t --tls-creds t @d",
        "--object tls-creds-psk,id=t,dir=/nowhere,endpoint=server --tls-creds t @d",
        "-k /no/such/folder/s -f raw @d",
        "-b no.such.host.invalid -f raw @d",
        "-l one -f raw @d",
        "--frobnicate @d",
        "-t",
        "-L -k /no/such/socket"
      })
  void badInputIsOneLine(String command) throws IOException {
    Files.write(dir.resolve("d"), new byte[1 << 20]);
    Result r = run(command.replace("@", dir + "/").split(" "));
    assertThat(r.status).as(r.out).isEqualTo(1);
    assertThat(r.err.lines()).as(r.err).hasSize(1);
    assertThat(r.err).startsWith("tuber nbd: ").doesNotContain("Exception");
  }
}
