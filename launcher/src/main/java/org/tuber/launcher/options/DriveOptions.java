package org.tuber.launcher.options;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.DriveOption;
import org.tuber.machine.DriveOption.Bus;
import org.tuber.machine.DriveOption.Media;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Disks: {@code -hda} to {@code -hdd}, {@code -cdrom -fda -fdb -drive -snapshot}, and the empty
 * drives that a machine has unless {@code -nodefaults}.
 */
public final class DriveOptions extends OptionTable {
  private static final int CDROM_PLACE = 2;

  private final BooleanSupplier noDefaults;
  private final Bus defaultBus;
  private final List<DriveOption> drives = new ArrayList<>();
  private boolean snapshot;

  /**
   * The options.
   *
   * @param noDefaults asked after parsing
   * @param defaultBus of drives that do not name one; empty drives exist with IDE only
   */
  public DriveOptions(BooleanSupplier noDefaults, Bus defaultBus) {
    this.noDefaults = noDefaults;
    this.defaultBus = defaultBus;
  }

  @Override
  public void addTo(CommandSpec spec) {
    for (int i = 0; i < 4; i++) {
      int place = i;
      char letter = (char) ('a' + i);
      spec.addOption(
          value(
              "-hd" + letter,
              "file",
              "disk " + i,
              text -> plain(text, Bus.IDE, place, Media.DISK)));
    }
    for (int i = 0; i < 2; i++) {
      int place = i;
      char letter = (char) ('a' + i);
      spec.addOption(
          value(
              "-fd" + letter,
              "file",
              "floppy " + i,
              text -> plain(text, Bus.FLOPPY, place, Media.DISK)));
    }
    spec.addOption(
        value("-cdrom", "file", "CD-ROM", text -> plain(text, Bus.IDE, CDROM_PLACE, Media.CDROM)));
    spec.addOption(
        value(
            "-pflash",
            "file",
            "flash memory, as -drive if=pflash,format=raw",
            text -> drive("if=pflash,format=raw,file=" + text.replace(",", ",,"))));
    spec.addOption(value("-drive", "file=F[,format=f][,if=type]", "one more drive", this::drive));
    spec.addOption(
        flag("-snapshot", "writes to all drives are forgotten at the end", () -> snapshot = true));
  }

  private void plain(String file, Bus bus, int place, Media media) {
    boolean cdrom = media == Media.CDROM;
    drives.add(new DriveOption("", file, null, bus, place, media, false, cdrom, "writeback"));
  }

  private void drive(String text) {
    KeyValues v = KeyValues.parse("-drive", text, null);
    ThrottleOptions limits = new ThrottleOptions();
    Set<String> known = new HashSet<>(limits.keys());
    known.addAll(
        Set.of(
            "file",
            "format",
            "driver",
            "if",
            "index",
            "bus",
            "unit",
            "media",
            "snapshot",
            "readonly",
            "read-only",
            "cache",
            "id",
            "werror",
            "rerror",
            "aio",
            "discard",
            "detect-zeroes",
            "copy-on-read"));
    known.addAll(DriveDescription.KEYS);
    v.rest().keySet().stream().filter(DriveDescription::describes).forEach(known::add);
    v.only(known);
    Bus bus =
        switch (v.get("if", defaultBus.name().toLowerCase(Locale.ROOT))) {
          case "ide" -> Bus.IDE;
          case "floppy" -> Bus.FLOPPY;
          case "pflash" -> Bus.PFLASH;
          case "virtio" -> Bus.VIRTIO;
          case "none" -> Bus.NONE;
          default -> throw unknown(text, "if", v.get("if", ""), "ide, floppy, pflash, none");
        };
    String kind = v.get("media", "disk");
    if (!kind.equals("disk") && !kind.equals("cdrom")) {
      throw unknown(text, "media", kind, "disk, cdrom");
    }
    boolean cdrom = kind.equals("cdrom");
    int perBus = bus == Bus.IDE ? 2 : 1;
    int index = v.integer("index", -1, 0, 63);
    if (index < 0 && (v.get("bus", null) != null || v.get("unit", null) != null)) {
      index = v.integer("bus", 0, 0, 31) * perBus + v.integer("unit", 0, 0, 31);
    }
    boolean readOnly = v.isOn("readonly", v.isOn("read-only", cdrom));
    DriveDescription image = DriveDescription.of(v.rest());
    drives.add(
        new DriveOption(
            v.get("id", ""),
            image.file(),
            image.format(),
            bus,
            index,
            cdrom ? Media.CDROM : Media.DISK,
            v.isOn("snapshot", false),
            readOnly,
            v.get("cache", "writeback"),
            limits.parse(v, "-drive " + text),
            v.isOn("copy-on-read", false)));
  }

  private static CommandLineException unknown(String text, String key, String value, String known) {
    return new CommandLineException(
        "-drive " + text + ": unknown " + key + " '" + value + "'; known: " + known);
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    for (DriveOption d : drives) {
      boolean forget = d.snapshot() || snapshot && !d.readOnly();
      config.drive(
          new DriveOption(
              d.id(),
              d.file(),
              d.format(),
              d.bus(),
              d.index(),
              d.media(),
              forget,
              d.readOnly(),
              d.cache(),
              d.limits(),
              d.copyOnRead()));
    }
    if (hasEmptyDrives() && isFree(Bus.IDE, CDROM_PLACE)) {
      config.drive(
          new DriveOption(
              "", null, null, Bus.IDE, CDROM_PLACE, Media.CDROM, false, true, "writeback"));
    }
    if (hasEmptyDrives() && isFree(Bus.FLOPPY, 0)) {
      config.drive(
          new DriveOption("", null, null, Bus.FLOPPY, 0, Media.DISK, false, false, "writeback"));
    }
  }

  private boolean hasEmptyDrives() {
    return defaultBus == Bus.IDE && !noDefaults.getAsBoolean();
  }

  private boolean isFree(Bus bus, int place) {
    // Drives without a place take the lowest free ones.
    long before = drives.stream().filter(d -> d.bus() == bus && d.index() < place).count();
    return before <= place && drives.stream().noneMatch(d -> d.bus() == bus && d.index() == place);
  }
}
