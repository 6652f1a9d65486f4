package org.tuber.devices.storage;

import java.nio.ByteBuffer;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The multimedia command set of a CD/DVD-ROM drive, whatever cable carries the commands.
 *
 * <p>MMC-6 and SPC-3 (T10). One data track; media beyond the capacity of a CD are shown as DVD.
 * Deviations: no audio, no sub-channel data but the present position, raw sectors have no error
 * correction bytes.
 */
public final class MmcDrive implements Snapshottable<MmcDrive.State> {
  /** Bytes of a data block. */
  static final int BLOCK_BYTES = 2048;

  /** Bytes of a raw sector. */
  static final int RAW_BYTES = 2352;

  /** Bytes of raw sector in front of the data. */
  static final int RAW_HEADER_BYTES = 16;

  private static final int SENSE_NOT_READY = 2;
  private static final int SENSE_MEDIUM_ERROR = 3;
  private static final int SENSE_ILLEGAL_REQUEST = 5;
  private static final int SENSE_UNIT_ATTENTION = 6;
  private static final int NO_MEDIUM = 0x3a;
  private static final int MEDIUM_MAY_HAVE_CHANGED = 0x28;
  private static final int INVALID_OPCODE = 0x20;
  private static final int INVALID_FIELD = 0x24;
  private static final int LBA_OUT_OF_RANGE = 0x21;
  private static final int REMOVAL_PREVENTED = 0x53;
  private static final int UNRECOVERED_READ = 0x11;

  private static final int PROFILE_NONE = 0;
  private static final int PROFILE_CD = 8;
  private static final int PROFILE_DVD = 0x10;
  private static final long CD_BLOCKS = 80 * 60 * 75;
  private static final int LEAD_OUT = 0xaa;
  private static final int PREGAP = 150;
  private static final int EVENT_EJECT_REQUEST = 1;
  private static final int EVENT_NEW_MEDIA = 2;
  private static final int EVENT_REMOVED = 3;

  /** What a command wants of the cable. */
  enum Outcome {
    /** Nothing more. */
    DONE,
    /** {@link #answer} goes to the host. */
    DATA_IN,
    /** {@link #readBlocks} blocks from {@link #readFirst} go to the host. */
    READ,
    /** {@link #wantedBytes} bytes of parameters come from the host and are dropped. */
    DATA_OUT,
    /** It failed; {@link #senseKey} says how. */
    CHECK
  }

  /** Hears of what the guest does with the tray. */
  @FunctionalInterface
  public interface TrayListener {
    /** The tray opened or closed. */
    void moved(boolean open);
  }

  /**
   * State; the medium is the board's.
   *
   * @param trayOpen the tray is out
   * @param locked the guest prevents removal
   * @param senseKey sense key
   * @param senseCode additional sense code
   * @param attention a new medium has not been told yet
   * @param event pending media event
   */
  public record State(
      boolean trayOpen,
      boolean locked,
      int senseKey,
      int senseCode,
      boolean attention,
      int event) {}

  private final OnceLog log = new OnceLog("cdrom");
  private final String serial;
  private TrayListener tray = open -> {};
  private BlockBackend medium;
  private boolean trayOpen;
  private boolean locked;
  private int senseKey;
  private int senseCode;
  private boolean attention;
  private int event;

  // Of the present command; the cable takes them over at once.
  private byte[] answer = new byte[0];
  private long readFirst;
  private int readBlocks;
  private int readBlockBytes;
  private int wantedBytes;

  /**
   * A drive.
   *
   * @param medium what lies in the tray, or null
   * @param serial serial number
   */
  public MmcDrive(BlockBackend medium, String serial) {
    this.medium = medium;
    this.serial = serial;
  }

  // What people do.

  /** Tells who hears of the tray. */
  public void setTrayListener(TrayListener listener) {
    tray = listener;
  }

  /** The medium, or null. */
  public BlockBackend medium() {
    return medium;
  }

  /** True while the guest prevents removal. */
  public boolean isLocked() {
    return locked;
  }

  /** True while the tray is out. */
  public boolean isTrayOpen() {
    return trayOpen;
  }

  /** Asks the guest to let the medium go, as the button of the drive does. */
  public void requestEject() {
    event = EVENT_EJECT_REQUEST;
  }

  /**
   * Takes the medium out, whatever the guest says.
   *
   * @return what lay in the tray, or null
   */
  public BlockBackend removeMedium() {
    BlockBackend old = medium;
    medium = null;
    if (old != null) {
      event = EVENT_REMOVED;
      attention = false;
    }
    return old;
  }

