package org.tuber.devices.storage;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamPieces;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.MsixTable;
import org.tuber.devices.pci.PciFunction;

/**
 * An NVMe controller with one namespace over a disk image.
 *
 * <p>NVM Express 1.4: registers (3.1), queues (4.1), admin commands (5), NVM commands (6). 16 I/O
 * queue pairs, MSI-X or INTx. Deviations: no memory buffer, no metadata, no SGLs, no namespace
 * management; the only asynchronous event is that of a changed namespace (5.2, 5.14.1.4), when the
 * image has been resized; arbitration is by arrival.
 *
 * <p>A command in flight is kept as its 64 bytes, so that a saved state begins it anew: reads and
 * writes of blocks can be repeated.
 */
public final class NvmeController implements MmioDevice, Snapshottable<NvmeController.State> {
  /** Version register: 1.4. */
  static final int VERSION = 0x0001_0400;

  private static final Logger LOG = LoggerFactory.getLogger(NvmeController.class);
  private static final int WINDOW_BYTES = 0x4000;
  private static final int DOORBELLS = 0x1000;
  private static final int MSIX_TABLE = 0x2000;
  private static final int MSIX_PENDING = 0x3000;
  private static final int MAX_ENTRIES = 2048;
  private static final int MAX_EVENTS = 4;
  private static final int MAX_IN_FLIGHT = 256;
  private static final int AT_ONCE_BYTES = 1 << 20;
  private static final int MAX_TRANSFER_BYTES =
      NvmeIdentify.BYTES << NvmeIdentify.MAX_TRANSFER_SHIFT;
  private static final int SECTOR_BYTES = BlockBackend.SECTOR_BYTES;

  private static final int CC = 0x14;
  private static final int CSTS = 0x1c;
  private static final int AQA = 0x24;
  private static final int ASQ = 0x28;
  private static final int ACQ = 0x30;
  private static final int CC_WRITABLE = 0x00ff_fff1;
  private static final int CC_ENABLE = 1;
  private static final int CC_SHUTDOWN = 0xc000;
  private static final int CSTS_READY = 1;
  private static final int CSTS_FATAL = 2;
  private static final int CSTS_SHUTDOWN_DONE = 8;

  // Status codes, the type in bits 10:8.
  private static final int SUCCESS = 0;
  private static final int INVALID_OPCODE = 0x001;
  private static final int INVALID_FIELD = 0x002;
  private static final int DATA_TRANSFER_ERROR = 0x004;
  private static final int INTERNAL_ERROR = 0x006;
  private static final int INVALID_NAMESPACE = 0x00b;
  private static final int INVALID_PRP = 0x013;
  private static final int LBA_OUT_OF_RANGE = 0x080;
  private static final int WRITE_PROTECTED = 0x020;
  private static final int INVALID_CQ = 0x100;
  private static final int INVALID_QUEUE = 0x101;
  private static final int INVALID_QUEUE_SIZE = 0x102;
  private static final int TOO_MANY_EVENTS = 0x105;
  private static final int INVALID_VECTOR = 0x108;
  private static final int INVALID_LOG_PAGE = 0x109;
  private static final int INVALID_QUEUE_DELETION = 0x10c;
  private static final int UNRECOVERED_READ = 0x281;
  private static final int WRITE_FAULT = 0x280;
  private static final int DO_NOT_RETRY = 0x4000;

  private static final int EVENT_CONFIGURATION = 0x0b;
  private static final int NAMESPACE_NOTICES = 1 << 8;

  /** A notice (2) about a changed namespace (0), to be read in log page 4. */
  private static final int NAMESPACE_CHANGED = 4 << 16 | 0 << 8 | 2;

  /** There is no feature 0: its slot tells what of the changed namespace is still to be told. */
  private static final int CHANGES = 0;

  private static final int LISTED = 1;
  private static final int REPORTED = 2;

  /** The answer comes later. */
  private static final int LATER = -1;

  /**
   * A command that has not been answered.
   *
   * @param submission its queue
   * @param command its 64 bytes
   */
  public record Waiting(int submission, byte[] command) {}

