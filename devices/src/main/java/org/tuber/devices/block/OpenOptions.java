package org.tuber.devices.block;

import java.util.function.Function;
import org.tuber.devices.block.nbd.tls.TlsCredentials;

/** How to open an image. Immutable: each {@code with…} call gives a changed copy. */
public final class OpenOptions {
  /** Chains of backing files longer than this are refused: they are loops or traps. */
  public static final int MAX_DEPTH = 200;

  private static final long MIN_METADATA_CACHE_BYTES = 256 << 10;

  private String format = null;
  private boolean writable = false;
  private boolean openBacking = true;
  private String backingFormat = null;
  private String backingName = null;
  private boolean probeBacking = false;
  private CacheMode cache = CacheMode.WRITEBACK;
  private boolean locked = true;
  private boolean backingLocked = true;
  private boolean discard = true;
  private long metadataCacheBytes = 32L << 20;
  private boolean repairDirty = true;
  private boolean allowCorrupt = false;
  private Function<String, byte[]> secrets = id -> null;
  private ImageObjects objects = new ImageObjects();
  private String secretId = null;
  private boolean withoutKeys = false;
  private TlsCredentials tls = null;
  private int depth = 0;

  private OpenOptions() {}

  /** Read-only, format probed, write-back cache, locked. */
  public static OpenOptions readOnly() {
    return new OpenOptions();
  }

  /** Read-write, otherwise as {@link #readOnly()}. */
  public static OpenOptions readWrite() {
    return readOnly().withWritable(true);
  }

  private OpenOptions copy() {
    OpenOptions c = new OpenOptions();
    c.format = format;
    c.writable = writable;
    c.openBacking = openBacking;
    c.backingFormat = backingFormat;
    c.backingName = backingName;
    c.probeBacking = probeBacking;
    c.cache = cache;
    c.locked = locked;
    c.backingLocked = backingLocked;
    c.discard = discard;
    c.metadataCacheBytes = metadataCacheBytes;
    c.repairDirty = repairDirty;
    c.allowCorrupt = allowCorrupt;
    c.secrets = secrets;
    c.objects = objects;
    c.secretId = secretId;
    c.withoutKeys = withoutKeys;
    c.tls = tls;
    c.depth = depth;
    return c;
  }

  /** Sets: format, or null to look at the file. */
  public OpenOptions withFormat(String value) {
    OpenOptions c = copy();
    c.format = value;
    return c;
  }

  /** Format, or null to look at the file. */
  public String format() {
    return format;
  }

  /** Sets: open for writing. */
  public OpenOptions withWritable(boolean value) {
    OpenOptions c = copy();
    c.writable = value;
    return c;
  }

  /** Open for writing. */
  public boolean writable() {
    return writable;
  }

  /** Sets: open the backing chain; without it unallocated ranges read as zero. */
  public OpenOptions withOpenBacking(boolean value) {
    OpenOptions c = copy();
    c.openBacking = value;
    return c;
  }

  /** Open the backing chain; without it unallocated ranges read as zero. */
  public boolean openBacking() {
    return openBacking;
  }

  /** Sets: format of the backing file, for images that do not record one. */
  public OpenOptions withBackingFormat(String value) {
    OpenOptions c = copy();
    c.backingFormat = value;
    return c;
  }

  /** Format of the backing file, for images that do not record one. */
  public String backingFormat() {
    return backingFormat;
  }

  /** Sets: name of the backing file instead of the one that the image records. */
  public OpenOptions withBackingName(String value) {
    OpenOptions c = copy();
    c.backingName = value;
    return c;
  }

  /** Name of the backing file; null for the one that the image records. */
  public String backingName() {
    return backingName;
  }

  /**
   * Sets: guess the backing format when the image names none. Unsafe when a guest could write the
   * backing file.
   */
  public OpenOptions withProbeBacking(boolean value) {
    OpenOptions c = copy();
    c.probeBacking = value;
    return c;
  }

  /**
   * Guess the backing format when the image names none. Unsafe when a guest could write the backing
   * file.
   */
  public boolean probeBacking() {
    return probeBacking;
  }