  /** Puts a medium in and closes the tray. */
  public void insertMedium(BlockBackend newMedium) {
    medium = newMedium;
    trayOpen = false;
    event = EVENT_NEW_MEDIA;
    attention = true;
  }

  // What the cable asks.

  String serial() {
    return serial;
  }

  byte[] answer() {
    return answer;
  }

  long readFirst() {
    return readFirst;
  }

  int readBlocks() {
    return readBlocks;
  }

  int readBlockBytes() {
    return readBlockBytes;
  }

  int wantedBytes() {
    return wantedBytes;
  }

  int senseKey() {
    return senseKey;
  }

  boolean hasMedium() {
    return medium != null && !trayOpen;
  }

  long blocks() {
    return hasMedium() ? medium.lengthBytes() / BLOCK_BYTES : 0;
  }

  /** The image could not be read. */
  void mediumFailed() {
    sense(SENSE_MEDIUM_ERROR, UNRECOVERED_READ);
  }

  private void sense(int key, int code) {
    senseKey = key;
    senseCode = code;
  }

  private Outcome check(int key, int code) {
    sense(key, code);
    return Outcome.CHECK;
  }

  private Outcome give(byte[] data, int allocated) {
    answer = java.util.Arrays.copyOf(data, Math.min(data.length, allocated));
    return answer.length == 0 ? Outcome.DONE : Outcome.DATA_IN;
  }

  private Outcome give(ByteBuffer data, int allocated) {
    byte[] bytes = new byte[data.position()];
    data.get(0, bytes);
    return give(bytes, allocated);
  }

  private static int u16(byte[] b, int at) {
    return (b[at] & 0xff) << 8 | b[at + 1] & 0xff;
  }

  private static long u32(byte[] b, int at) {
    return (long) u16(b, at) << 16 | u16(b, at + 2);
  }

  /** Carries out a command of 12 bytes. */
  Outcome execute(byte[] cdb) {
    int opcode = cdb[0] & 0xff;
    boolean evenWithAttention =
        opcode == 0x12 || opcode == 0x03 || opcode == 0x46 || opcode == 0x4a;
    if (attention && !evenWithAttention) {
      attention = false;
      return check(SENSE_UNIT_ATTENTION, MEDIUM_MAY_HAVE_CHANGED);
    }
    if (opcode != 0x03) {
      sense(0, 0);
    }
    return switch (opcode) {
      case 0x00 -> hasMedium() ? Outcome.DONE : noMedium();
      case 0x03 -> requestSense(cdb[4] & 0xff);
      case 0x12 -> inquiry(cdb);
      case 0x1a -> modeSense(cdb, false);
      case 0x5a -> modeSense(cdb, true);
      case 0x15 -> parameters(cdb[4] & 0xff);
      case 0x55 -> parameters(u16(cdb, 7));
      case 0x1b -> startStop(cdb[4]);
      case 0x1e -> {
        locked = (cdb[4] & 1) != 0;
        yield Outcome.DONE;
      }
      case 0x25 -> readCapacity();
      case 0x28 -> read(u32(cdb, 2), u16(cdb, 7), BLOCK_BYTES);
      case 0xa8 -> read(u32(cdb, 2), u32(cdb, 6), BLOCK_BYTES);
      case 0xbe -> readCd(cdb);
      case 0x2b -> hasMedium() ? Outcome.DONE : noMedium();
      case 0x42 -> subChannel(cdb);
      case 0x43 -> readToc(cdb);
      case 0x46 -> configuration(cdb);
      case 0x4a -> eventStatus(cdb);
      case 0x51 -> discInformation(u16(cdb, 7));
      case 0x52 -> trackInformation(u16(cdb, 7));
      case 0xad -> discStructure(cdb);
      case 0xbb, 0x35 -> Outcome.DONE; // SET CD SPEED, SYNCHRONIZE CACHE
      case 0xbd -> mechanismStatus(u16(cdb, 8));
      default -> {
        log.unimplemented("packet command", 0, opcode);
        yield check(SENSE_ILLEGAL_REQUEST, INVALID_OPCODE);
      }
    };
  }

  private Outcome noMedium() {
    return check(SENSE_NOT_READY, NO_MEDIUM);
  }

  private Outcome invalidField() {
    return check(SENSE_ILLEGAL_REQUEST, INVALID_FIELD);
  }

  private Outcome parameters(int bytes) {
    wantedBytes = bytes;
    return bytes == 0 ? Outcome.DONE : Outcome.DATA_OUT;
  }

