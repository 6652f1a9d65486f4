package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.util.Map;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.ops.Progress;

/** Changes options of an existing image. Used through {@link Qcow2Image#amend}. */
final class Qcow2Amend {
  private final Qcow2Image image;
  private final Qcow2Header header;

  Qcow2Amend(Qcow2Image image) {
    this.image = image;
    this.header = image.header();
  }

  void run(AmendOptions amend, Progress progress) throws IOException {
    Map<String, String> options = amend.options();
    CreateOptions o = new CreateOptions(image.filename(), 0, options);
    for (String name : options.keySet()) {
      switch (name) {
        case "compat",
            "lazy_refcounts",
            "refcount_bits",
            "size",
            "backing_file",
            "backing_fmt",
            "encrypt.state",
            "encrypt.new-secret",
            "encrypt.old-secret",
            "encrypt.keyslot",
            "encrypt.iter-time" -> {}
        default ->
            throw new ImageException(image.filename(), name, "this option cannot be amended");
      }
    }
    image.requireWritable();
    image.commits().begin();
    image.commits().commit();
    String compat = o.get("compat", header.version >= 3 ? "1.1" : "0.10");
    boolean to3 = compat.equals("1.1") || compat.equals("v3");
    if (!to3 && !compat.equals("0.10") && !compat.equals("v2")) {
      throw new ImageException(image.filename(), "compat", "must be 0.10 or 1.1");
    }
    if (to3 && header.version < 3) {
      header.version = 3;
      store();
      image.reopenTables();
    }
    long bits = o.bytes("refcount_bits", 1L << header.refcountOrder);
    if (bits != 1L << header.refcountOrder) {
      changeRefcountBits(bits, to3);
    }
    if (options.containsKey("lazy_refcounts")) {
      setLazy(o.flag("lazy_refcounts", false), to3);
    }
    if (options.containsKey("backing_file") || options.containsKey("backing_fmt")) {
      image.changeBacking(
          o.get("backing_file", header.backingName), o.get("backing_fmt", header.backingFormat()));
    }
    if (options.keySet().stream().anyMatch(name -> name.startsWith("encrypt."))) {
      new Qcow2Facts(image).amendKeys(amend);
    }
    if (options.containsKey("size")) {
      image.resize(o.bytes("size", 0), Preallocation.OFF);
    }
    if (!to3 && header.version >= 3) {
      downgrade(progress);
    }
    progress.report(1, 1);
  }

  private void store() throws IOException {
    image.writeHeader();
    image.file().flush();
  }

  private void setLazy(boolean on, boolean version3) throws IOException {
    if (on && !version3) {
      throw new ImageException(image.filename(), "lazy_refcounts", "needs compat=1.1");
    }
    if (!on) {
      image.commits().leaveLazy();
    }
    header.compatible =
        on
            ? header.compatible | Qcow2Header.COMPAT_LAZY_REFCOUNTS
            : header.compatible & ~Qcow2Header.COMPAT_LAZY_REFCOUNTS;
    store();
  }

  private void changeRefcountBits(long bits, boolean version3) throws IOException {
    if (Long.bitCount(bits) != 1 || bits > 64 || !version3) {
      throw new ImageException(
          image.filename(), "refcount_bits", "must be a power of two up to 64, with compat=1.1");
    }
    new Qcow2Check(image).rewriteCounts(Long.numberOfTrailingZeros(bits));
  }

  private void downgrade(Progress progress) throws IOException {
    String name = image.filename();
    if ((header.incompatible & ~Qcow2Header.INCOMPAT_DIRTY) != 0) {
      throw new ImageException(name, "compat", "the image uses features that 0.10 lacks");
    }
    if (header.refcountOrder != 4) {
      throw new ImageException(name, "compat", "0.10 needs refcount_bits=16");
    }
    if (header.snapshotCount > 0) {
      throw new ImageException(name, "compat", "delete the snapshots first");
    }
    image.commits().leaveLazy();
    image.data().expandZeros(progress);
    if (!image.check(CheckReport.Repair.NONE).isClean()) {
      throw new ImageException(name, "compat", "the image needs repair first");
    }
    header.version = 2;
    header.incompatible = 0;
    header.compatible = 0;
    header.autoclear = 0;
    header.setExtension(Qcow2Header.EXT_FEATURE_NAMES, null);
    store();
    image.reopenTables();
  }
}