  /**
   * State; the image is the board's.
   *
   * @param pci configuration space
   * @param msix vectors
   * @param configuration CC
   * @param status CSTS
   * @param adminSizes AQA
   * @param adminSubmission ASQ
   * @param adminCompletion ACQ
   * @param masks interrupt mask of INTx
   * @param submissions submission queues
   * @param completions completion queues
   * @param features values of SET FEATURES by identifier
   * @param events identifiers of waiting asynchronous event requests
   * @param inFlight commands that the image works on
   */
  public record State(
      PciFunction.State pci,
      MsixTable.State msix,
      int configuration,
      int status,
      int adminSizes,
      long adminSubmission,
      long adminCompletion,
      int masks,
      NvmeQueues.Ring[] submissions,
      NvmeQueues.Ring[] completions,
      int[] features,
      int[] events,
      Waiting[] inFlight) {}

  /** One command. */
  private static final class Command {
    private final int submission;
    private final ByteBuffer fields;

    Command(int submission, byte[] bytes) {
      this.submission = submission;
      this.fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    int opcode() {
      return fields.get(0) & 0xff;
    }

    int id() {
      return fields.getShort(2) & 0xffff;
    }

    int namespace() {
      return fields.getInt(4);
    }

    long prp1() {
      return fields.getLong(24);
    }

    long prp2() {
      return fields.getLong(32);
    }

    int word(int n) {
      return fields.getInt(4 * n);
    }

    long block() {
      return fields.getLong(40);
    }

    int blocks() {
      return (word(12) & 0xffff) + 1;
    }

    byte[] bytes() {
      byte[] b = new byte[NvmeQueues.COMMAND_BYTES];
      fields.get(0, b);
      return b;
    }
  }

  private final BlockBackend disk;
  private final String serial;
  private final DmaView memory;
  private final Executor eventLoop;
  private final PciFunction pci;
  private final MsixTable msix;
  private final OnceLog log = new OnceLog("nvme");
  private long sectors;
  private final NvmeQueues.Queue[] submissions = NvmeQueues.none();
  private final NvmeQueues.Queue[] completions = NvmeQueues.none();
  private final int[] features = new int[0x10];
  private final List<Integer> events = new ArrayList<>();
  private final List<Command> inFlight = new ArrayList<>();
  private int configuration;
  private int status;
  private int adminSizes;
  private long adminSubmission;
  private long adminCompletion;
  private int masks;
  private int result;

  /** Bytes that commands may still read at once; 0 outside of {@link #processAll}. */
  private int atOnceLeft;

  private final TransferBuffers buffers = new TransferBuffers(MAX_TRANSFER_BYTES);

  /**
   * A controller; the board attaches {@link #pci}.
   *
   * @param disk image of its namespace
   * @param serial serial number
   * @param memory where queues and data are
   * @param eventLoop runs answers of the image under the device lock
   */
  public NvmeController(BlockBackend disk, String serial, DmaView memory, Executor eventLoop) {
    this.disk = disk;
    this.serial = serial;
    this.memory = memory;
    this.eventLoop = eventLoop;
    this.sectors = disk.lengthBytes() / SECTOR_BYTES;
    disk.onResize(() -> eventLoop.execute(this::resized));
    pci = new PciFunction("nvme", new PciFunction.Identity(0x1b36, 0x0010, 2, 0x010802));
    pci.interruptPin(1);
    pci.addBar(0, PciFunction.Space.MEMORY_64, WINDOW_BYTES, this);
    msix = new MsixTable(pci, NvmeQueues.MAX, 0, MSIX_TABLE, MSIX_PENDING);
    pci.onConfigWrite(
        (offset, size) -> {
          msix.configWritten(offset, size);
          driveIntx(); // silent while MSI-X is on
        });
  }

  /** The function. */
  public PciFunction pci() {
    return pci;
  }

  // Registers.

  private long capabilities() {
    return MAX_ENTRIES - 1 | 1 << 16 | 15L << 24 | 1L << 37 | 4L << 52;
  }