  private Outcome requestSense(int allocated) {
    byte[] s = new byte[18];
    s[0] = 0x70;
    s[2] = (byte) senseKey;
    s[7] = 10;
    s[12] = (byte) senseCode;
    if (attention && senseKey == 0) {
      attention = false;
      s[2] = SENSE_UNIT_ATTENTION;
      s[12] = MEDIUM_MAY_HAVE_CHANGED;
    }
    sense(0, 0);
    return give(s, allocated);
  }

  private Outcome inquiry(byte[] cdb) {
    int allocated = u16(cdb, 3);
    if ((cdb[1] & 1) != 0) {
      return vitalProductData(cdb[2] & 0xff, allocated);
    }
    ByteBuffer b = ByteBuffer.allocate(36);
    b.put((byte) 5).put((byte) 0x80).put((byte) 0).put((byte) 0x21).put((byte) 31);
    b.put(new byte[3]);
    put(b, "QEMU", 8);
    put(b, "QEMU DVD-ROM", 16);
    put(b, "2.5+", 4);
    return give(b, allocated);
  }

  private Outcome vitalProductData(int page, int allocated) {
    ByteBuffer b = ByteBuffer.allocate(64);
    b.put((byte) 5).put((byte) page).putShort((short) 0);
    switch (page) {
      case 0x00 -> b.put((byte) 0).put((byte) 0x80).put((byte) 0x83);
      case 0x80 -> put(b, serial, 20);
      case 0x83 -> {
        b.put((byte) 2).put((byte) 0).put((byte) 0).put((byte) 20);
        put(b, serial, 20);
      }
      default -> {
        return invalidField();
      }
    }
    b.putShort(2, (short) (b.position() - 4));
    return give(b, allocated);
  }

  private static void put(ByteBuffer b, String text, int bytes) {
    for (int i = 0; i < bytes; i++) {
      b.put((byte) (i < text.length() ? text.charAt(i) : ' '));
    }
  }

  private Outcome modeSense(byte[] cdb, boolean ten) {
    int page = cdb[2] & 0x3f;
    int allocated = ten ? u16(cdb, 7) : cdb[4] & 0xff;
    if ((cdb[2] & 0xc0) == 0xc0) {
      return check(SENSE_ILLEGAL_REQUEST, 0x39); // saved values are not supported
    }
    ByteBuffer b = ByteBuffer.allocate(128);
    b.position(ten ? 8 : 4);
    boolean all = page == 0x3f;
    if (page == 0x01 || all) {
      b.put((byte) 1).put((byte) 6).put((byte) 0).put((byte) 5).putInt(0);
    }
    if (page == 0x0e || all) {
      b.put((byte) 0x0e).put((byte) 14).put((byte) 4).put(new byte[5]);
      b.put((byte) 1).put((byte) -1).put((byte) 2).put((byte) -1).putInt(0);
    }
    if (page == 0x2a || all) {
      b.put((byte) 0x2a).put((byte) 18).put((byte) 0x3b).put((byte) 0); // reads CD-R/RW, DVD
      b.put((byte) 0x70).put((byte) 0); // multi-session, mode 2
      b.put((byte) (0x29 | (locked ? 2 : 0))).put((byte) 0); // tray, eject, lock
      b.putShort((short) 706).putShort((short) 2).putShort((short) 512).putShort((short) 706);
      b.putInt(0);
    }
    if (b.position() == (ten ? 8 : 4)) {
      return invalidField();
    }
    int medium = hasMedium() ? 0x01 : trayOpen ? 0x71 : 0x70;
    if (ten) {
      b.putShort(0, (short) (b.position() - 2)).put(2, (byte) medium);
    } else {
      b.put(0, (byte) (b.position() - 1)).put(1, (byte) medium);
    }
    return give(b, allocated);
  }

  private Outcome startStop(int bits) {
    boolean loadEject = (bits & 2) != 0;
    boolean start = (bits & 1) != 0;
    if ((bits & 0xf0) != 0 || !loadEject) {
      return Outcome.DONE; // power conditions and spinning
    }
    if (!start && !trayOpen && locked) {
      return check(hasMedium() ? SENSE_ILLEGAL_REQUEST : SENSE_NOT_READY, REMOVAL_PREVENTED);
    }
    if (trayOpen == start) {
      trayOpen = !start;
      if (start && medium != null) {
        attention = true;
        event = EVENT_NEW_MEDIA;
      }
      tray.moved(trayOpen);
    }
    return Outcome.DONE;
  }