  /** Sets: host caching. */
  public OpenOptions withCache(CacheMode value) {
    OpenOptions c = copy();
    c.cache = value;
    return c;
  }

  /** Host caching. */
  public CacheMode cache() {
    return cache;
  }

  /** Sets: take the image lock, and respect that of others. */
  public OpenOptions withLocked(boolean value) {
    OpenOptions c = copy();
    c.locked = value;
    return c;
  }

  /** Take the image lock, and respect that of others. */
  public boolean locked() {
    return locked;
  }

  /** Sets: guest discards reach the host. */
  public OpenOptions withDiscard(boolean value) {
    OpenOptions c = copy();
    c.discard = value;
    return c;
  }

  /** Sets: take locks on backing files too. */
  public OpenOptions withBackingLocked(boolean value) {
    OpenOptions c = copy();
    c.backingLocked = value;
    return c;
  }

  /** Guest discards reach the host. */
  public boolean discard() {
    return discard;
  }

  /** Sets: bound of the metadata cache. */
  public OpenOptions withMetadataCacheBytes(long value) {
    OpenOptions c = copy();
    c.metadataCacheBytes = value;
    return c;
  }

  /** Bound of the metadata cache. */
  public long metadataCacheBytes() {
    return metadataCacheBytes;
  }

  /** Sets: repair an image that was not closed cleanly when opening it for writing. */
  public OpenOptions withRepairDirty(boolean value) {
    OpenOptions c = copy();
    c.repairDirty = value;
    return c;
  }

  /** Repair an image that was not closed cleanly when opening it for writing. */
  public boolean repairDirty() {
    return repairDirty;
  }

  /** Sets: open an image marked corrupt for writing: for repair only. */
  public OpenOptions withAllowCorrupt(boolean value) {
    OpenOptions c = copy();
    c.allowCorrupt = value;
    return c;
  }

  /** Open an image marked corrupt for writing: for repair only. */
  public boolean allowCorrupt() {
    return allowCorrupt;
  }

  /** Sets: passphrases by id. */
  public OpenOptions withSecrets(Function<String, byte[]> value) {
    OpenOptions c = copy();
    c.secrets = value;
    return c;
  }

  /** Passphrases by id. */
  public Function<String, byte[]> secrets() {
    return secrets;
  }

  /** Sets: passphrases and credentials by id. */
  public OpenOptions withObjects(ImageObjects value) {
    OpenOptions c = withSecrets(value::secret);
    c.objects = value;
    return c;
  }

  /** Credentials by id. */
  public ImageObjects objects() {
    return objects;
  }

  /** Sets: id of this image's passphrase. */
  public OpenOptions withSecretId(String value) {
    OpenOptions c = copy();
    c.secretId = value;
    return c;
  }

  /** Id of this image's passphrase. */
  public String secretId() {
    return secretId;
  }

  /** Sets: open an encrypted image without its key, to look at its structure only. */
  public OpenOptions withWithoutKeys(boolean value) {
    OpenOptions c = copy();
    c.withoutKeys = value;
    return c;
  }

  /** Encrypted images are opened without a key: their data cannot be read. */
  public boolean withoutKeys() {
    return withoutKeys;
  }

  /** Sets: credentials for connections to servers; null leaves it to the name. */
  public OpenOptions withTls(TlsCredentials value) {
    OpenOptions c = copy();
    c.tls = value;
    return c;
  }

  /** Credentials for connections to servers; null leaves it to the name. */
  public TlsCredentials tls() {
    return tls;
  }

  /** Position in the backing chain. */
  public int depth() {
    return depth;
  }

  /** Options for a backing file: read-only, one level down, its format given and never guessed. */
  public OpenOptions forBacking(String backingFileFormat) {
    OpenOptions c = copy();
    c.format = backingFileFormat;
    c.writable = false;
    c.backingFormat = null;
    c.backingName = null;
    c.locked = locked && backingLocked;
    c.openBacking = true;
    c.tls = null;
    // However long the chain, all caches together take no more than twice the first.
    c.metadataCacheBytes = Math.max(MIN_METADATA_CACHE_BYTES, metadataCacheBytes / 2);
    c.depth = depth + 1;
    return c;
  }
}
