package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.host.HostFile;
import org.tuber.devices.block.live.BlockJobs;

/**
 * QMP: images made while the machine runs, as jobs. A file is made first and given a name by {@code
 * blockdev-add}; the format's structure goes into the file of that name.
 */
final class BlockCreateCommands implements QmpTable.Family {
  private static final Set<String> FORMATS =
      Set.of("luks", "qcow", "qcow2", "qed", "vdi", "vhdx", "vmdk", "vpc");

  private static final String HASHES = "md5|sha1|sha224|sha256|sha384|sha512|ripemd160";

  /** LUKS options and what they can be ({@code QCryptoBlockCreateOptionsLUKS}). */
  private static final Map<String, String> CIPHER =
      Map.of(
          "key-secret",
          ".*",
          "cipher-alg",
          "(aes|serpent|twofish)-(128|192|256)|cast5-128|des|3des",
          "cipher-mode",
          "ecb|cbc|xts|ctr",
          "ivgen-alg",
          "plain|plain64|essiv",
          "ivgen-hash-alg",
          HASHES,
          "hash-alg",
          HASHES,
          "iter-time",
          "[0-9]+");

  /** Those that need no file beside the one given. */
  private static final Set<String> SUBFORMATS = Set.of("monolithicSparse", "dynamic", "fixed");

  private static final Set<String> OTHERS =
      Set.of("raw", "parallels", "nbd", "http", "https", "host_device");

  private final MonitorDisks disks;

  BlockCreateCommands(MonitorDisks disks) {
    this.disks = disks;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add("blockdev-create", this::create);
  }

  private JsonNode create(QmpArguments a) throws QmpException {
    final String id = a.text("job-id");
    QmpArguments o = a.object("options");
    a.end();
    if (!id.matches("[A-Za-z][A-Za-z0-9_.-]*")) {
      throw new QmpException("Invalid job ID '" + id + "'");
    }
    if (disks.jobs().jobs().stream().anyMatch(j -> j.id().equals(id))) {
      throw new QmpException("Job ID '" + id + "' already in use");
    }
    String driver = o.text("driver");
    BlockJobs.Making making;
    if (driver.equals("file")) {
      making = file(o);
    } else if (FORMATS.contains(driver)) {
      making = image(driver, o);
    } else if (OTHERS.contains(driver)) {
      throw new QmpException("Driver does not support blockdev-create");
    } else {
      throw new QmpException("Parameter 'driver' does not accept value '" + driver + "'");
    }
    return MonitorDisks.attempt(
        () -> {
          disks.jobs().create(id, making);
          return null;
        });
  }

  private static long size(QmpArguments o) throws QmpException {
    if (!o.has("size")) {
      throw missing("size");
    }
    return o.number("size");
  }

  private static QmpException missing(String name) {
    return new QmpException("Parameter 'options." + name + "' is missing");
  }

  private static void requireNoOthers(QmpArguments o) throws QmpException {
    if (!o.others().isEmpty()) {
      throw new QmpException("Parameter 'options." + o.others().getFirst() + "' is unexpected");
    }
  }

  private static BlockJobs.Making file(QmpArguments o) throws QmpException {
    if (!o.has("filename")) {
      throw missing("filename");
    }
    String name = o.text("filename");
    long bytes = size(o);
    String preallocation = o.text("preallocation", "off");
    o.flag("nocow", false);
    requireNoOthers(o);
    return () -> {
      if (bytes < 0) {
        throw new ImageException(name, "size", "must not be negative");
      }
      Preallocation how = Preallocation.parse(name, preallocation);
      try (HostFile file = HostFile.create(name)) {
        switch (how) {
          case FALLOC -> file.allocate(0, bytes);
          case FULL -> file.writeZeroData(0, bytes);
          default -> {}
        }
        file.setSize(bytes);
      }
    };
  }

  private BlockJobs.Making image(String driver, QmpArguments o) throws QmpException {
    if (!o.has("file")) {
      throw missing("file");
    }
    String node = o.text("file");
    long bytes = size(o);
    ImageFormat format = ImageFormats.isKnown(driver) ? format(driver) : null;
    Map<String, String> options = new LinkedHashMap<>();
    if (driver.equals("qcow2") && o.has("encrypt")) {
      encryption(o.object("encrypt"), options);
    }
    for (String name : o.others()) {
      String value = o.word(name);
      String ours = driver.equals("luks") ? name : name.replace('-', '_');
      requireCipher("", name, value);
      if (name.equals("version") && driver.equals("qcow2")) {
        ours = "compat";
      } else if (name.equals("preallocation") && driver.equals("vdi")) {
        ours = "static";
        value = value.equals("off") ? "off" : "on";
      } else if (ours.equals("subformat") && !SUBFORMATS.contains(value)) {
        throw new QmpException(
            "Parameter 'options.subformat' does not accept value '" + value + "' here");
      } else if (format == null || !format.createOptionNames().contains(ours)) {
        throw new QmpException("Parameter 'options." + name + "' is unexpected");
      }
      options.put(ours, value);
    }
    return () -> make(format, node, bytes, options);
  }

  /** What a qcow2 image is encrypted with. */
  private static void encryption(QmpArguments o, Map<String, String> options) throws QmpException {
    if (!o.has("format")) {
      throw missing("encrypt.format");
    }
    String format = o.text("format");
    if (!format.equals("luks")) {
      // Old AES is only opened.
      throw new QmpException("Parameter 'format' does not accept value '" + format + "'");
    }
    options.put("encrypt.format", format);
    for (String name : o.others()) {
      if (!CIPHER.containsKey(name)) {
        throw new QmpException("Parameter 'options.encrypt." + name + "' is unexpected");
      }
      String value = o.word(name);
      requireCipher("encrypt.", name, value);
      options.put("encrypt." + name, value);
    }
  }

  private static void requireCipher(String prefix, String name, String value) throws QmpException {
    if (CIPHER.containsKey(name)) {
      if (!value.matches(CIPHER.get(name))) {
        throw new QmpException(
            "Parameter '" + prefix + name + "' does not accept value '" + value + "'");
      }
    }
  }

  private static ImageFormat format(String driver) throws QmpException {
    return MonitorDisks.attempt(() -> ImageFormats.byName(driver, driver));
  }

  private void make(ImageFormat format, String node, long bytes, Map<String, String> options)
      throws IOException {
    String file = disks.nodes().file(node);
    if (file == null) {
      throw new IOException(MonitorDisks.notFound(node, node).getMessage());
    }
    if (bytes < 0 && format.name().equals("luks")) {
      throw new IOException("The requested file size is too large");
    }
    if (bytes < 0 || bytes % 512 != 0 && !format.name().equals("luks")) {
      throw new IOException("Image size must be a multiple of 512 bytes");
    }
    format.create(
        new CreateOptions(file, bytes, options).withSecrets(disks.jobs().objects()::secret));
  }
}
