package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * Makes LUKS version 1 headers and changes their key slots: adds passphrases and erases them, with
 * the options of {@code qemu-img amend}.
 *
 * <p>A new slot's key material is on the disk before the header that enables it; of an erased one
 * the material goes first, and the header follows.
 */
final class LuksKeySlots {
  private static final int SAMPLE_ITERATIONS = 2000;
  private static final int MAX_SAMPLE_ITERATIONS = 1 << 20;
  private static final long SAMPLE_NANOS = 100_000_000;
  private static final int MIN_ITERATIONS = 1000;

  private final LuksHeader header;
  private final byte[] raw;
  private final ImageFile file;
  private final SecureRandom random = new SecureRandom();

  LuksKeySlots(LuksHeader header) {
    this.header = header;
    this.raw = header.raw();
    this.file = header.file();
  }

  private ImageException bad(String field, String problem) {
    return new ImageException(file.name(), field, problem);
  }

  /** Writes a new header with one key slot. */
  static void create(ImageFile file, long base, byte[] passphrase, LuksParameters p)
      throws IOException {
    byte[] raw = LuksHeader.newRaw();
    SecureRandom random = new SecureRandom();
    put(raw, 8, "aes");
    put(raw, 40, p.mode());
    put(raw, 72, p.hash());
    Bytes.putBe32(raw, 104, (int) (p.headerBytes() / 512));
    Bytes.putBe32(raw, 108, p.keyBytes());
    byte[] key = new byte[p.keyBytes()];
    random.nextBytes(key);
    byte[] salt = new byte[32];
    random.nextBytes(salt);
    System.arraycopy(salt, 0, raw, 132, 32);
    put(raw, 168, UUID.randomUUID().toString());
    for (int i = 0; i < LuksParameters.SLOTS; i++) {
      int s = LuksHeader.slotAt(i);
      Bytes.putBe32(raw, s, LuksHeader.SLOT_DISABLED);
      Bytes.putBe32(raw, s + 40, (int) ((LuksParameters.SLOTS_OFFSET + i * p.slotBytes()) / 512));
      Bytes.putBe32(raw, s + 44, LuksParameters.STRIPES);
    }
    LuksHeader h = LuksHeader.of(file, base, raw);
    LuksKeySlots slots = new LuksKeySlots(h);
    int iterations = slots.iterationsFor(p.iterMillis());
    int digestIterations = Math.max(MIN_ITERATIONS, iterations / 8);
    Bytes.putBe32(raw, 164, digestIterations);
    System.arraycopy(h.pbkdf2(key, salt, digestIterations, 20), 0, raw, 112, 20);
    slots.fill(0, key, passphrase, iterations);
    file.write(base, ByteBuffer.wrap(raw));
  }

  private static void put(byte[] b, int at, String text) {
    byte[] t = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(t, 0, b, at, t.length);
  }

  /** As many iterations as make trying a passphrase take about that long here. */
  private int iterationsFor(long millis) throws IOException {
    int sample = SAMPLE_ITERATIONS;
    long nanos = sampleNanos(sample);
    // Long enough that the code is compiled and the clock's grain does not matter.
    while (nanos < SAMPLE_NANOS && sample < MAX_SAMPLE_ITERATIONS) {
      sample *= 2;
      nanos = sampleNanos(sample);
    }
    double wanted = (double) sample * millis * 1_000_000 / Math.max(1, nanos);
    return (int) Math.clamp((long) wanted, MIN_ITERATIONS, 100_000_000L);
  }

  private long sampleNanos(int iterations) throws IOException {
    long start = System.nanoTime();
    header.pbkdf2(new byte[16], new byte[32], iterations, header.keyBytes());
    return System.nanoTime() - start;
  }

  /** Writes a slot's key material and enables it in memory. */
  private void fill(int slot, byte[] key, byte[] passphrase, int iterations) throws IOException {
    int s = LuksHeader.slotAt(slot);
    byte[] salt = new byte[32];
    random.nextBytes(salt);
    byte[] split = header.split(key, random);
    byte[] padded = Arrays.copyOf(split, split.length + 511 & -512);
    byte[] slotKey = header.pbkdf2(passphrase, salt, iterations, key.length);
    header.cipher(slotKey).encrypt(0, padded, padded.length);
    file.write(header.base() + header.material(slot), ByteBuffer.wrap(padded));
    Bytes.putBe32(raw, s, LuksHeader.SLOT_ENABLED);
    Bytes.putBe32(raw, s + 4, iterations);
    System.arraycopy(salt, 0, raw, s + 8, 32);
    Bytes.putBe32(raw, s + 44, LuksParameters.STRIPES);
  }

  private void store() throws IOException {
    file.flush();
    file.write(header.base(), ByteBuffer.wrap(raw));
    file.flush();
  }

  /**
   * Carries out an amendment.
   *
   * @param prefix what the options' names begin with
   * @param secrets passphrases by id
   * @param present a passphrase that opens the volume, needed to add another
   */
  void amend(AmendOptions o, String prefix, Function<String, byte[]> secrets, byte[] present)
      throws IOException {
    CreateOptions options = new CreateOptions(file.name(), 0, o.options());
    String state = options.options().get(prefix + "state");
    if (state == null) {
      throw bad(prefix + "state", "Parameter 'state' is missing");
    }
    switch (state) {
      case "active" -> add(options, prefix, secrets, present, o.force());
      case "inactive" -> erase(options, prefix, secrets, o.force());
      default -> throw bad(prefix + "state", "does not accept value '" + state + "'");
    }
  }

