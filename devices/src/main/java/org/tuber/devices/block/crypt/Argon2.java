package org.tuber.devices.block.crypt;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;
import org.tuber.devices.block.ImageException;

/**
 * The Argon2 password hash (RFC 9106), by the system's libargon2, which takes its memory outside
 * the Java heap and uses several threads, or else by Bouncy Castle.
 */
final class Argon2 {
  private static final long MAX_MEMORY_KIB = 4L << 20;
  private static final long MAX_PASSES = 1 << 20;
  private static final long MAX_LANES = 64;
  private static final int VERSION = 0x13;

  /**
   * What a hash costs.
   *
   * @param id Argon2id, else Argon2i
   * @param passes over the memory
   * @param memoryKib memory in KiB
   * @param lanes threads
   */
  record Cost(boolean id, long passes, long memoryKib, long lanes) {}

  private Argon2() {}

  static byte[] derive(String image, Cost cost, byte[] secret, byte[] salt, int bytes)
      throws IOException {
    if (cost.passes < 1
        || cost.passes > MAX_PASSES
        || cost.lanes < 1
        || cost.lanes > MAX_LANES
        || cost.memoryKib < 8 * cost.lanes
        || cost.memoryKib > MAX_MEMORY_KIB
        || salt.length < 8) {
      throw new ImageException(image, "LUKS2 kdf", "impossible parameters");
    }
    byte[] hash = bySystem(image, cost, secret, salt, bytes);
    return hash != null ? hash : byLibrary(image, cost, secret, salt, bytes);
  }

  /** Null if the system has no such library. */
  @SuppressWarnings("restricted")
  private static byte[] bySystem(String image, Cost cost, byte[] secret, byte[] salt, int bytes)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup lib = SymbolLookup.libraryLookup("libargon2.so.1", arena);
      ValueLayout.OfInt i = ValueLayout.JAVA_INT;
      ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
      MethodHandle f =
          Linker.nativeLinker()
              .downcallHandle(
                  lib.findOrThrow(cost.id ? "argon2id_hash_raw" : "argon2i_hash_raw"),
                  FunctionDescriptor.of(
                      i,
                      i,
                      i,
                      i,
                      ValueLayout.ADDRESS,
                      l,
                      ValueLayout.ADDRESS,
                      l,
                      ValueLayout.ADDRESS,
                      l));
      MemorySegment out = arena.allocate(bytes);
      MemorySegment in = arena.allocate(Math.max(1, secret.length));
      MemorySegment.copy(secret, 0, in, ValueLayout.JAVA_BYTE, 0, secret.length);
      int rc =
          (int)
              f.invokeExact(
                  (int) cost.passes,
                  (int) cost.memoryKib,
                  (int) cost.lanes,
                  in,
                  (long) secret.length,
                  arena.allocateFrom(ValueLayout.JAVA_BYTE, salt),
                  (long) salt.length,
                  out,
                  (long) bytes);
      in.fill((byte) 0);
      if (rc != 0) {
        throw new ImageException(
            image, "LUKS2 kdf", "Argon2 with " + (cost.memoryKib >> 10) + " MiB failed: " + rc);
      }
      byte[] hash = out.toArray(ValueLayout.JAVA_BYTE);
      out.fill((byte) 0);
      return hash;
    } catch (ImageException | Error e) {
      throw e;
    } catch (Throwable t) {
      return null;
    }
  }

  static byte[] byLibrary(String image, Cost cost, byte[] secret, byte[] salt, int bytes)
      throws IOException {
    long free = Runtime.getRuntime().maxMemory() - Runtime.getRuntime().totalMemory();
    free += Runtime.getRuntime().freeMemory();
    if (cost.memoryKib << 10 > free - (free >> 3)) {
      throw new ImageException(
          image,
          "LUKS2 kdf",
          "the key slot takes "
              + (cost.memoryKib >> 10)
              + " MiB to open, more than the Java heap has: install libargon2, or give more heap");
    }
    Argon2BytesGenerator generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(
                cost.id ? Argon2Parameters.ARGON2_id : Argon2Parameters.ARGON2_i)
            .withVersion(VERSION)
            .withIterations((int) cost.passes)
            .withMemoryAsKB((int) cost.memoryKib)
            .withParallelism((int) cost.lanes)
            .withSalt(salt)
            .build());
    byte[] hash = new byte[bytes];
    generator.generateBytes(secret, hash);
    return hash;
  }
}