  private Outcome readCapacity() {
    if (blocks() == 0) {
      return noMedium();
    }
    return give(ByteBuffer.allocate(8).putInt((int) (blocks() - 1)).putInt(BLOCK_BYTES), 8);
  }

  private Outcome read(long first, long count, int blockBytes) {
    if (!hasMedium()) {
      return noMedium();
    }
    if (first + count > blocks()) {
      return check(SENSE_ILLEGAL_REQUEST, LBA_OUT_OF_RANGE);
    }
    if (count == 0) {
      return Outcome.DONE;
    }
    readFirst = first;
    readBlocks = (int) count;
    readBlockBytes = blockBytes;
    return Outcome.READ;
  }

  private Outcome readCd(byte[] cdb) {
    int count = (cdb[6] & 0xff) << 16 | u16(cdb, 7);
    if (!hasMedium()) {
      return noMedium();
    }
    return switch (cdb[9] & 0xf8) {
      case 0 -> Outcome.DONE;
      case 0x10 -> read(u32(cdb, 2), count, BLOCK_BYTES);
      case 0xf8 -> read(u32(cdb, 2), count, RAW_BYTES);
      default -> invalidField();
    };
  }

  /** Turns a data block into a raw sector of mode 1 around it; the data stands at offset 16. */
  static void frame(byte[] raw, int at, long lba) {
    java.util.Arrays.fill(raw, at + 1, at + 11, (byte) 0xff);
    raw[at] = 0;
    raw[at + 11] = 0;
    long frames = lba + PREGAP;
    raw[at + 12] = bcd((int) (frames / 75 / 60) % 100);
    raw[at + 13] = bcd((int) (frames / 75) % 60);
    raw[at + 14] = bcd((int) (frames % 75));
    raw[at + 15] = 1;
    java.util.Arrays.fill(raw, at + RAW_HEADER_BYTES + BLOCK_BYTES, at + RAW_BYTES, (byte) 0);
  }

  private static byte bcd(int value) {
    return (byte) (value / 10 << 4 | value % 10);
  }

  private static int address(long lba, boolean msf) {
    if (!msf) {
      return (int) lba;
    }
    long frames = lba + PREGAP;
    return (int) (frames / 75 / 60) << 16 | (int) (frames / 75 % 60) << 8 | (int) (frames % 75);
  }

  private Outcome subChannel(byte[] cdb) {
    if (!hasMedium()) {
      return noMedium();
    }
    ByteBuffer b = ByteBuffer.allocate(16).put((byte) 0).put((byte) 0x15).putShort((short) 0);
    if ((cdb[2] & 0x40) != 0 && cdb[3] == 1) {
      b.putShort(2, (short) 12).put((byte) 1).put((byte) 0x14).put((byte) 1).put((byte) 1);
      b.putInt(address(0, (cdb[1] & 2) != 0)).putInt(address(0, (cdb[1] & 2) != 0));
    }
    return give(b, u16(cdb, 7));
  }

  private Outcome readToc(byte[] cdb) {
    if (blocks() == 0) {
      return noMedium();
    }
    boolean msf = (cdb[1] & 2) != 0;
    int format = cdb[2] & 0xf;
    format = format == 0 ? (cdb[9] & 0xff) >>> 6 : format;
    int start = cdb[6] & 0xff;
    ByteBuffer b = ByteBuffer.allocate(64).putShort((short) 0).put((byte) 1).put((byte) 1);
    switch (format) {
      case 0 -> {
        if (start > 1 && start != LEAD_OUT) {
          return invalidField();
        }
        if (start <= 1) {
          b.put((byte) 0).put((byte) 0x14).put((byte) 1).put((byte) 0).putInt(address(0, msf));
        }
        b.put((byte) 0).put((byte) 0x16).put((byte) LEAD_OUT).put((byte) 0);
        b.putInt(address(blocks(), msf));
      }
      case 1 -> b.put((byte) 0).put((byte) 0x14).put((byte) 1).put((byte) 0).putInt(0);
      case 2 -> {
        for (int point = 0xa0; point <= 0xa2; point++) {
          b.put((byte) 1).put((byte) 0x14).put((byte) 0).put((byte) point).putInt(0);
          b.position(b.position() - 1);
          int value = point == 0xa2 ? address(blocks(), true) : 1 << 16;
          b.put((byte) 0).put((byte) (value >>> 16)).put((byte) (value >>> 8)).put((byte) value);
          b.position(b.position() - 1);
        }
        b.put((byte) 1).put((byte) 0x14).put((byte) 0).put((byte) 1).put(new byte[4]);
        b.put((byte) 0).put((byte) 2).put((byte) 0);
      }
      default -> {
        return invalidField();
      }
    }
    b.putShort(0, (short) (b.position() - 2));
    return give(b, u16(cdb, 7));
  }