  private long register(int offset) {
    return switch (offset) {
      case 0x00 -> capabilities() & 0xffff_ffffL;
      case 0x04 -> capabilities() >>> 32;
      case 0x08 -> VERSION;
      case 0x0c, 0x10 -> masks & 0xffff_ffffL;
      case CC -> configuration & 0xffff_ffffL;
      case CSTS -> status;
      case AQA -> adminSizes;
      case ASQ -> adminSubmission & 0xffff_ffffL;
      case ASQ + 4 -> adminSubmission >>> 32;
      case ACQ -> adminCompletion & 0xffff_ffffL;
      case ACQ + 4 -> adminCompletion >>> 32;
      default -> 0;
    };
  }

  @Override
  public long read(long offset, int size) {
    if (offset >= MSIX_TABLE) {
      return readVectors(offset - MSIX_TABLE, size);
    }
    int aligned = (int) offset & ~3;
    long value = register(aligned);
    if (size == 8) {
      value |= register(aligned + 4) << 32;
    }
    return value >>> (8 * (offset & 3));
  }

  @Override
  public void write(long offset, long value, int size) {
    if (offset >= MSIX_TABLE) {
      msix.write(offset - MSIX_TABLE, value & 0xffff_ffffL, Math.min(size, 4));
      if (size == 8) {
        msix.write(offset - MSIX_TABLE + 4, value >>> 32, 4);
      }
      return;
    }
    if (size < 4 || (offset & 3) != 0) {
      log.unimplemented("access narrower than a register", offset, value);
      return;
    }
    writeRegister((int) offset, (int) value);
    if (size == 8) {
      writeRegister((int) offset + 4, (int) (value >>> 32));
    }
  }

  private long readVectors(long at, int size) {
    long low = msix.read(at, Math.min(size, 4));
    return size == 8 ? low & 0xffff_ffffL | msix.read(at + 4, 4) << 32 : low;
  }

  private void writeRegister(int offset, int v) {
    if (offset >= DOORBELLS) {
      doorbell((offset - DOORBELLS) / 4, v & 0xffff);
      return;
    }
    switch (offset) {
      case 0x0c -> {
        masks |= v;
        driveIntx();
      }
      case 0x10 -> {
        masks &= ~v;
        driveIntx();
      }
      case CC -> writeConfiguration(v);
      case AQA -> adminSizes = v & 0x0fff_0fff;
      case ASQ -> adminSubmission = adminSubmission >>> 32 << 32 | v & 0xffff_f000L;
      case ASQ + 4 -> adminSubmission = (long) v << 32 | adminSubmission & 0xffff_ffffL;
      case ACQ -> adminCompletion = adminCompletion >>> 32 << 32 | v & 0xffff_f000L;
      case ACQ + 4 -> adminCompletion = (long) v << 32 | adminCompletion & 0xffff_ffffL;
      default -> log.unassignedWrite(offset, v, 4);
    }
  }

  private int pageBytes() {
    return 0x1000 << Math.min(configuration >>> 7 & 0xf, 4);
  }

  private void writeConfiguration(int v) {
    int old = configuration;
    configuration = v & CC_WRITABLE;
    if ((v & ~old & CC_ENABLE) != 0) {
      enable();
    } else if ((~v & old & CC_ENABLE) != 0) {
      disable();
    }
    if ((v & CC_SHUTDOWN) != 0 && (old & CC_SHUTDOWN) == 0) {
      // Everything acknowledged must survive: the volatile cache goes to the image.
      var unused =
          disk.flush()
              .whenComplete(
                  (nothing, failure) ->
                      eventLoop.execute(
                          () -> {
                            if ((configuration & CC_SHUTDOWN) != 0) {
                              status |= CSTS_SHUTDOWN_DONE;
                            }
                          }));
    } else if ((v & CC_SHUTDOWN) == 0) {
      status &= ~CSTS_SHUTDOWN_DONE;
    }
  }

