package org.tuber.devices.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.devices.block.options.ImageOptions;
import org.tuber.devices.block.options.OptionTree;

/** Images described by options: what the options mean, and that QEMU takes and refuses the same. */
class ImageOptionsTest {
  @TempDir Path dir;

  private static OptionTree tree(String text) {
    Map<String, String> all = new LinkedHashMap<>();
    for (String part : text.split(",")) {
      int eq = part.indexOf('=');
      all.put(part.substring(0, eq), part.substring(eq + 1));
    }
    return OptionTree.of(text, all);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "driver=file,filename=x raw x",
        "driver=qcow2,file.filename=x qcow2 x",
        "driver=qcow2,file.driver=file,file.filename=nbd:x:1 qcow2 file:nbd:x:1",
        "driver=qcow2,file.filename=nbd:x:1 qcow2 nbd:x:1",
        "driver=nbd,host=h raw nbd://h:10809/",
        "driver=nbd,host=::1,port=7,export=a/b raw nbd://[::1]:7/a/b",
        "driver=nbd,path=/s raw nbd+unix:///?socket=/s",
        "driver=vdi,file.driver=nbd,file.server.type=inet,file.server.host=h,file.server.port=1"
            + " vdi nbd://h:1/",
        "driver=nbd,server.type=unix,server.path=/s,export=e,reconnect-delay=5,tls-creds=t"
            + " raw nbd+unix:///e?socket=/s&tls-creds=t&reconnect-delay=5",
        "driver=nbd,filename=nbd:unix:/s:exportname=e,tls-hostname=n"
            + " raw nbd+unix:///e?socket=/s&tls-hostname=n",
        "driver=raw,file.driver=https,file.url=https://h/x raw https://h/x",
        "driver=gluster,volume=v,path=p/q,server.0.type=inet,server.0.host=h,server.0.port=24007"
            + " raw gluster://h/v/p/q",
        "driver=qcow2,file.driver=gluster,file.volume=v,file.path=p,file.debug=9,file.logfile=/l,"
            + "file.server.0.transport=tcp,file.server.0.host=h,file.server.0.port=7,"
            + "file.server.1.type=unix,file.server.1.socket=/s"
            + " qcow2 gluster://h:7/v/p?server=unix%3A/s&logfile=/l&debug=9",
        "driver=gluster,volume=v,path=p,server.0.type=unix,server.0.path=/s"
            + " raw gluster+unix:///v/p?socket=/s",
        "driver=rbd,pool=p,image=i raw rbd:p/i",
        "driver=qcow2,file.driver=rbd,file.pool=p,file.namespace=n,file.image=i,file.snapshot=s,"
            + "file.user=u,file.conf=/c qcow2 rbd:p/n/i@s:id=u:conf=\\/c",
        "driver=rbd,pool=p:q,image=i,server.0.host=h,server.0.port=1,server.1.host=::1,"
            + "server.1.port=2,auth-client-required.0=cephx,auth-client-required.1=none,"
            + "key-secret=k raw"
            + " rbd:p\\:q/i:mon_host=h\\:1;[\\:\\:1]\\:2:auth_client_required=cephx;none:"
            + "key-secret=k",
        "driver=raw,file.driver=raw,file.file.filename=x raw x"
      })
  void whatOptionsMean(String options, String format, String name) throws IOException {
    ImageOptions o = ImageOptions.of(tree(options), OpenOptions.readOnly());
    assertThat(o.filename()).isEqualTo(name);
    assertThat(o.options().format()).isEqualTo(format);
    // As a name in JSON they mean the same.
    ImageOptions json = ImageOptions.parse(tree(options).name(), OpenOptions.readOnly());
    assertThat(json.filename()).isEqualTo(name);
    assertThat(json.options().format()).isEqualTo(format);
  }

  @Test
  void howToOpen() throws IOException {
    OpenOptions o =
        ImageOptions.of(
                tree(
                    "driver=qcow2,file.filename=x,cache.direct=on,read-only=on,l2-cache-size=1M,"
                        + "encrypt.key-secret=k,discard=ignore,overlap-check=none,"
                        + "backing.driver=raw,backing.file.filename=y,file.locking=off"),
                OpenOptions.readWrite())
            .options();
    assertThat(o.cache()).isEqualTo(CacheMode.NONE);
    assertThat(o.writable()).isFalse();
    assertThat(o.metadataCacheBytes()).isEqualTo(1 << 20);
    assertThat(o.secretId()).isEqualTo("k");
    assertThat(o.discard()).isFalse();
    assertThat(o.locked()).isFalse();
    assertThat(o.backingName()).startsWith("json:{");
    assertThat(o.forBacking(null).backingName()).isNull();
    OpenOptions none =
        ImageOptions.of(
                tree("driver=qcow2,file.filename=x,backing=,cache.no-flush=on"),
                OpenOptions.readOnly())
            .options();
    assertThat(none.openBacking()).isFalse();
    assertThat(none.cache()).isEqualTo(CacheMode.UNSAFE);
  }

  /** Ours and qemu-img's status, and the problem where both refuse. */
  private void sameAsQemu(String name, String... opts) throws IOException {
    String[] command = new String[3 + opts.length];
    command[0] = "qemu-img";
    command[1] = "info";
    System.arraycopy(opts, 0, command, 2, opts.length);
    command[command.length - 1] = name;
    QemuTools.Result theirs = QemuTools.run(dir, command);
    String problem = null;
    try {
      ImageOptions o =
          opts.length == 0
              ? ImageOptions.parse(name, OpenOptions.readOnly())
              : ImageOptions.of(tree(name), OpenOptions.readOnly());
      String where = dir.resolve(o.filename()).toString();
      try (BlockNode node = Images.open(where, o.options())) {
        assertThat(theirs.output()).as(name).contains("(" + node.lengthBytes() + " bytes)");
      }
    } catch (ImageException e) {
      problem = e.problem();
    }
    assertThat(problem != null)
        .as("%s: %s, %s", name, theirs.output(), problem)
        .isEqualTo(theirs.status() != 0);
    if (problem != null) {
      assertThat(theirs.output()).contains(problem);
    }
  }

  @Test
  void qemuTakesAndRefusesTheSame() throws IOException {
    QemuTools.require("qemu-img");
    QemuTools.img(dir, "create", "-q", "-f", "qcow2", "x", "3M");
    QemuTools.img(dir, "create", "-q", "-f", "qcow2", "-b", "x", "-F", "qcow2", "y");
    for (String options :
        new String[] {
          "driver=qcow2,file.filename=x",
          "file.filename=x",
          "driver=raw,file.driver=file,file.filename=x",
          "driver=file,filename=x",
          "driver=qcow2,file.filename=y,l2-cache-size=1M,cache.direct=on,read-only=on",
          "driver=qcow2",
          "driver=foo,file.filename=x",
          "filename=x",
          "driver=qcow2,file.filename=x,foo=1",
          "driver=qcow2,file.driver=file,file.filename=x,file.foo=1",
          "driver=nbd",
          "driver=nbd,host=h,path=/p",
          "driver=rbd",
          "driver=rbd,pool=p",
          "driver=qcow2,file=x",
        }) {
      sameAsQemu(options, "--image-opts");
    }
    for (String json :
        new String[] {
          "{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"x\"}}",
          "{\"driver\":\"qcow2\",\"file.filename\":\"x\"}",
          "{\"driver\":\"raw\",\"file\":{\"filename\":\"x\"},\"read-only\":true}",
          "{\"driver\":\"qcow2\",\"file\":{\"filename\":\"y\"},\"backing\":null}",
          "{\"driver\":\"qcow2\",\"file.filename\":\"x\",\"foo\":{\"bar\":1}}",
          "[]"
        }) {
      sameAsQemu("json:" + json);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"json:", "json:{", "json:[1]", "json:null", "json:{\"driver\":{}}"})
  void nonsenseIsRefused(String name) {
    assertThatThrownBy(() -> Images.open(name, OpenOptions.readOnly()))
        .isInstanceOf(ImageException.class);
  }

  @Test
  void imagesMayNameTheirBackingFileSo() throws IOException {
    String base = dir.resolve("base").toString();
    ImageFormats.byName(base, "qcow2").create(CreateOptions.of(base, 1 << 20));
    try (BlockNode n = Images.open(base, OpenOptions.readWrite())) {
      n.write(5, ByteBuffer.wrap("below".getBytes(StandardCharsets.US_ASCII)));
    }
    String json = tree("driver=qcow2,file.driver=file,file.filename=" + base).name();
    String top = dir.resolve("top").toString();
    ImageFormats.byName(top, "qcow2")
        .create(
            CreateOptions.of(top, 1 << 20).with("backing_file", json).with("backing_fmt", "qcow2"));
    String other = dir.resolve("other").toString();
    ImageFormats.byName(other, "raw").create(CreateOptions.of(other, 1 << 20));
    String replaced =
        tree("driver=qcow2,file.filename="
                + top
                + ",backing.driver=raw,backing.file.filename="
                + other)
            .name();
    for (String name : new String[] {top, replaced}) {
      try (BlockNode n = Images.open(name, OpenOptions.readOnly())) {
        ByteBuffer got = ByteBuffer.allocate(5);
        n.read(5, got);
        String text = new String(got.array(), StandardCharsets.US_ASCII);
        assertThat(text).isEqualTo(name.equals(top) ? "below" : "\0\0\0\0\0");
      }
    }
    QemuTools.require("qemu-img");
    assertThat(QemuTools.img(dir, "info", "--backing-chain", top)).contains("image: " + base);
    QemuTools.img(dir, "compare", top, base);
  }

  @Test
  void secretsCanBeEncrypted() throws Exception {
    ImageObjects objects = new ImageObjects();
    // openssl enc -aes-256-cbc -base64 -K 00…1f -iv 00…0f
    byte[] master = new byte[32];
    byte[] iv = new byte[16];
    for (int i = 0; i < 32; i++) {
      master[i] = (byte) i;
      iv[i & 15] = (byte) (i & 15);
    }
    Cipher c = Cipher.getInstance("AES/CBC/PKCS5Padding");
    c.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(master, "AES"), new IvParameterSpec(iv));
    Base64.Encoder base64 = Base64.getEncoder();
    String data = base64.encodeToString(c.doFinal("sesame".getBytes(StandardCharsets.US_ASCII)));
    String masterText = base64.encodeToString(master);
    String ivText = base64.encodeToString(iv);
    objects.add("secret", "m", Map.of("data", masterText, "format", "base64"));
    Map<String, String> inner =
        Map.of("keyid", "m", "iv", ivText, "data", data, "format", "base64");
    objects.add("secret", "s", inner);
    assertThat(objects.secret("s")).asString(StandardCharsets.US_ASCII).isEqualTo("sesame");
    assertThat(objects.secret("t")).isNull();
    assertThatThrownBy(() -> objects.add("secret", "s", Map.of("data", "x")))
        .hasMessageContaining("duplicate");
    QemuTools.require("qemu-img");
    String image = dir.resolve("l").toString();
    ImageFormats.byName(image, "luks")
        .create(
            CreateOptions.of(image, 1 << 20)
                .withSecrets(objects::secret)
                .with("key-secret", "s")
                .with("iter-time", "10"));
    QemuTools.img(
        dir,
        "convert",
        "-O",
        "raw",
        "--object",
        "secret,id=m,format=base64,data=" + masterText,
        "--object",
        "secret,id=s,keyid=m,format=base64,iv=" + ivText + ",data=" + data,
        "--image-opts",
        "driver=luks,key-secret=s,file.filename=" + image,
        "plain");
  }
}