  private int profile() {
    return !hasMedium() ? PROFILE_NONE : blocks() > CD_BLOCKS ? PROFILE_DVD : PROFILE_CD;
  }

  private Outcome configuration(byte[] cdb) {
    ByteBuffer b = ByteBuffer.allocate(64).putInt(0).putShort((short) 0);
    int profile = profile();
    b.putShort((short) profile);
    b.putShort((short) 0).put((byte) 3).put((byte) 8); // profile list
    for (int p : new int[] {PROFILE_DVD, PROFILE_CD}) {
      b.putShort((short) p).put((byte) (p == profile ? 1 : 0)).put((byte) 0);
    }
    b.putShort((short) 1).put((byte) 0x0b).put((byte) 8).putInt(8).put((byte) 1).put(new byte[3]);
    b.putShort((short) 3).put((byte) 3).put((byte) 4).put((byte) 0x29).put(new byte[3]);
    b.putInt(0, b.position() - 4);
    return give(b, u16(cdb, 7));
  }

  private Outcome eventStatus(byte[] cdb) {
    if ((cdb[1] & 1) == 0) {
      return invalidField(); // asynchronous notification
    }
    boolean media = (cdb[4] & 0x10) != 0;
    ByteBuffer b = ByteBuffer.allocate(8).putShort((short) (media ? 6 : 2));
    b.put((byte) (media ? 4 : 0x80)).put((byte) 0x10);
    if (media) {
      b.put((byte) event).put((byte) (trayOpen ? 1 : medium != null ? 2 : 0)).putShort((short) 0);
      event = 0;
    }
    return give(b, u16(cdb, 7));
  }

  private Outcome discInformation(int allocated) {
    if (!hasMedium()) {
      return noMedium();
    }
    ByteBuffer b = ByteBuffer.allocate(34).putShort((short) 32).put((byte) 0x0e);
    b.put((byte) 1).put((byte) 1).put((byte) 1).put((byte) 1).put((byte) 0x20);
    b.position(34);
    return give(b, allocated);
  }

  private Outcome trackInformation(int allocated) {
    if (!hasMedium()) {
      return noMedium();
    }
    ByteBuffer b = ByteBuffer.allocate(36).putShort((short) 34).put((byte) 1).put((byte) 1);
    b.put((byte) 0).put((byte) 4).put((byte) 1).put((byte) 0);
    b.putInt(24, (int) blocks());
    b.position(36);
    return give(b, allocated);
  }

  private Outcome discStructure(byte[] cdb) {
    if (!hasMedium()) {
      return noMedium();
    }
    if (profile() != PROFILE_DVD || cdb[7] != 0) {
      return check(SENSE_ILLEGAL_REQUEST, profile() == PROFILE_DVD ? INVALID_FIELD : 0x30);
    }
    ByteBuffer b = ByteBuffer.allocate(4 + BLOCK_BYTES).putShort((short) (2 + BLOCK_BYTES));
    b.putShort((short) 0).put((byte) 1).put((byte) 0x0f).put((byte) 1).put((byte) 0);
    b.putInt(0x30000).putInt((int) (0x30000 + blocks() - 1)).putInt(0);
    b.position(4 + BLOCK_BYTES);
    return give(b, u16(cdb, 8));
  }

  private Outcome mechanismStatus(int allocated) {
    return give(
        ByteBuffer.allocate(8).putInt(0).put((byte) 0).put((byte) 1).putShort((short) 0),
        allocated);
  }

  // State.

  @Override
  public State save() {
    return new State(trayOpen, locked, senseKey, senseCode, attention, event);
  }

  @Override
  public void load(State s) {
    if ((s.senseKey & ~0xf) != 0 || (s.senseCode & ~0xff) != 0 || s.event < 0 || s.event > 3) {
      throw new IllegalArgumentException("senseKey, senseCode or event: out of range");
    }
    trayOpen = s.trayOpen;
    locked = s.locked;
    senseKey = s.senseKey;
    senseCode = s.senseCode;
    attention = s.attention;
    event = s.event;
  }

  @Override
  public void reset() {
    trayOpen = false;
    locked = false;
    sense(0, 0);
    attention = false;
    event = 0;
  }
}
