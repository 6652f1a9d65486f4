package org.tuber.launcher.img;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Every command of {@code tuber img}: what it prints and its status, also for bad input. */
class ImgCommandTest {
  @TempDir Path dir;

  /** What came of a command. */
  private record Result(int status, String out, String err) {}

  private String path(String name) {
    return dir.resolve(name).toString();
  }

  /** Words in the directory begin with {@code @}. */
  private Result run(String command) {
    List<String> words =
        List.of(command.split(" ")).stream().map(w -> w.replace("@", dir + "/")).toList();
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = ImgCommand.commandLine(words);
    line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    int status = line.execute(words.toArray(String[]::new));
    return new Result(status, out.toString(), err.toString());
  }

  private String ok(String command) {
    Result r = run(command);
    assertThat(r.err).as(command).isEmpty();
    assertThat(r.status).as(command + "\n" + r.out).isZero();
    return r.out;
  }

  private byte[] disk(String name, int bytes) throws IOException {
    byte[] data = new byte[bytes];
    new Random(bytes).nextBytes(data);
    Arrays.fill(data, 70_000, bytes / 2, (byte) 0);
    Files.write(dir.resolve(name), data);
    return data;
  }

  @Test
  void createInfoAndResize() {
    assertThat(ok("create -f qcow2 @a 10M")).contains("fmt=qcow2").contains("size=10485760");
    assertThat(ok("info @a")).contains("file format: qcow2").contains("virtual size: 10 MiB");
    assertThat(ok("info --output=json @a")).contains("\"virtual-size\": 10485760");
    assertThat(ok("resize @a +2M")).contains("Image resized.");
    assertThat(ok("info @a")).contains("virtual size: 12 MiB");
    assertThat(run("resize @a 5M").err).contains("--shrink");
    ok("resize --shrink -q @a 5M");
    assertThat(ok("info @a")).contains("virtual size: 5 MiB");
    assertThat(ok("create -f qcow2 -b @a -F qcow2 @b")).contains("backing_file=");
    assertThat(ok("info --backing-chain @b")).contains("image: " + path("a"));
  }

  @Test
  void imagesMayBeDescribedByOptions() throws IOException {
    disk("r", 1 << 20);
    ok("convert -f raw -O qcow2 @r @a");
    assertThat(ok("info --image-opts driver=qcow2,file.filename=@a")).contains("format: qcow2");
    assertThat(ok("info json:{\"driver\":\"qcow2\",\"file.filename\":\"@a\"}"))
        .contains("image: " + path("a"));
    assertThat(ok("map json:{\"driver\":\"raw\",\"file\":{\"filename\":\"@a\"}}"))
        .contains("Mapped");
    assertThat(run("info --image-opts driver=qcow2,file.filename=@a,foo=1").err)
        .contains("Block format 'qcow2' does not support the option 'foo'");
    Files.createDirectory(dir.resolve("d"));
    Files.writeString(dir.resolve("d/file"), "content");
    assertThat(ok("info fat:@d")).contains("virtual size: 504 MiB");
    ok("convert -O qcow2 fat:floppy:@d @floppy");
    assertThat(ok("compare -f raw fat:floppy:@d -F qcow2 @floppy")).contains("identical");
    assertThat(run("info fat:rw:@d").err).contains("read-only");
    ok("create -q -f luks -o iter-time=10,key-secret=k --object secret,id=k,data=x @l 1M");
    String luks = ",data=x --image-opts driver=luks,key-secret=k,file.filename=@l @plain";
    ok("convert -O raw --object secret,id=k" + luks);
    assertThat(run("convert -O raw --object secret,id=j" + luks).err)
        .contains("No secret with id 'k'");
  }

  @Test
  void convertCopiesBitmapsAndKeepsItsPace() throws IOException {
    disk("r", 1 << 20);
    ok("convert -f raw -O qcow2 @r @a");
    ok("bitmap --add -g 65536 @a marks");
    ok("bench -w -c 1 -d 1 -s 4096 -o 131072 -f qcow2 @a");
    ok("bitmap --add --disable @a still");
    ok("convert --bitmaps -O qcow2 -r 100M @a @b");
    assertThat(ok("info @b")).contains("name: marks").contains("name: still");
    assertThat(ok("check @b")).contains("No errors");
    ok("create -q -f qcow2 @c 1M");
    ok("convert -n --target-image-opts -f raw @r driver=qcow2,file.filename=@c");
    assertThat(ok("compare -f raw -F qcow2 @r @c")).contains("identical");
    assertThat(run("convert --target-image-opts @r driver=qcow2,file.filename=@c").err)
        .contains("requires use of -n flag");
    ok("create -q -f qcow2 -b @c -F qcow2 @top");
    ok("convert -n -f raw -O qcow2 @r @top");
    ok("commit -q -r 100M -t writethrough @top");
  }

  @Test
  void clusterStoresAreNotTakenForMissingFiles() {
    assertThat(run("info rbd:pool").err).contains("expected rbd:pool/image");
    for (String scheme : List.of("gluster", "gluster+tcp", "gluster+rdma")) {
      assertThat(run("info " + scheme + "://host/volume").err)
          .contains("expected gluster://host/volume/path");
    }
  }

