package org.tuber.launcher.nbd;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.nbd.NbdAddress;
import org.tuber.devices.block.nbd.NbdExportInfo;
import org.tuber.devices.block.nbd.NbdFile;
import org.tuber.devices.block.nbd.NbdServer;
import org.tuber.devices.block.nbd.tls.TlsCredentials;
import org.tuber.devices.block.qcow2.Qcow2Image;
import org.tuber.launcher.img.ImageSource;
import org.tuber.launcher.img.ImgCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code tuber nbd}: serves one image, or lists what another server offers. Options are spelled as
 * in qemu-nbd(8).
 *
 * <p>Unlike there, the default address is the loopback interface. Devices of the host kernel
 * ({@code -c}), and going into the background ({@code --fork}), are not offered.
 */
@Command(
    name = "nbd",
    description = "Offers a disk image to NBD clients.",
    mixinStandardHelpOptions = true)
public final class NbdCommand implements Callable<Integer> {
  private static final int CLOSE_SECONDS = 30;

  @Mixin private ImageSource source;
  @Spec private CommandSpec spec;

  @Option(
      names = {"-p", "--port"},
      defaultValue = "10809",
      description = "TCP port; 0 takes a free one and prints it.")
  private int port;

  @Option(
      names = {"-b", "--bind"},
      defaultValue = "127.0.0.1",
      description = "Address to listen on (default: ${DEFAULT-VALUE}).")
  private String bind;

  @Option(
      names = {"-k", "--socket"},
      paramLabel = "PATH",
      description = "Listen on a unix socket.")
  private Path socket;

  @Option(
      names = {"-e", "--shared"},
      paramLabel = "N",
      defaultValue = "1",
      description = "Serve so many clients at a time; 0 for any number.")
  private int shared;

  @Option(
      names = {"-t", "--persistent"},
      description = "Go on when the last client has left.")
  private boolean persistent;

  @Option(
      names = {"-r", "--read-only"},
      description = "Clients cannot write.")
  private boolean readOnly;

  @Option(
      names = {"-x", "--export-name"},
      paramLabel = "NAME",
      defaultValue = "",
      description = "Name of the export.")
  private String exportName;

  @Option(
      names = {"-D", "--description"},
      defaultValue = "",
      description = "What people read about the export.")
  private String description;

  @Option(
      names = {"-l", "--load-snapshot"},
      paramLabel = "ID|NAME",
      description = "Offer an internal snapshot, read-only.")
  private String snapshot;

  @Option(
      names = {"-n", "--nocache"},
      description = "The same as --cache=none.")
  private boolean noCache;

  @Option(names = "--cache", paramLabel = "MODE", description = "Cache mode of the image.")
  private String cache;

  @Option(
      names = "--discard",
      paramLabel = "ignore|unmap",
      defaultValue = "unmap",
      description = "What becomes of trim requests (default: ${DEFAULT-VALUE}).")
  private String discard;

  @Option(
      names = "--tls-creds",
      paramLabel = "ID",
      description = "Insist on TLS with the credentials of this --object.")
  private String tlsCreds;

  @Option(
      names = "--tls-hostname",
      paramLabel = "NAME",
      description = "With -L: the name the server's certificate has to be for.")
  private String tlsHostname;

  @Option(names = "--pid-file", paramLabel = "PATH", description = "Write the process id there.")
  private Path pidFile;

  @Option(
      names = {"-L", "--list"},
      description = "List the exports of a server.")
  private boolean list;

  @Option(
      names = {"-v", "--verbose"},
      description = "Tell where the server listens.")
  private boolean verbose;

  @Parameters(arity = "0..1", paramLabel = "IMAGE")
  private String filename;

  /** The command line with its error handling. */
  public static CommandLine commandLine() {
    return ImgCommand.configure(new CommandLine(new NbdCommand()), "tuber nbd");
  }

