package org.tuber.machine.board.pc;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.tuber.core.backend.BlockBackend;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.storage.FloppyDrive;
import org.tuber.devices.storage.MmcDrive;
import org.tuber.machine.DriveFiles;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineParts;
import org.tuber.machine.RunEvent;

/** The drives of a PC by name, for monitors: what lies in them, and other media. */
final class PcDrives {
  /** A slot for media, whatever the drive. */
  private interface Tray {
    BlockBackend medium();

    void remove();

    void insert(BlockBackend medium);

    /** True when the guest keeps the medium for now. */
    boolean keeps(boolean force);

    /** True while the tray is out. */
    default boolean isOpen() {
      return false;
    }

    /** True while the guest prevents removal. */
    default boolean isLocked() {
      return false;
    }
  }

  private static final class Entry {
    private final String name;
    private final String device;
    private final Tray tray;
    private final BlockBackend fixed;
    private DriveOption option;

    Entry(String device, DriveOption option, BlockBackend fixed, Tray tray) {
      this.name = option.id().isEmpty() ? device : option.id();
      this.device = device;
      this.option = option;
      this.fixed = fixed;
      this.tray = tray;
    }

    BlockBackend medium() {
      return tray == null ? fixed : tray.medium();
    }
  }

  private final DriveFiles files;
  private final Consumer<RunEvent> events;
  private final List<Entry> entries = new ArrayList<>();

  /**
   * No drives yet.
   *
   * @param events hears of trays
   */
  PcDrives(DriveFiles files, Consumer<RunEvent> events) {
    this.files = files;
    this.events = events;
  }

  void addDisk(String device, DriveOption option, BlockBackend image) {
    add(new Entry(device, option, image, null));
  }

  private void add(Entry e) {
    entries.add(e);
    files.rename(e.medium(), e.name);
  }

  void addCdrom(String device, DriveOption option, MmcDrive drive) {
    Entry e =
        new Entry(
            device,
            option,
            null,
            new Tray() {
              @Override
              public BlockBackend medium() {
                return drive.medium();
              }

              @Override
              public void remove() {
                drive.removeMedium();
              }

              @Override
              public void insert(BlockBackend medium) {
                drive.insertMedium(medium);
              }

              @Override
              public boolean keeps(boolean force) {
                if (!force && drive.isLocked() && drive.medium() != null) {
                  drive.requestEject();
                  return true;
                }
                return false;
              }

              @Override
              public boolean isOpen() {
                return drive.isTrayOpen();
              }

              @Override
              public boolean isLocked() {
                return drive.isLocked();
              }
            });
    add(e);
    drive.setTrayListener(
        open -> events.accept(new RunEvent.TrayMoved(e.name, "/machine/" + device, open)));
  }

  void addFloppy(String device, DriveOption option, FloppyDrive drive) {
    add(
        new Entry(
            device,
            option,
            null,
            new Tray() {
              @Override
              public BlockBackend medium() {
                return drive.medium();
              }

              @Override
              public void remove() {
                drive.removeMedium();
              }

              @Override
              public void insert(BlockBackend medium) {
                drive.insertMedium(medium);
              }

              @Override
              public boolean keeps(boolean force) {
                return false;
              }
            }));
  }

  BlockJobs jobs() {
    return files.jobs();
  }

  List<MachineParts.Drive> list() {
    List<MachineParts.Drive> all = new ArrayList<>();
    for (Entry e : entries) {
      BlockBackend medium = e.medium();
      LiveDisk disk = medium == null ? null : files.live(medium);
      all.add(
          new MachineParts.Drive(
              e.name,
              "/machine/" + e.device,
              e.option,
              e.tray != null,
              e.tray != null && e.tray.isOpen(),
              e.tray != null && e.tray.isLocked(),
              medium == null ? -1 : medium.lengthBytes(),
              disk == null ? null : disk.formatName(),
              disk));
    }
    return all;
  }

  private Entry removable(String name) throws MachineException {
    for (Entry e : entries) {
      if (e.name.equals(name) || e.device.equals(name) || ("/machine/" + e.device).equals(name)) {
        if (e.tray == null) {
          throw new MachineException("Device '" + name + "' is not removable");
        }
        return e;
      }
    }
    throw new MachineException("Device '" + name + "' not found");
  }

  /** Takes the medium out. Device lock held. */
  void eject(String name, boolean force) throws MachineException {
    Entry e = removable(name);
    if (e.tray.keeps(force)) {
      throw new MachineException(
          "Device '" + name + "' is locked and force was not specified, wait for tray to open");
    }
    BlockBackend old = e.tray.medium();
    e.tray.remove();
    files.release(old);
  }

  /** Puts another medium in. Device lock held. */
  void change(String name, String file, String format, Boolean readOnly) throws MachineException {
    Entry e = removable(name);
    DriveOption o = e.option;
    DriveOption wanted =
        o.withMedium(file, format, readOnly == null ? o.readOnly() : readOnly.booleanValue());
    BlockBackend medium = files.open(wanted);
    if (e.tray.keeps(false)) {
      files.release(medium);
      throw new MachineException(
          "Device '" + name + "' is locked and force was not specified, wait for tray to open");
    }
    BlockBackend old = e.tray.medium();
    e.tray.remove();
    files.release(old);
    files.rename(medium, e.name);
    e.tray.insert(medium);
    e.option = wanted;
  }
}