  @Test
  void convertCompareAndCheck() throws IOException {
    byte[] data = disk("r", 1 << 20);
    for (String format : List.of("qcow2", "vmdk", "vdi", "vhdx", "qed")) {
      ok("convert -f raw -O " + format + " @r @x." + format);
      assertThat(ok("compare -f raw -F " + format + " @r @x." + format)).contains("identical");
      ok("convert -f " + format + " -O raw @x." + format + " @back");
      assertThat(Files.mismatch(dir.resolve("r"), dir.resolve("back"))).isEqualTo(-1);
    }
    ok("convert -c -f raw -O qcow2 @r @c");
    assertThat(ok("check @c")).contains("No errors were found").contains("compressed clusters");
    assertThat(ok("check --output=json @c")).contains("\"check-errors\": 0");
    data[900_000] ^= 1;
    Files.write(dir.resolve("other"), data);
    Result differ = run("compare -f raw -F qcow2 @other @c");
    assertThat(differ.status).isEqualTo(1);
    assertThat(differ.out).contains("Content mismatch at offset " + (900_000 & -512));
    assertThat(run("check -f raw @r").status).isEqualTo(63);
  }

  @Test
  void overlaysAreCommittedAndRebased() throws IOException {
    disk("r", 1 << 20);
    ok("convert -f raw -O qcow2 @r @base");
    ok("create -q -f qcow2 -b @base -F qcow2 @top");
    ok("dd -f raw -O qcow2 if=" + path("r") + " of=" + path("copy") + " bs=64k count=3");
    assertThat(ok("info @copy")).contains("192 KiB");
    assertThat(ok("map @top")).contains("Offset");
    assertThat(ok("map --output=json @top")).contains("\"depth\": 1");
    assertThat(ok("commit @top")).contains("Image committed.");
    ok("rebase -b  @top".replace("-b  ", "-b ").replace("-b @top", "-u -F raw -b @r @top"));
    assertThat(ok("info @top")).contains("backing file format: raw");
    assertThat(run("rebase -b @base @top").err).contains("-F");
  }

  @Test
  void snapshotsMeasureAmendAndBench() throws IOException {
    disk("r", 1 << 20);
    ok("convert -f raw -O qcow2 @r @a");
    ok("snapshot -c one @a");
    assertThat(ok("snapshot -l @a")).contains("one");
    ok("snapshot -a one @a");
    ok("snapshot -d one @a");
    assertThat(ok("snapshot -l @a")).doesNotContain("one");
    assertThat(run("snapshot -d one @a").err).contains("no snapshot 'one'");
    assertThat(ok("measure -O qcow2 --size 64M"))
        .contains("required size: 327680")
        .contains("fully allocated size: 67436544");
    // A bitmap's cluster and table, and the directory.
    ok("bitmap --add @a b");
    ok("snapshot -c two @a");
    assertThat(ok("measure -O qcow2 -l two @a")).contains("bitmaps size: 196608");
    assertThat(ok("measure -O qcow2 -o compat=0.10 @a")).doesNotContain("bitmaps");
    assertThat(run("measure -O qcow2 -l none @a").err).contains("no snapshot 'none'");
    ok("bitmap --remove @a b");
    ok("snapshot -d two @a");
    ok("amend -o compat=0.10 @a");
    assertThat(ok("info @a")).contains("compat: 0.10");
    assertThat(ok("bench -c 20 -d 2 -f qcow2 @a")).contains("Run completed in");
    assertThat(ok("bench -w -c 20 --pattern 7 -f qcow2 @a")).contains("Run completed in");
    assertThat(ok("check @a")).contains("No errors");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "amend -o nonsense=1 @good",
        "bench @missing",
        "bench -c many @good",
        "check @missing",
        "check -r everything @good",
        "commit @good",
        "compare @good",
        "compare @good @missing",
        "convert -O nonsense @good @out",
        "convert -O qcow2 -o nonsense=1 @good @out",
        "convert @good @good",
        "convert @good",
        "create -f qcow2 @new",
        "create -f qcow2 @new -5",
        "create -f qcow2 @new 1Q",
        "create -f nonsense @new 1M",
        "create -f qcow2 -o cluster_size=77 @new 1M",
        "create -f qcow2 -o refcount_bits=3 @new 1M",
        "create -f qcow2 @no/such/folder 1M",
        "dd if=@missing of=@new",
        "dd nonsense",
        "info @missing",
        "info -f nonsense @good",
        "info --output=xml @good",
        "info @bad",
        "map @missing",
        "measure --size x",
        "rebase -b @missing -F qcow2 @good",
        "resize @good",
        "resize @good 5X",
        "snapshot -a none @good",
        "snapshot -c x @raw",
        "info --frobnicate @good",
        "frobnicate",
        "info @",
        "info nbd:unix:/no/such/socket",
        "info nbd:host:notaport",
        "--object secret,id=a info @good"
      })
  void badInputIsOneLineAndNotStatusZero(String command) throws IOException {
    ok("create -q -f qcow2 @good 1M");
    disk("raw", 1 << 20);
    byte[] bad = Files.readAllBytes(dir.resolve("good"));
    bad[20] = 77;
    Files.write(dir.resolve("bad"), bad);
    byte[] before = Files.readAllBytes(dir.resolve("good"));
    Result r = run(command);
    assertThat(r.status).as(r.out).isNotZero();
    assertThat(r.err.lines()).as(r.err).hasSize(1);
    assertThat(r.err).startsWith("tuber img: ").doesNotContain("Exception");
    assertThat(Files.readAllBytes(dir.resolve("good"))).isEqualTo(before);
  }
}
