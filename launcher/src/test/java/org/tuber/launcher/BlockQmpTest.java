package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Jobs on the disks of a running machine: answers and events are QEMU's, and a Linux guest that
 * writes meanwhile loses nothing.
 */
@Timeout(1200)
class BlockQmpTest {
  private static final long PATIENCE_SECONDS = 300;
  private static final int GUEST_BLOCK_BYTES = 4096;
  private static final int GUEST_BLOCKS = 2048;

  @TempDir Path dir;

  @BeforeEach
  void needsTools() throws Exception {
    boolean qemu =
        sh("command -v qemu-system-x86_64 && command -v qemu-img && command -v qemu-io") == 0;
    if (System.getenv("CI") == null) {
      assumeTrue(qemu, "QEMU is not installed");
    }
    assertThat(qemu).as("QEMU must be installed in CI").isTrue();
  }

  private int sh(String command) throws Exception {
    return new ProcessBuilder("sh", "-c", command)
        .directory(dir.toFile())
        .redirectErrorStream(true)
        .redirectOutput(dir.resolve("sh.log").toFile())
        .start()
        .waitFor();
  }

  private void mustRun(String command) throws Exception {
    assertThat(sh(command)).as(() -> command + "\n" + log("sh.log")).isZero();
  }

  private String log(String file) {
    try {
      return Files.readString(dir.resolve(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private Process start(ProcessBuilder builder, Path where) throws Exception {
    Process p =
        builder
            .directory(where.toFile())
            .redirectErrorStream(true)
            .redirectOutput(where.resolve("out.log").toFile())
            .start();
    while (!Files.exists(where.resolve("q.sock"))) {
      assertThat(p.waitFor(100, TimeUnit.MILLISECONDS))
          .as(() -> log(where.getFileName() + "/out.log"))
          .isFalse();
    }
    return p;
  }

  /** Waits for an event, which may have come already. */
  private static void await(QmpClient client, List<String> events, String name, String... words)
      throws IOException {
    for (String e : events) {
      if (isEvent(e, name, words)) {
        return;
      }
    }
    for (JsonNode n; (n = client.next()) != null; ) {
      String e = n.path("event").asText() + " " + n.path("data");
      events.add(e);
      if (isEvent(e, name, words)) {
        return;
      }
    }
    throw new IOException("no event " + name + " with " + String.join(" ", words));
  }

  /** True for an event of that name in whose data all those words are. */
  private static boolean isEvent(String event, String name, String... words) {
    return event.startsWith(name + " ")
        && Arrays.stream(words).allMatch(w -> event.contains('"' + w + '"'));
  }

  private static JsonNode must(QmpClient client, List<String> events, String request)
      throws IOException {
    JsonNode answer = client.ask(request, events);
    assertThat(answer.has("return")).as(request + " " + answer).isTrue();
    return answer.get("return");
  }

  private static String execute(String command, String... arguments) {
    StringBuilder text = new StringBuilder("{'execute':'" + command + "','arguments':{");
    for (int i = 0; i < arguments.length; i += 2) {
      String v = arguments[i + 1];
      boolean bare = v.matches("-?[0-9]+|true|false|null|[\\[{].*");
      text.append(i == 0 ? "" : ",").append('\'').append(arguments[i]).append("':");
      text.append(bare ? v : "'" + v + "'");
    }
    return text.append("}}").toString();
  }

  // Beside QEMU.

  private static final List<String> SAME =
      List.of(
          execute("query-block"),
          execute("query-named-block-nodes"),
          execute("query-named-block-nodes", "flat", "true"),
          execute("query-blockstats", "query-nodes", "true"),
          execute("query-block-jobs"),
          execute("query-jobs"),
          execute("blockdev-snapshot-sync", "device", "d0", "snapshot-file", "s1.qcow2"),
          execute(
              "blockdev-snapshot-sync",
              "device",
              "d0",
              "snapshot-file",
              "s2.qcow2",
              "snapshot-node-name",
              "sn2"),
          execute("query-block"),
          execute("block-commit", "device", "d0", "top", "s1.qcow2", "base", "a.qcow2"),
          "BLOCK_JOB_COMPLETED d0",
          execute("block-commit", "device", "d0", "job-id", "j1"),
          "BLOCK_JOB_READY j1",
          execute("query-block-jobs"),
          execute("query-jobs"),
          execute("block-job-pause", "device", "j1"),
          execute("block-job-pause", "device", "j1"),
          execute("block-job-resume", "device", "j1"),
          execute("block-job-resume", "device", "j1"),
          execute("job-finalize", "id", "j1"),
          execute("block-stream", "device", "d0"),
          execute("block_resize", "device", "d0", "size", "16777216"),
          execute("block-job-complete", "device", "j1"),
          "BLOCK_JOB_COMPLETED j1",
          execute(
              "drive-mirror",
              "device",
              "d0",
              "target",
              "m.qcow2",
              "sync",
              "full",
              "format",
              "qcow2",
              "job-id",
              "m1"),
          "BLOCK_JOB_READY m1",
          execute("block-job-set-speed", "device", "m1", "speed", "-1"),
          execute("block-job-set-speed", "device", "m1", "speed", "1000000"),
          execute("block-job-cancel", "device", "m1"),
          "BLOCK_JOB_COMPLETED m1",
          execute(
              "drive-backup",
              "device",
              "d0",
              "target",
              "b.qcow2",
              "sync",
              "full",
              "format",
              "qcow2",
              "job-id",
              "b1",
              "auto-finalize",
              "false",
              "auto-dismiss",
              "false"),
          "BLOCK_JOB_PENDING b1",
          execute("query-jobs"),
          execute("job-dismiss", "id", "b1"),
          execute("job-finalize", "id", "b1"),
          "BLOCK_JOB_COMPLETED b1",
          "JOB_STATUS_CHANGE concluded",
          execute("query-block-jobs"),
          execute("job-dismiss", "id", "b1"),
          execute("query-jobs"),
          execute(
              "transaction",
              "actions",
              "[{'type':'blockdev-snapshot-sync','data':{'device':'d0','snapshot-file':'t1'}},"
                  + "{'type':'blockdev-snapshot-sync','data':{'device':'d1','snapshot-file':'t2'}}]"),
          execute(
              "transaction",
              "actions",
              "[{'type':'blockdev-snapshot-sync','data':{'device':'d0','snapshot-file':'u1'}},"
                  + "{'type':'blockdev-snapshot-sync','data':{'device':'zz','snapshot-file':'u2'}}]"),
          execute("transaction", "actions", "[{'type':'abort','data':{}}]"),
          execute("block_resize", "device", "d1", "size", "8388608"),
          execute("block_resize", "device", "d1", "size", "-1"),
          execute("block_resize", "device", "zz", "size", "1"),
          execute("block-job-cancel", "device", "zz"),
          execute("job-cancel", "id", "zz"),
          execute("block-commit", "device", "zz"),
          execute("block-stream", "device", "zz"),
          execute("drive-backup", "device", "zz", "target", "x", "sync", "full"),
          execute("drive-mirror", "device", "zz", "target", "x", "sync", "full"),
          execute("block-commit", "device", "d1", "top", "nope"),
          execute("block-commit", "device", "d0", "base-node", "nope"),
          execute("drive-backup", "device", "d0", "target", "x", "sync", "incremental"),
          execute("drive-backup", "device", "d0", "target", "x", "sync", "foo"),
          execute("drive-backup", "device", "cd", "target", "x", "sync", "full"),
          execute("blockdev-snapshot-sync", "device", "cd", "snapshot-file", "x"),
          execute("blockdev-snapshot-sync", "snapshot-file", "x"),
          execute(
              "blockdev-add",
              "driver",
              "qcow2",
              "node-name",
              "n1",
              "file",
              "{'driver':'file','filename':'b.qcow2'}"),
          execute(
              "blockdev-add",
              "driver",
              "qcow2",
              "node-name",
              "n1",
              "file",
              "{'driver':'file','filename':'b.qcow2'}"),
          execute("blockdev-mirror", "device", "d0", "target", "n1", "sync", "full", "job-id", "x"),
          "BLOCK_JOB_READY x",
          execute("blockdev-del", "node-name", "zz"),
          execute("block-job-complete", "device", "x"),
          "BLOCK_JOB_COMPLETED x",
          "JOB_STATUS_CHANGE null",
          execute("query-block"),
          execute("blockdev-del", "node-name", "n1"),
          execute("blockdev-add", "driver", "file", "node-name", "n2", "filename", "c.raw"),
          execute("blockdev-del", "node-name", "n2"),
          execute("blockdev-snapshot-internal-sync", "device", "d0", "name", "one"),
          execute("blockdev-snapshot-internal-sync", "device", "d0", "name", "one"),
          execute("query-block"),
          execute("blockdev-snapshot-delete-internal-sync", "device", "d0", "name", "one"),
          execute("blockdev-snapshot-delete-internal-sync", "device", "d0", "name", "one"),
          execute(
              "block_set_io_throttle",
              "device",
              "d0",
              "bps",
              "0",
              "bps_rd",
              "1000",
              "bps_wr",
              "2000",
              "iops",
              "0",
              "iops_rd",
              "0",
              "iops_wr",
              "0"),
          execute("query-block"),
          execute(
              "block_set_io_throttle",
              "device",
              "d0",
              "bps",
              "1",
              "bps_rd",
              "1000",
              "bps_wr",
              "2000",
              "iops",
              "0",
              "iops_rd",
              "0",
              "iops_wr",
              "0"),
          execute("block-dirty-bitmap-add", "node", "d1", "name", "v", "disabled", "true"),
          execute("block-dirty-bitmap-add", "node", "d1", "name", "v"),
          execute("block-dirty-bitmap-add", "node", "d1", "name", "w", "granularity", "100"),
          execute("block-dirty-bitmap-merge", "node", "d1", "target", "v", "bitmaps", "['x']"),
          execute("block-dirty-bitmap-remove", "node", "d1", "name", "x"),
          execute("block-dirty-bitmap-remove", "node", "d1", "name", "v"),
          human("info block-jobs"),
          human("commit zz"),
          human("block_job_cancel zz"),
          human("snapshot_blkdev zz x"),
          human("snapshot_blkdev d1"),
          human("block_resize d1 16M"),
          human("snapshot_blkdev d1 h1.qcow2 qcow2"),
          human("commit d1"),
          execute("nbd-server-stop"),
          execute("nbd-server-add", "device", "d1"),
          execute("nbd-server-start", "addr", "{'type':'foo','data':{'path':'n.sock'}}"),
          execute("nbd-server-start", "addr", "{'type':'unix','data':{'path':'n.sock'}}"),
          execute("nbd-server-start", "addr", "{'type':'unix','data':{'path':'n.sock'}}"),
          execute("nbd-server-add", "device", "d1"),
          execute("nbd-server-add", "device", "d1"),
          execute("nbd-server-add", "device", "zz"),
          execute("nbd-server-add", "device", "cd"),
          execute("nbd-server-add", "device", "d0", "name", "b", "description", "first disk"),
          execute("nbd-server-remove", "name", "zz"),
          execute("nbd-server-remove", "name", "b"),
          "BLOCK_EXPORT_DELETED b",
          execute("nbd-server-remove", "name", "d1", "mode", "hard"),
          execute("query-block-exports"),
          execute("block-export-add", "type", "foo", "id", "e1", "node-name", "n1"),
          execute("block-export-add", "type", "nbd", "id", "1e", "node-name", "n1"),
          execute("block-export-add", "type", "nbd", "id", "e1", "node-name", "zz"),
          execute("block-export-del", "id", "e1"),
          human("nbd_server_add d1 again"),
          human("nbd_server_add d1 again"),
          human("nbd_server_add zz"),
          human("nbd_server_remove nope"),
          human("nbd_server_remove again"),
          human("nbd_server_start 127.0.0.1:1"),
          execute("nbd-server-stop"),
          execute("nbd-server-stop"),
          human("nbd_server_stop"),
          human("nbd_server_start -w 127.0.0.1:1"),
          execute(
              "blockdev-create",
              "job-id",
              "c1",
              "options",
              "{'driver':'file','filename':'made.img','size':0}"),
          "JOB_STATUS_CHANGE c1",
          execute("query-block-jobs"),
          execute("block-job-dismiss", "id", "c1"),
          execute("block-job-dismiss", "device", "c1"),
          execute("blockdev-add", "driver", "file", "filename", "made.img", "node-name", "made"),
          execute(
              "blockdev-create",
              "job-id",
              "c2",
              "options",
              "{'driver':'qcow2','file':'made','size':1048576,'cluster-size':4096,'version':'v2'}"),
          create("{'driver':'foo','file':'made','size':1048576}"),
          create("{'driver':'vmdk','size':1048576}"),
          create("{'driver':'qcow2','file':'made','size':1048576,'foo':1}"),
          create("{'driver':'qcow2','file':'made'}"),
          create("{'driver':'qcow2','size':512}"),
          create("{'driver':'nbd'}"),
          "JOB_STATUS_CHANGE concluded c2",
          object("'qom-type':'secret','id':'s0','data':'sesame'"),
          object("'qom-type':'secret','id':'s0','data':'sesame'"),
          object("'qom-type':'secret','id':'s1','file':'no-such-file'"),
          object("'qom-type':'secret','id':'s1'"),
          object("'qom-type':'secret','id':'s1','data':'!','format':'base64'"),
          object("'qom-type':'secret','id':'s1','data':'x','keyid':'s0','iv':'eA=='"),
          object("'qom-type':'secret','id':'s1','data':'x','foo':1"),
          object("'qom-type':'secret','data':'x'"),
          object("'qom-type':'foo','id':'x'"),
          execute("object-del", "id", "zz"),
          file("c4", "l.luks"),
          "JOB_STATUS_CHANGE concluded c4",
          file("c5", "e.qcow2"),
          "JOB_STATUS_CHANGE concluded c5",
          execute("blockdev-add", "driver", "file", "filename", "l.luks", "node-name", "lf"),
          execute("blockdev-add", "driver", "file", "filename", "e.qcow2", "node-name", "ef"),
          create("{'driver':'luks','size':1048576,'key-secret':'s0'}"),
          create("{'driver':'luks','file':'lf','size':1048576,'cipher-alg':'rot13'}"),
          create("{'driver':'luks','file':'lf','size':1048576,'foo':1}"),
          create("{'driver':'qcow2','file':'ef','size':1048576,'encrypt':{'key-secret':'s0'}}"),
          create("{'driver':'qcow2','file':'ef','size':1048576,'encrypt':{'format':'aes'}}"),
          create(
              "{'driver':'qcow2','file':'ef','size':1048576,"
                  + "'encrypt':{'format':'luks','key-secret':'s0','foo':1}}"),
          luks("c6", "'key-secret':'zz'"),
          "JOB_STATUS_CHANGE concluded c6",
          luks("c7", "'key-secret':'s0','iter-time':100,'hash-alg':'sha512'"),
          "JOB_STATUS_CHANGE concluded c7",
          execute(
              "blockdev-create",
              "job-id",
              "c8",
              "options",
              "{'driver':'qcow2','file':'ef','size':1048576,'encrypt':{'format':'luks',"
                  + "'key-secret':'s0','iter-time':100,'hash-alg':'sha512'}}"),
          "JOB_STATUS_CHANGE concluded c8",
          execute("query-jobs"),
          execute("blockdev-add", "driver", "luks", "file", "lf", "node-name", "l"),
          execute(
              "blockdev-add", "driver", "luks", "file", "lf", "node-name", "l", "key-secret", "zz"),
          execute(
              "blockdev-add", "driver", "luks", "file", "lf", "node-name", "l", "key-secret", "s0"),
          encrypted("{'format':'luks','key-secret':'zz'}"),
          encrypted("{'format':'foo','key-secret':'s0'}"),
          encrypted("{'format':'luks','key-secret':'s0'}"),
          execute("blockdev-del", "node-name", "l"),
          execute("blockdev-del", "node-name", "e"),
          execute("object-del", "id", "s0"),
          add("'driver':'gluster','volume':'v','path':'p'"),
          add("'driver':'gluster','volume':'v','path':'p','server':[{'type':'inet','host':'x'}]"),
          add("'driver':'gluster','server':[{'type':'unix','path':'x'}]"),
          add("'driver':'rbd'"),
          add("'driver':'rbd','pool':'p','image':'i','server':[{'host':'x'}]"),
          add("'driver':'nbd','server':{'type':'unix','path':'x'},'tls-creds':'zz'"),
          add("'driver':'nbd','server':{'type':'inet','host':'x'}"),
          add("'driver':'file','filename':'c.raw','foo':1"));

  private static String create(String options) {
    return execute("blockdev-create", "job-id", "c3", "options", options);
  }

  private static String object(String properties) {
    return "{'execute':'object-add','arguments':{" + properties + "}}";
  }

  private static String add(String options) {
    return "{'execute':'blockdev-add','arguments':{'node-name':'x'," + options + "}}";
  }

  private static String encrypted(String key) {
    return execute(
        "blockdev-add", "driver", "qcow2", "file", "ef", "node-name", "e", "encrypt", key);
  }

  private static String file(String job, String name) {
    String options = "{'driver':'file','filename':'" + name + "','size':0}";
    return execute("blockdev-create", "job-id", job, "options", options);
  }

  private static String luks(String job, String more) {
    String options = "{'driver':'luks','file':'lf','size':1048576," + more + "}";
    return execute("blockdev-create", "job-id", job, "options", options);
  }

  private static String human(String line) {
    return execute("human-monitor-command", "command-line", line);
  }

  private List<String> machine(Path where) throws Exception {
    Files.createDirectories(where);
    Path before = dir.resolve(where.getFileName());
    mustRun(
        "cd "
            + before
            + " && qemu-img create -q -f qcow2 base.qcow2 8M"
            + " && qemu-io -c 'write -P 1 0 4M' base.qcow2"
            + " && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 a.qcow2"
            + " && qemu-io -c 'write -P 2 1M 2M' a.qcow2 && qemu-img create -q -f raw c.raw 4M");
    String line =
        "-m 64 -nodefaults -display none -serial null -S -qmp unix:q.sock,server=on,wait=off"
            + " -drive file=a.qcow2,format=qcow2,if=ide,index=0,id=d0"
            + " -drive file=c.raw,format=raw,if=ide,index=1,id=d1"
            + " -drive if=ide,index=2,media=cdrom,id=cd";
    return Arrays.asList(line.split(" ", -1));
  }

  private static List<Object> conversation(QmpClient client) throws IOException {
    List<Object> all = new ArrayList<>();
    List<String> events = new ArrayList<>();
    client.next();
    client.ask("{'execute':'qmp_capabilities'}", events);
    for (String request : SAME) {
      if (!request.startsWith("{")) {
        String[] words = request.split(" ", 2);
        await(client, events, words[0], words[1].split(" "));
        // Of the same name there will be others.
        events.removeIf(e -> e.startsWith(words[0] + " "));
        continue;
      }
      JsonNode answer = client.ask(request, events);
      boolean text = answer.path("return").isTextual();
      all.add(request);
      all.add(text ? answer.toString() : request.contains("nodes") ? kinds(answer) : shape(answer));
    }
    return all;
  }

  private static Object shape(JsonNode answer) {
    return QmpTest.shape(answer);
  }

  /** The order of nodes is nobody's business. */
  private static Object kinds(JsonNode answer) {
    Set<String> all = new TreeSet<>();
    answer.get("return").forEach(n -> all.add(shape(n).toString()));
    return all;
  }

  @Test
  void answersHaveTheShapeOfQemus() throws Exception {
    List<String> theirs = new ArrayList<>(List.of("qemu-system-x86_64"));
    theirs.addAll(machine(dir.resolve("theirs")));
    List<String> ours = new ArrayList<>(List.of("system-x86_64", "-accel", "interp"));
    ours.addAll(machine(dir.resolve("ours")));
    Process qemu = start(new ProcessBuilder(theirs), dir.resolve("theirs"));
    Process tuber =
        start(TuberProcess.builder(true, ours.toArray(String[]::new)), dir.resolve("ours"));
    try (QmpClient a = new QmpClient(dir.resolve("ours/q.sock"));
        QmpClient b = new QmpClient(dir.resolve("theirs/q.sock"))) {
      assertThat(conversation(a)).containsExactlyElementsOf(conversation(b));
      encryptedImagesAreQemus();
    } finally {
      qemu.destroyForcibly();
      tuber.destroyForcibly();
    }
  }

  /** What {@code blockdev-create} made can be opened with the passphrase, and only with it. */
  private void encryptedImagesAreQemus() throws Exception {
    String key = " --object secret,id=k,data=sesame --image-opts ";
    String wrong = " --object secret,id=k,data=salami --image-opts ";
    for (String image :
        new String[] {
          "driver=luks,file.filename=ours/l.luks,key-secret=k",
          "driver=qcow2,file.filename=ours/e.qcow2,encrypt.key-secret=k"
        }) {
      mustRun("qemu-io -c 'write -P 7 100k 300k' -c 'read -P 7 100k 300k'" + key + image);
      assertThat(sh("qemu-io -c 'read 0 512'" + wrong + image)).as(image).isNotZero();
    }
    mustRun(
        "qemu-img check" + key + "driver=qcow2,file.filename=ours/e.qcow2,encrypt.key-secret=k");
    if (sh("command -v cryptsetup") == 0) {
      mustRun("printf sesame | cryptsetup open --test-passphrase --key-file - ours/l.luks");
    }
  }

  // Under a guest.

  private static boolean within(BooleanSupplier done) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!done.getAsBoolean()) {
      if (System.nanoTime() > end) {
        return false;
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    return true;
  }

  /** Block {@code n * 37 mod} of the disk gets a block of text that names {@code n}. */
  private static final String WRITER =
      "i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); b=block-$i-; "
          + "while [ ${#b} -lt 4096 ]; do b=$b$b; done; "
          + "printf %.4096s $b | dd of=/dev/nvme0n1 bs=4096 count=1 conv=notrunc,fsync"
          + " seek=$((i*37%2048)) 2>/dev/null; echo W-$i-; done & ";

  private static byte[] blockOf(int n) {
    byte[] word = ("block-" + n + "-").getBytes(StandardCharsets.ISO_8859_1);
    byte[] block = new byte[GUEST_BLOCK_BYTES];
    for (int i = 0; i < block.length; i++) {
      block[i] = word[i % word.length];
    }
    return block;
  }

  private static int lastWritten(String log) {
    int at = log.lastIndexOf("\nW-");
    String rest = at < 0 ? "0-" : log.substring(at + 3);
    int end = rest.indexOf('-');
    return end < 0 ? 0 : Integer.parseInt(rest.substring(0, end));
  }

  /** A Linux guest with a shell on its serial line and one NVMe disk, {@code d.qcow2}. */
  private Process startGuest(Path where) throws Exception {
    boolean guest = BootTest.hasGuest();
    if (System.getenv("CI") == null) {
      assumeTrue(guest, "no guest");
    }
    assertThat(guest).as("the guest must be there in CI").isTrue();
    Files.createDirectories(where);
    mustRun("qemu-img create -q -f qcow2 guest/d.qcow2 64M");
    return start(
        TuberProcess.builder(
            true,
            arguments(
                "system-x86_64 -m 256 -display none -serial stdio -no-reboot -nic none -kernel "
                    + BootTest.guest().resolve("vmlinux")
                    + " -initrd "
                    + BootTest.guest().resolve("initrd.cpio.gz")
                    + " -append console=ttyS0~guest.shell~quiet"
                    + " -drive file=d.qcow2,format=qcow2,if=none,id=d"
                    + " -device nvme,drive=d,serial=1 -qmp unix:q.sock,server=on,wait=off")),
        where);
  }

  @Test
  void nothingIsLostWhileJobsRun() throws Exception {
    Path where = dir.resolve("guest");
    Process tuber = startGuest(where);
    try (QmpClient c = new QmpClient(where.resolve("q.sock"));
        OutputStream keys = tuber.getOutputStream()) {
      assertThat(within(() -> log("guest/out.log").contains("# "))).isTrue();
      keys.write((WRITER + "\n").getBytes(StandardCharsets.US_ASCII));
      keys.flush();
      assertThat(within(() -> lastWritten(log("guest/out.log")) > 20)).isTrue();
      List<String> events = new ArrayList<>();
      c.next();
      c.ask("{'execute':'qmp_capabilities'}", events);
      jobs(c, events);
      int before = lastWritten(log("guest/out.log"));
      assertThat(within(() -> lastWritten(log("guest/out.log")) > before + 5)).isTrue();
      keys.write("touch /tmp/end; wait; poweroff -f\n".getBytes(StandardCharsets.US_ASCII));
      keys.flush();
      assertThat(tuber.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    } finally {
      tuber.destroyForcibly();
    }
    String said = log("guest/out.log");
    verify(lastWritten(said));
  }

  @Test
  void aResizedDiskIsSeenByTheGuestAndByNbdClients() throws Exception {
    Path where = dir.resolve("guest");
    Process tuber = startGuest(where);
    try (QmpClient c = new QmpClient(where.resolve("q.sock"));
        OutputStream keys = tuber.getOutputStream()) {
      assertThat(within(() -> log("guest/out.log").contains("# "))).isTrue();
      say(
          keys,
          "echo was-$(cat /sys/block/nvme0n1/size); printf marked | dd of=/dev/nvme0n1; sync");
      assertThat(within(() -> log("guest/out.log").contains("was-131072"))).isTrue();
      List<String> events = new ArrayList<>();
      c.next();
      c.ask("{'execute':'qmp_capabilities'}", events);
      must(c, events, execute("block_resize", "device", "d", "size", "100663296"));
      // The event makes the driver look again; nobody asks it to.
      say(keys, "while [ $(cat /sys/block/nvme0n1/size) = 131072 ]; do sleep 0.2; done");
      say(keys, "echo now-$(cat /sys/block/nvme0n1/size)");
      assertThat(within(() -> log("guest/out.log").contains("now-196608"))).isTrue();
      say(keys, "printf at-the-end | dd of=/dev/nvme0n1 seek=196600 conv=fsync; echo wrote-$?");
      assertThat(within(() -> log("guest/out.log").contains("wrote-0"))).isTrue();
      must(c, events, execute("nbd-server-start", "addr", NBD_ADDRESS));
      must(c, events, execute("nbd-server-add", "device", "d"));
      mustRun("cd guest && qemu-img convert -f raw 'nbd+unix:///d?socket=n.sock' -O raw copy.raw");
      say(keys, "poweroff -f");
      assertThat(tuber.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    } finally {
      tuber.destroyForcibly();
    }
    mustRun("cd guest && qemu-img compare -f raw -F qcow2 copy.raw d.qcow2");
    byte[] copy = Files.readAllBytes(where.resolve("copy.raw"));
    assertThat(copy).hasSize(100663296);
    assertThat(new String(copy, 196600 * 512, 10, StandardCharsets.US_ASCII))
        .isEqualTo("at-the-end");
    assertThat(Files.exists(where.resolve("n.sock"))).isFalse();
  }

  private static final String NBD_ADDRESS = "{'type':'unix','data':{'path':'n.sock'}}";

  private static void say(OutputStream keys, String line) throws IOException {
    keys.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    keys.flush();
  }

  /** Words; a tilde stands for a blank inside of one. */
  private static String[] arguments(String line) {
    return Arrays.stream(line.split(" ", -1))
        .map(word -> word.replace('~', ' '))
        .toArray(String[]::new);
  }

  private static void jobs(QmpClient c, List<String> events) throws IOException {
    must(c, events, execute("blockdev-snapshot-sync", "device", "d", "snapshot-file", "s.qcow2"));
    must(c, events, execute("block-commit", "device", "d", "job-id", "c"));
    await(c, events, "BLOCK_JOB_READY", "c");
    must(c, events, execute("block-job-complete", "device", "c"));
    await(c, events, "BLOCK_JOB_COMPLETED", "c");
    must(
        c,
        events,
        execute("drive-backup", "device", "d", "target", "b.qcow2", "sync", "full", "job-id", "b"));
    await(c, events, "BLOCK_JOB_COMPLETED", "b");
    must(c, events, execute("blockdev-snapshot-sync", "device", "d", "snapshot-file", "s2.qcow2"));
    must(c, events, execute("block-stream", "device", "d", "job-id", "s"));
    await(c, events, "BLOCK_JOB_COMPLETED", "s");
    must(
        c,
        events,
        execute("drive-mirror", "device", "d", "target", "m.qcow2", "sync", "full", "job-id", "m"));
    await(c, events, "BLOCK_JOB_READY", "m");
    must(c, events, execute("block-job-complete", "device", "m"));
    await(c, events, "BLOCK_JOB_COMPLETED", "m");
    assertThat(events).noneMatch(e -> e.contains("\"error\""));
  }

  /** The disk is where the last job left it and holds every block that the guest wrote last. */
  private void verify(int writes) throws Exception {
    for (String image : List.of("d", "b", "s", "s2", "m")) {
      mustRun("qemu-img check -q guest/" + image + ".qcow2");
    }
    mustRun("qemu-img convert -O raw guest/m.qcow2 disk.raw");
    byte[] disk = Files.readAllBytes(dir.resolve("disk.raw"));
    int[] last = new int[GUEST_BLOCKS];
    for (int i = 1; i <= writes; i++) {
      last[i * 37 % GUEST_BLOCKS] = i;
    }
    for (int b = 0; b < GUEST_BLOCKS; b++) {
      byte[] expected = last[b] == 0 ? new byte[GUEST_BLOCK_BYTES] : blockOf(last[b]);
      int at = b * GUEST_BLOCK_BYTES;
      assertThat(Arrays.copyOfRange(disk, at, at + GUEST_BLOCK_BYTES))
          .as("block " + b + ", write " + last[b] + " of " + writes)
          .isEqualTo(expected);
    }
  }
}
