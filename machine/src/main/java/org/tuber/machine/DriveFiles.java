package org.tuber.machine;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.RamPieces;
import org.tuber.devices.block.AsyncDisk;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.ImageObjects;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.LiveDisk;

/**
 * The images behind a machine's drives: opens them as the options say, flushes and closes them with
 * the machine. Temporary files of {@code snapshot=on} live as long as this.
 */
public final class DriveFiles implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DriveFiles.class);
  private static final String OVERLAY = "qcow2";

  private final List<BlockBackend> open = new ArrayList<>();
  private final IdentityHashMap<BlockBackend, LiveDisk> live = new IdentityHashMap<>();
  private final BlockJobs jobs;
  private final List<Path> temporary = new ArrayList<>();
  private final Map<String, DriveOption> unclaimed = new HashMap<>();
  private int nameless;

  /**
   * The files of these drives; those with an id can be claimed by it.
   *
   * @param objects passphrases and credentials they need
   */
  public DriveFiles(List<DriveOption> drives, ImageObjects objects) throws MachineException {
    jobs = new BlockJobs(objects);
    for (DriveOption d : drives) {
      if (!d.id().isEmpty() && unclaimed.put(d.id(), d) != null) {
        throw new MachineException("-drive: two drives have id=" + d.id());
      }
    }
  }

  /**
   * The drive that a device names, once.
   *
   * @param driver the device, for messages
   */
  public DriveOption claim(String driver, String id) throws MachineException {
    if (id == null) {
      throw new MachineException("-device " + driver + ": needs drive=ID");
    }
    return claimFor("-device " + driver, id);
  }

  /** The drive that an option names, once. */
  public DriveOption claimFor(String option, String id) throws MachineException {
    DriveOption drive = unclaimed.remove(id);
    if (drive == null) {
      throw new MachineException(option + ": no free -drive has id=" + id);
    }
    return drive;
  }

  /** Opens a drive's image; null when it has none. */
  public BlockBackend open(DriveOption drive) throws MachineException {
    if (drive.file() == null) {
      return null;
    }
    try {
      boolean writable = !drive.readOnly() && !drive.snapshot();
      OpenOptions options =
          OpenOptions.readWrite()
              .withWritable(writable)
              .withFormat(drive.format())
              .withCache(CacheMode.parse(drive.cache()))
              .withObjects(jobs.objects());
      BlockNode node = Images.open(drive.file(), options);
      boolean guessedRaw = drive.format() == null && node.formatName().equals("raw");
      boolean raw = guessedRaw && writable;
      if (guessedRaw && drive.media() == DriveOption.Media.DISK) {
        LOG.warn(
            "the format of '{}' was not given and looks like raw. A guest can make a raw image look"
                + " like another format: writes to its first block are checked. Say format=raw to"
                + " lift that.",
            drive.file());
      }
      if (drive.snapshot()) {
        node = overlay(node, drive);
      }
      LiveDisk liveDisk = new LiveDisk(freeName(drive), node, options.withWritable(true));
      jobs.add(liveDisk);
      if (!drive.limits().isEmpty()) {
        jobs.setLimits(liveDisk, drive.limits());
      }
      if (drive.copyOnRead() && !liveDisk.isReadOnly()) {
        liveDisk.copyOnRead();
      }
      BlockBackend disk = new AsyncDisk(liveDisk, liveDisk::admit);
      if (raw) {
        disk = new GuardedRaw(disk);
      }
      open.add(disk);
      live.put(disk, liveDisk);
      return disk;
    } catch (IOException e) {
      throw new MachineException("cannot open drive " + e.getMessage(), e);
    }
  }

  /** A drive's id, but for a second medium of one drive, and drives without id. */
  private String freeName(DriveOption drive) {
    String name = drive.id().isEmpty() ? "drive" + nameless++ : drive.id();
    while (jobs.isKnown(name)) {
      name = (drive.id().isEmpty() ? "drive" : drive.id() + "-") + nameless++;
    }
    return name;
  }

  /** The jobs on these drives, and the drives by name: their id, or {@code drive} and a number. */
  public BlockJobs jobs() {
    return jobs;
  }

  /** Lets a drive's disk be known by the drive's name; null is harmless. */
  public void rename(BlockBackend disk, String name) {
    LiveDisk d = disk == null ? null : live.get(disk);
    if (d != null) {
      try {
        jobs.rename(d, name);
      } catch (IOException e) {
        LOG.warn("{}", e.getMessage());
      }
    }
  }

  /** What lies behind a drive that {@link #open} returned; null for one it did not. */
  public LiveDisk live(BlockBackend disk) {
    return live.get(disk);
  }

  /** A temporary image over {@code base} that takes the writes. */
  private BlockNode overlay(BlockNode base, DriveOption drive) throws IOException {
    long bytes = base.lengthBytes();
    String format = base.formatName();
    base.close();
    Path file = Files.createTempFile("tuber-snapshot", "." + OVERLAY);
    temporary.add(file);
    String backing =
        Images.hasProtocol(drive.file())
            ? drive.file()
            : Path.of(drive.file()).toAbsolutePath().toString();
    CreateOptions create =
        CreateOptions.of(file.toString(), bytes)
            .with("backing_file", backing)
            .with("backing_fmt", format);
    ImageFormats.byName(file.toString(), OVERLAY).create(create);
    OpenOptions options = OpenOptions.readWrite().withFormat(OVERLAY).withCache(CacheMode.UNSAFE);
    return Images.open(file.toString(), options);
  }

  /** Closes one image before the machine ends: a medium that was taken out. Null is harmless. */
  public void release(BlockBackend disk) {
    if (disk != null && open.remove(disk)) {
      LiveDisk gone = live.remove(disk);
      if (gone != null) {
        jobs.remove(gone.name());
      }
      disk.close();
    }
  }

  /** Everything written is on stable storage afterwards. */
  public void flush() {
    for (BlockBackend disk : open) {
      try {
        if (!disk.isReadOnly()) {
          disk.flush().join();
        }
      } catch (CompletionException e) {
        LOG.error("flushing a drive: {}", String.valueOf(e.getCause()));
      }
    }
  }

  @Override
  public void close() {
    try {
      jobs.close();
    } catch (IOException e) {
      LOG.error("ending block jobs: {}", e.toString());
    }
    for (BlockBackend disk : open) {
      try {
        disk.close();
      } catch (RuntimeException e) {
        LOG.error("closing a drive: {}", e.toString());
      }
    }
    open.clear();
    for (Path file : temporary) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        LOG.warn("removing a temporary image: {}", e.toString());
      }
    }
    temporary.clear();
  }

  /**
   * A raw image whose format was guessed: the guest must not give it the head of another format,
   * which would be believed next time.
   */
  private record GuardedRaw(BlockBackend disk) implements BlockBackend {
    @Override
    public long lengthBytes() {
      return disk.lengthBytes();
    }

    @Override
    public void onResize(Runnable listener) {
      disk.onResize(listener);
    }

    @Override
    public boolean isReadOnly() {
      return disk.isReadOnly();
    }

    @Override
    public CompletableFuture<Void> read(long offset, MemorySegment target) {
      return disk.read(offset, target);
    }

    @Override
    public boolean readAtOnce(long offset, RamPieces target) {
      return disk.readAtOnce(offset, target);
    }

    @Override
    public CompletableFuture<Void> write(long offset, MemorySegment source) {
      if (offset == 0 && looksForeign(source)) {
        return CompletableFuture.failedFuture(
            new IOException("the guest writes the head of another image format; say format=raw"));
      }
      return disk.write(offset, source);
    }

    private static boolean looksForeign(MemorySegment source) {
      byte[] head = new byte[ImageFormat.PROBE_BYTES];
      int known = (int) Math.min(head.length, source.byteSize());
      MemorySegment.copy(source, 0, MemorySegment.ofArray(head), 0, known);
      try {
        return !ImageFormats.probe(head, null).equals("raw");
      } catch (IOException | RuntimeException e) {
        return true;
      }
    }

    @Override
    public CompletableFuture<Void> flush() {
      return disk.flush();
    }

    @Override
    public CompletableFuture<Void> discard(long offset, long length) {
      return disk.discard(offset, length);
    }

    @Override
    public CompletableFuture<Void> writeZeroes(long offset, long length) {
      return disk.writeZeroes(offset, length);
    }

    @Override
    public void close() {
      disk.close();
    }
  }
}