  private void enable() {
    int submissionEntries = (adminSizes & 0xfff) + 1;
    int completionEntries = (adminSizes >>> 16 & 0xfff) + 1;
    boolean supported = (configuration >>> 7 & 0xf) <= 4 && (configuration >>> 4 & 7) == 0;
    if (!supported || submissionEntries < 2 || completionEntries < 2) {
      status |= CSTS_FATAL;
      return;
    }
    submissions[0].create(adminSubmission, submissionEntries, 0, false);
    completions[0].create(adminCompletion, completionEntries, 0, true);
    status |= CSTS_READY;
  }

  private void disable() {
    for (int i = 0; i < NvmeQueues.MAX; i++) {
      submissions[i].delete();
      completions[i].delete();
    }
    events.clear();
    features[CHANGES] = 0;
    inFlight.clear(); // their answers find themselves forgotten
    status = 0;
    driveIntx();
  }

  private void doorbell(int index, int value) {
    int queue = index / 2;
    boolean known = queue < NvmeQueues.MAX && (status & CSTS_READY) != 0;
    boolean ok;
    if (!known) {
      ok = false;
    } else if (index % 2 == 0) {
      ok = submissions[queue].setTail(value);
    } else {
      ok = completions[queue].setHead(value);
      driveIntx();
    }
    if (ok) {
      processAll();
    } else {
      log.unimplemented("doorbell of no queue", index, value);
    }
  }

  // Queues.

  private void processAll() {
    atOnceLeft = AT_ONCE_BYTES;
    for (int i = 0; i < NvmeQueues.MAX; i++) {
      process(i);
    }
    atOnceLeft = 0;
  }

  /** Runs commands of a queue while their completions are sure to find room. */
  private void process(int index) {
    NvmeQueues.Queue queue = submissions[index];
    while (queue.exists()
        && !queue.isEmpty()
        && inFlight.size() < MAX_IN_FLIGHT
        && completions[queue.link()].exists()
        && !completions[queue.link()].isFull()
        && pci.busMaster()) {
      byte[] bytes = new byte[NvmeQueues.COMMAND_BYTES];
      queue.take(memory, bytes);
      begin(new Command(index, bytes));
    }
  }

  private void begin(Command c) {
    result = 0;
    int outcome = c.submission == 0 ? admin(c) : io(c);
    if (outcome != LATER) {
      complete(c, outcome);
    }
  }

  private void complete(Command c, int code) {
    NvmeQueues.Queue submission = submissions[c.submission];
    NvmeQueues.Queue completion = completions[submission.link()];
    if (!submission.exists() || !completion.exists()) {
      return;
    }
    if (completion.isFull()) {
      // The guest queued more than it has room for: real controllers stop here as well.
      log.unimplemented("completion queue overrun", submission.link(), c.id());
      status |= CSTS_FATAL;
      return;
    }
    int statusField = code == SUCCESS ? 0 : code | DO_NOT_RETRY;
    completion.put(memory, result, submission.head(), c.submission, c.id(), statusField);
    if (completion.interrupts()) {
      if (msix.enabled()) {
        msix.notify(completion.link());
      }
      driveIntx();
    }
  }

  private void driveIntx() {
    boolean level = false;
    for (NvmeQueues.Queue q : completions) {
      level |=
          q.exists()
              && q.interrupts()
              && !q.isEmpty()
              && (q.link() >= 32 || (masks & 1 << q.link()) == 0);
    }
    pci.intx().set(level && !msix.enabled());
  }

  // Admin commands.

  private int admin(Command c) {
    return switch (c.opcode()) {
      case 0x00 -> deleteSubmission(c.word(10) & 0xffff);
      case 0x01 -> createSubmission(c);
      case 0x02 -> logPage(c);
      case 0x04 -> deleteCompletion(c.word(10) & 0xffff);
      case 0x05 -> createCompletion(c);
      case 0x06 -> identify(c);
      case 0x08 -> {
        result = 1; // not aborted: it may be done by now
        yield SUCCESS;
      }
      case 0x09 -> setFeatures(c);
      case 0x0a -> getFeatures(c);
      case 0x0c -> {
        if (events.size() >= MAX_EVENTS) {
          yield TOO_MANY_EVENTS;
        }
        events.add(c.id());
        reportChange();
        yield LATER;
      }
      default -> {
        log.unimplemented("admin command", 0, c.opcode());
        yield INVALID_OPCODE;
      }
    };
  }