  private void add(
      CreateOptions o,
      String prefix,
      Function<String, byte[]> secrets,
      byte[] present,
      boolean force)
      throws IOException {
    if (!o.options().containsKey(prefix + "new-secret")) {
      throw bad(prefix + "new-secret", "'new-secret' is required to activate a keyslot");
    }
    if (o.options().containsKey(prefix + "old-secret")) {
      throw bad(prefix + "old-secret", "must not be given when activating keyslots");
    }
    byte[] added = secret(o, prefix + "new-secret", secrets);
    int slot = slotOption(o, prefix);
    if (slot < 0) {
      slot = firstFree();
    } else if (header.isActive(slot) && !force) {
      throw bad(
          prefix + "keyslot",
          "Refusing to overwrite active keyslot " + slot + " - please erase it first");
    }
    long millis = o.bytes(prefix + "iter-time", LuksParameters.STANDARD_ITER_MILLIS);
    byte[] key = header.unlock(present);
    fill(slot, key, added, iterationsFor(Math.clamp(millis, 1, 3_600_000)));
    store();
  }

  private int firstFree() throws ImageException {
    for (int i = 0; i < LuksParameters.SLOTS; i++) {
      if (!header.isActive(i)) {
        return i;
      }
    }
    throw bad("keyslot", "Can't add a keyslot - all keyslots are in use");
  }

  private byte[] secret(CreateOptions o, String name, Function<String, byte[]> secrets)
      throws ImageException {
    String id = o.options().get(name);
    byte[] secret = secrets.apply(id);
    if (secret == null) {
      throw bad(name, "No secret with id '" + id + "'");
    }
    return secret;
  }

  /** The slot the options name; -1 if none. */
  private int slotOption(CreateOptions o, String prefix) throws ImageException {
    long slot = o.bytes(prefix + "keyslot", -1);
    if (slot < -1 || slot >= LuksParameters.SLOTS) {
      throw bad(
          prefix + "keyslot",
          "Invalid keyslot "
              + slot
              + " specified, must be between 0 and "
              + (LuksParameters.SLOTS - 1));
    }
    return (int) slot;
  }

  private void erase(
      CreateOptions o, String prefix, Function<String, byte[]> secrets, boolean force)
      throws IOException {
    for (String name : List.of("new-secret", "iter-time")) {
      if (o.options().containsKey(prefix + name)) {
        throw bad(prefix + name, "must not be given when erasing keyslots");
      }
    }
    byte[] old = null;
    if (o.options().containsKey(prefix + "old-secret")) {
      old = secret(o, prefix + "old-secret", secrets);
    }
    int slot = slotOption(o, prefix);
    List<Integer> gone = new ArrayList<>();
    if (slot >= 0) {
      requireErasable(slot, old, force);
      gone.add(slot);
    } else if (old != null) {
      gone.addAll(opened(old));
      if (gone.isEmpty()) {
        throw bad("old-secret", "No keyslots match given (old) password for erase operation");
      }
      if (gone.size() == active() && !force) {
        throw bad(
            "old-secret",
            "All the active keyslots match the (old) password that was given and erasing them will"
                + " erase all the data in the image irreversibly - refusing operation");
      }
    } else {
      throw bad(
          "state",
          "To erase keyslot(s), either explicit keyslot index or the password currently contained"
              + " in them must be given");
    }
    for (int i : gone) {
      wipe(i);
    }
    store();
  }

  private void requireErasable(int slot, byte[] old, boolean force) throws IOException {
    if (!header.isActive(slot)) {
      throw bad("keyslot", "Given keyslot " + slot + " is already erased (inactive)");
    }
    if (old != null && !opened(old).contains(slot)) {
      throw bad(
          "keyslot",
          "Given keyslot " + slot + " doesn't contain the given old password for erase operation");
    }
    if (active() == 1 && !force) {
      throw bad(
          "keyslot",
          "Attempt to erase the only active keyslot "
              + slot
              + " which will erase all the data in the image irreversibly - refusing operation");
    }
  }

  private int active() {
    int n = 0;
    for (int i = 0; i < LuksParameters.SLOTS; i++) {
      n += header.isActive(i) ? 1 : 0;
    }
    return n;
  }

  private List<Integer> opened(byte[] passphrase) throws IOException {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < LuksParameters.SLOTS; i++) {
      if (header.isActive(i) && header.tryUnlock(i, passphrase) != null) {
        all.add(i);
      }
    }
    return all;
  }

  /** Overwrites a slot's key material and disables it in memory. */
  private void wipe(int slot) throws IOException {
    int s = LuksHeader.slotAt(slot);
    byte[] noise = new byte[header.keyBytes() * (int) Bytes.beU32(raw, s + 44) + 511 & -512];
    random.nextBytes(noise);
    file.write(header.base() + header.material(slot), ByteBuffer.wrap(noise));
    Bytes.putBe32(raw, s, LuksHeader.SLOT_DISABLED);
    Bytes.putBe32(raw, s + 4, 0);
    Arrays.fill(raw, s + 8, s + 40, (byte) 0);
  }
}