  /** Runs on its own. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  @Override
  public Integer call() throws IOException {
    if (port < 0 || port > 65535) {
      throw new ImageException(Integer.toString(port), "--port", "must be between 0 and 65535");
    }
    if (shared < 0) {
      throw new ImageException(Integer.toString(shared), "--shared", "must not be negative");
    }
    TlsCredentials tls = tlsCreds == null ? null : source.credentials(tlsCreds);
    if (list) {
      return listExports(tls);
    }
    if (filename == null) {
      throw new ImageException("tuber nbd", "IMAGE", "is missing");
    }
    boolean unmap = discard.equals("unmap") || discard.equals("on");
    if (!unmap && !discard.equals("ignore") && !discard.equals("off")) {
      throw new ImageException(discard, "--discard", "must be ignore or unmap");
    }
    boolean writable = !readOnly && snapshot == null;
    ImageSource.Named n = source.named(filename, writable);
    OpenOptions options = n.options().withDiscard(unmap);
    options = ImageSource.withCache(options, noCache ? "none" : cache);
    CountDownLatch over = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    // A signal ends the process only after the image has been closed properly.
    Thread hook =
        new Thread(
            () -> {
              over.countDown();
              await(closed);
            },
            "nbd shutdown");
    Runtime.getRuntime().addShutdownHook(hook);
    try (BlockNode node = Images.open(n.filename(), options)) {
      showSnapshot(node);
      serve(node, tls, over);
    } finally {
      closed.countDown();
      removeHook(hook);
    }
    return 0;
  }

  private void showSnapshot(BlockNode node) throws IOException {
    if (snapshot == null) {
      return;
    }
    if (!(node instanceof Qcow2Image q)) {
      throw new ImageException(node.filename(), "snapshot", "the format has no snapshots");
    }
    int eq = snapshot.startsWith("snapshot.") ? snapshot.indexOf('=') : -1;
    q.snapshotTable().show(snapshot.substring(eq + 1));
  }

  private void serve(BlockNode node, TlsCredentials tls, CountDownLatch over) throws IOException {
    NbdServer server = new NbdServer(tls).withMaxClients(shared == 0 ? Integer.MAX_VALUE : shared);
    if (!persistent) {
      server.whenLastClientLeaves(over::countDown);
    }
    server.export(exportName, new NbdServer.Export(node, description, readOnly));
    try (server) {
      PrintWriter out = spec.commandLine().getOut();
      if (socket != null) {
        server.listen(socket);
      } else {
        server.listen(new InetSocketAddress(InetAddress.getByName(bind), port));
      }
      if (verbose || socket == null && port == 0) {
        out.println(
            "tuber nbd: listening on "
                + (socket != null
                    ? NbdAddress.nameOf(socket, exportName)
                    : NbdAddress.nameOf(bind, server.port(), exportName)));
        out.flush();
      }
      if (pidFile != null) {
        Files.writeString(pidFile, ProcessHandle.current().pid() + "\n");
      }
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending already: that is why we are here.
      return;
    }
  }

  private int listExports(TlsCredentials tls) throws IOException {
    String name =
        socket != null ? NbdAddress.nameOf(socket, "") : NbdAddress.nameOf(bind, port, "");
    if (tlsHostname != null) {
      name += (name.contains("?") ? "&" : "?") + "tls-hostname=" + tlsHostname;
    }
    List<NbdExportInfo> all = NbdFile.exports(name, tls);
    PrintWriter out = spec.commandLine().getOut();
    out.println("exports available: " + all.size());
    for (NbdExportInfo e : all) {
      out.println(" export: '" + e.name() + "'");
      if (!e.description().isEmpty()) {
        out.println("  description: " + e.description());
      }
      out.println("  size:  " + e.sizeBytes());
      out.printf("  flags: 0x%x ( %s )%n", e.flags(), String.join(" ", e.flagNames()));
      if (e.minBlockBytes() > 0) {
        out.println("  min block: " + e.minBlockBytes());
        out.println("  opt block: " + e.preferredBlockBytes());
        out.println("  max block: " + e.maxBlockBytes());
      }
      if (!e.contexts().isEmpty()) {
        out.println("  available meta contexts: " + e.contexts().size());
        e.contexts().forEach(c -> out.println("   " + c));
      }
    }
    out.flush();
    return 0;
  }
}