  private void resized() {
    sectors = disk.lengthBytes() / SECTOR_BYTES;
    features[CHANGES] |= LISTED;
    reportChange();
  }

  /** Answers an event request once for each time that the log of changes is read. */
  private void reportChange() {
    if (features[CHANGES] != LISTED
        || (features[EVENT_CONFIGURATION] & NAMESPACE_NOTICES) == 0
        || events.isEmpty()
        || !completions[0].exists()
        || completions[0].isFull()) {
      return;
    }
    features[CHANGES] |= REPORTED;
    byte[] request = new byte[NvmeQueues.COMMAND_BYTES];
    int id = events.removeFirst();
    request[2] = (byte) id;
    request[3] = (byte) (id >>> 8);
    result = NAMESPACE_CHANGED;
    complete(new Command(0, request), SUCCESS);
  }

  private static boolean badNumber(int queue) {
    return queue == 0 || queue >= NvmeQueues.MAX;
  }

  private int deleteSubmission(int queue) {
    if (badNumber(queue) || !submissions[queue].exists()) {
      return INVALID_QUEUE;
    }
    submissions[queue].delete();
    inFlight.removeIf(c -> c.submission == queue);
    return SUCCESS;
  }

  private int deleteCompletion(int queue) {
    if (badNumber(queue) || !completions[queue].exists()) {
      return INVALID_QUEUE;
    }
    for (NvmeQueues.Queue s : submissions) {
      if (s.exists() && s.link() == queue) {
        return INVALID_QUEUE_DELETION;
      }
    }
    completions[queue].delete();
    driveIntx();
    return SUCCESS;
  }

  private int createCompletion(Command c) {
    int queue = c.word(10) & 0xffff;
    int entries = (c.word(10) >>> 16) + 1;
    int vector = c.word(11) >>> 16;
    if (badNumber(queue) || completions[queue].exists()) {
      return INVALID_QUEUE;
    }
    if (entries < 2 || entries > MAX_ENTRIES) {
      return INVALID_QUEUE_SIZE;
    }
    if (vector >= NvmeQueues.MAX) {
      return INVALID_VECTOR;
    }
    if ((c.word(11) & 1) == 0 || (c.prp1() & pageBytes() - 1) != 0) {
      return INVALID_FIELD; // only contiguous queues, as the capabilities say
    }
    completions[queue].create(c.prp1(), entries, vector, (c.word(11) & 2) != 0);
    return SUCCESS;
  }

  private int createSubmission(Command c) {
    int queue = c.word(10) & 0xffff;
    int entries = (c.word(10) >>> 16) + 1;
    int completion = c.word(11) >>> 16;
    if (badNumber(completion) || !completions[completion].exists()) {
      return INVALID_CQ;
    }
    if (badNumber(queue) || submissions[queue].exists()) {
      return INVALID_QUEUE;
    }
    if (entries < 2 || entries > MAX_ENTRIES) {
      return INVALID_QUEUE_SIZE;
    }
    if ((c.word(11) & 1) == 0 || (c.prp1() & pageBytes() - 1) != 0) {
      return INVALID_FIELD;
    }
    submissions[queue].create(c.prp1(), entries, completion, false);
    return SUCCESS;
  }

  private int give(Command c, byte[] data, int bytes) {
    NvmePrp prp = NvmePrp.of(memory, c.prp1(), c.prp2(), bytes, pageBytes());
    if (prp == null) {
      return INVALID_PRP;
    }
    prp.write(memory, data.length == bytes ? data : Arrays.copyOf(data, bytes));
    return SUCCESS;
  }

  private int identify(Command c) {
    int namespace = c.namespace();
    byte[] data;
    switch (c.word(10) & 0xff) {
      case 0 -> {
        if (namespace != 1 && namespace != -1) {
          return INVALID_NAMESPACE;
        }
        data = NvmeIdentify.namespace(sectors, disk.isReadOnly());
      }
      case 1 -> data = NvmeIdentify.controller(serial);
      case 2 -> data = NvmeIdentify.namespaceList(namespace);
      case 3 -> {
        if (namespace != 1) {
          return INVALID_NAMESPACE;
        }
        data = NvmeIdentify.descriptors();
      }
      default -> {
        return INVALID_FIELD;
      }
    }
    return give(c, data, NvmeIdentify.BYTES);
  }

  private int logPage(Command c) {
    long words = (c.word(10) >>> 16 | (c.word(11) & 0xffffL) << 16) + 1;
    int bytes = (int) Math.min(words * 4, NvmeIdentify.BYTES);
    long offset = c.word(12) & 0xffff_ffffL | (long) c.word(13) << 32;
    byte[] page =
        switch (c.word(10) & 0xff) {
          case 1, 3 -> new byte[NvmeIdentify.BYTES]; // no errors, no other firmware
          case 4 -> changedNamespaces((c.word(10) & 1 << 15) != 0);
          case 2 -> NvmeIdentify.health();
          default -> null;
        };
    if (page == null) {
      return INVALID_LOG_PAGE;
    }
    if (offset < 0 || offset >= page.length) {
      return INVALID_FIELD;
    }
    return give(c, Arrays.copyOfRange(page, (int) offset, (int) offset + bytes), bytes);
  }

  /** The namespaces that changed since this was last read. */
  private byte[] changedNamespaces(boolean retain) {
    byte[] list = new byte[NvmeIdentify.BYTES];
    list[0] = (byte) (features[CHANGES] & LISTED);
    if (!retain) {
      features[CHANGES] = 0;
    }
    return list;
  }

  private int setFeatures(Command c) {
    int id = c.word(10) & 0xff;
    switch (id) {
      case 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0b -> features[id] = c.word(11);
      case 0x07 -> {
        features[id] = c.word(11);
        result = NvmeQueues.MAX - 2 | NvmeQueues.MAX - 2 << 16;
      }
      default -> {
        log.unimplemented("feature", id, c.word(11));
        return INVALID_FIELD;
      }
    }
    return SUCCESS;
  }

  private int getFeatures(Command c) {
    int id = c.word(10) & 0xff;
    switch (id) {
      case 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0b -> result = features[id];
      case 0x07 -> result = NvmeQueues.MAX - 2 | NvmeQueues.MAX - 2 << 16;
      default -> {
        return INVALID_FIELD;
      }
    }
    return SUCCESS;
  }

  // NVM commands.

  private int io(Command c) {
    if (c.namespace() != 1 && !(c.opcode() == 0 && c.namespace() == -1)) {
      return INVALID_NAMESPACE;
    }
    return switch (c.opcode()) {
      case 0x00 -> later(c, disk.flush(), null, null);
      case 0x01 -> write(c);
      case 0x02 -> read(c);
      case 0x08 -> writeZeroes(c);
      case 0x09 -> dataSetManagement(c);
      default -> {
        log.unimplemented("command", 0, c.opcode());
        yield INVALID_OPCODE;
      }
    };
  }

  private boolean outside(long block, long blocks) {
    return block < 0 || block > sectors - blocks;
  }

  private static boolean tooLong(int bytes) {
    return bytes > MAX_TRANSFER_BYTES;
  }

  private int read(Command c) {
    int bytes = c.blocks() * SECTOR_BYTES;
    if (outside(c.block(), c.blocks())) {
      return LBA_OUT_OF_RANGE;
    }
    if (tooLong(bytes)) {
      return INVALID_FIELD;
    }
    NvmePrp prp = NvmePrp.of(memory, c.prp1(), c.prp2(), bytes, pageBytes());
    if (prp == null) {
      return INVALID_PRP;
    }
    if (readAtOnce(c.block() * SECTOR_BYTES, prp, bytes)) {
      return SUCCESS;
    }
    TransferBuffers.Buffer b = buffers.take(bytes);
    return later(c, disk.read(c.block() * SECTOR_BYTES, b.data()), prp, b);
  }

  /**
   * Reads without waiting and without a buffer what the host has in its memory. A guest then finds
   * its answer before it has gone to sleep over it. As much at a time as a doorbell may cost the
   * other CPUs, who wait for the device lock.
   */
  private boolean readAtOnce(long offset, NvmePrp prp, int bytes) {
    if (bytes > atOnceLeft) {
      return false;
    }
    RamPieces target = prp.pieces(memory);
    if (target == null || !target.fill(pieces -> disk.readAtOnce(offset, pieces))) {
      return false;
    }
    atOnceLeft -= bytes;
    return true;
  }

  private int write(Command c) {
    int bytes = c.blocks() * SECTOR_BYTES;
    if (outside(c.block(), c.blocks())) {
      return LBA_OUT_OF_RANGE;
    }
    if (disk.isReadOnly()) {
      return WRITE_PROTECTED;
    }
    if (tooLong(bytes)) {
      return INVALID_FIELD;
    }
    NvmePrp prp = NvmePrp.of(memory, c.prp1(), c.prp2(), bytes, pageBytes());
    if (prp == null) {
      return INVALID_PRP;
    }
    TransferBuffers.Buffer b = buffers.take(bytes);
    prp.read(memory, b.data());
    CompletableFuture<Void> written = disk.write(c.block() * SECTOR_BYTES, b.data());
    boolean forceUnit = (c.word(12) & 1 << 30) != 0;
    boolean cacheOff = (features[6] & 1) == 0;
    if (forceUnit || cacheOff) {
      written = written.thenCompose(nothing -> disk.flush());
    }
    return later(c, written, null, b);
  }

  private int writeZeroes(Command c) {
    if (outside(c.block(), c.blocks())) {
      return LBA_OUT_OF_RANGE;
    }
    if (disk.isReadOnly()) {
      return WRITE_PROTECTED;
    }
    long bytes = (long) c.blocks() * SECTOR_BYTES;
    return later(c, disk.writeZeroes(c.block() * SECTOR_BYTES, bytes), null, null);
  }

  private int dataSetManagement(Command c) {
    if ((c.word(11) & 4) == 0) {
      return SUCCESS; // hints only
    }
    if (disk.isReadOnly()) {
      return WRITE_PROTECTED;
    }
    int ranges = (c.word(10) & 0xff) + 1;
    byte[] list = new byte[ranges * 16];
    NvmePrp prp = NvmePrp.of(memory, c.prp1(), c.prp2(), list.length, pageBytes());
    if (prp == null) {
      return INVALID_PRP;
    }
    prp.read(memory, list);
    ByteBuffer b = ByteBuffer.wrap(list).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < ranges; i++) {
      if (outside(b.getLong(16 * i + 8), b.getInt(16 * i + 4) & 0xffff_ffffL)) {
        return LBA_OUT_OF_RANGE;
      }
    }
    CompletableFuture<?>[] parts = new CompletableFuture<?>[ranges];
    for (int i = 0; i < ranges; i++) {
      long bytes = (b.getInt(16 * i + 4) & 0xffff_ffffL) * SECTOR_BYTES;
      parts[i] = disk.discard(b.getLong(16 * i + 8) * SECTOR_BYTES, bytes);
    }
    return later(c, CompletableFuture.allOf(parts), null, null);
  }

  /**
   * Completes a command when the image has answered.
   *
   * @param prp where data that was read goes then; null: there is none
   * @param buffer the request's, or null
   */
  private int later(
      Command c, CompletableFuture<Void> request, NvmePrp prp, TransferBuffers.Buffer buffer) {
    inFlight.add(c);
    var unused =
        request.whenComplete(
            (nothing, failure) -> eventLoop.execute(() -> answered(c, failure, prp, buffer)));
    return LATER;
  }

  private void answered(Command c, Throwable failure, NvmePrp prp, TransferBuffers.Buffer buffer) {
    // Else it was forgotten by a reset or by the deletion of its queue.
    boolean isExpected = inFlight.remove(c);
    if (isExpected && failure == null && prp != null) {
      prp.write(memory, buffer.data());
    }
    if (buffer != null) {
      buffers.giveBack(buffer);
    }
    if (!isExpected) {
      return;
    }
    result = 0;
    if (failure != null) {
      LOG.warn("nvme: the disk image failed: {}", failure.toString());
    }
    complete(c, failure == null ? SUCCESS : failureCode(c.opcode()));
    processAll();
  }

  private static int failureCode(int opcode) {
    return switch (opcode) {
      case 2 -> UNRECOVERED_READ;
      case 1, 8 -> WRITE_FAULT;
      case 0 -> INTERNAL_ERROR;
      default -> DATA_TRANSFER_ERROR;
    };
  }

  // State.

  @Override
  public State save() {
    NvmeQueues.Ring[] in = new NvmeQueues.Ring[NvmeQueues.MAX];
    NvmeQueues.Ring[] out = new NvmeQueues.Ring[NvmeQueues.MAX];
    for (int i = 0; i < NvmeQueues.MAX; i++) {
      in[i] = submissions[i].save();
      out[i] = completions[i].save();
    }
    return new State(
        pci.save(),
        msix.save(),
        configuration,
        status,
        adminSizes,
        adminSubmission,
        adminCompletion,
        masks,
        in,
        out,
        features.clone(),
        events.stream().mapToInt(Integer::intValue).toArray(),
        inFlight.stream().map(c -> new Waiting(c.submission, c.bytes())).toArray(Waiting[]::new));
  }

  @Override
  public void load(State s) {
    if (s.submissions.length != NvmeQueues.MAX
        || s.completions.length != NvmeQueues.MAX
        || s.features.length != features.length
        || s.events.length > MAX_EVENTS
        || s.inFlight.length > MAX_IN_FLIGHT) {
      throw new IllegalArgumentException("queues, features, events or inFlight: length");
    }
    for (int i = 0; i < NvmeQueues.MAX; i++) {
      NvmeQueues.Queue.check(s.submissions[i], NvmeQueues.MAX);
      NvmeQueues.Queue.check(s.completions[i], NvmeQueues.MAX);
    }
    for (Waiting w : s.inFlight) {
      if (w.submission < 1
          || w.submission >= NvmeQueues.MAX
          || w.command.length != NvmeQueues.COMMAND_BYTES) {
        throw new IllegalArgumentException("inFlight: out of range");
      }
    }
    if ((s.configuration & ~CC_WRITABLE) != 0 || (s.status & ~0xf) != 0) {
      throw new IllegalArgumentException("configuration or status: out of range");
    }
    pci.load(s.pci);
    msix.load(s.msix);
    configuration = s.configuration;
    status = s.status;
    adminSizes = s.adminSizes;
    adminSubmission = s.adminSubmission;
    adminCompletion = s.adminCompletion;
    masks = s.masks;
    for (int i = 0; i < NvmeQueues.MAX; i++) {
      submissions[i].load(s.submissions[i]);
      completions[i].load(s.completions[i]);
    }
    System.arraycopy(s.features, 0, features, 0, features.length);
    events.clear();
    for (int id : s.events) {
      events.add(id);
    }
    inFlight.clear();
    for (Waiting w : s.inFlight) {
      begin(new Command(w.submission, w.command.clone()));
    }
    driveIntx();
  }

  @Override
  public void reset() {
    pci.reset();
    msix.reset();
    disable();
    configuration = 0;
    adminSizes = 0;
    adminSubmission = 0;
    adminCompletion = 0;
    masks = 0;
    Arrays.fill(features, 0);
    features[4] = 0x157; // temperature threshold
    features[6] = 1; // volatile write cache on
  }
}
