package org.tuber.machine.firmware;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * System management BIOS tables of a machine (DMTF DSP0134 3.6, entry point of version 2.8): what
 * {@code dmidecode} shows. Firmware copies them from its configuration device.
 *
 * <p>Strings are the ones by which guests recognise this kind of machine.
 */
public final class SmbiosTables {
  /** File with the structures. */
  public static final String TABLES_FILE = "etc/smbios/smbios-tables";

  /** File with the entry point. */
  public static final String ANCHOR_FILE = "etc/smbios/smbios-anchor";

  private static final int ANCHOR_BYTES = 31;
  private static final int SYSTEM = 1;
  private static final int CHASSIS = 3;
  private static final int PROCESSOR = 4;
  private static final int MEMORY_ARRAY = 16;
  private static final int MEMORY_DEVICE = 17;
  private static final int MAPPED_ADDRESS = 19;
  private static final int BOOT_STATUS = 32;
  private static final int END = 127;
  private static final int NO_HANDLE = 0xfffe;
  private static final long DEVICE_BYTES = 16L << 30;
  private static final String VENDOR = "QEMU";

  private final ByteArrayOutputStream tables = new ByteArrayOutputStream();
  private int count;
  private int longest;

  /**
   * The tables of one machine.
   *
   * @param product name of the machine
   * @param version name of the board as on the command line
   * @param cpus number of CPU sockets
   * @param ramBytes size of all RAM
   * @param lowBytes the part of it below 4 GiB
   */
  public SmbiosTables(String product, String version, int cpus, long ramBytes, long lowBytes) {
    addSystem(product, version);
    addChassis(version);
    for (int cpu = 0; cpu < cpus; cpu++) {
      addProcessor(cpu, version);
    }
    addMemory(ramBytes, lowBytes);
    add(BOOT_STATUS, 0x2000, buffer(7).put(new byte[7]));
    add(END, 0x7f00, buffer(0));
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void add(int type, int handle, ByteBuffer body, String... strings) {
    int start = tables.size();
    tables.write(type);
    tables.write(4 + body.capacity());
    tables.write(handle);
    tables.write(handle >>> 8);
    tables.writeBytes(content(body));
    for (String s : strings) {
      tables.writeBytes(s.getBytes(StandardCharsets.US_ASCII));
      tables.write(0);
    }
    if (strings.length == 0) {
      tables.write(0);
    }
    tables.write(0);
    longest = Math.max(longest, tables.size() - start);
    count++;
  }

  private void addSystem(String product, String version) {
    ByteBuffer b = buffer(23).put((byte) 1).put((byte) 2).put((byte) 3).put((byte) 0);
    b.put(new byte[16]); // UUID: not set
    b.put((byte) 6).put((byte) 0).put((byte) 0); // woken by the power switch
    add(SYSTEM, 0x100, b, VENDOR, product, version);
  }

  private void addChassis(String version) {
    ByteBuffer b = buffer(18).put((byte) 1).put((byte) 1).put((byte) 2);
    b.put((byte) 0).put((byte) 0);
    b.put((byte) 3).put((byte) 3).put((byte) 3).put((byte) 2); // safe; security unknown
    add(CHASSIS, 0x300, b, VENDOR, version);
  }

  private void addProcessor(int cpu, String version) {
    ByteBuffer b = buffer(44).put((byte) 1).put((byte) 3).put((byte) 1).put((byte) 2);
    b.putLong(0); // CPUID is better asked of the CPU
    b.put((byte) 3).put((byte) 0).putShort((short) 0).putShort((short) 2000).putShort((short) 2000);
    b.put((byte) 0x41).put((byte) 1); // enabled, socket populated; upgrade: other
    b.putShort((short) -1).putShort((short) -1).putShort((short) -1); // no cache handles
    b.put((byte) 0).put((byte) 0).put((byte) 0);
    b.put((byte) 1).put((byte) 1).put((byte) 1).putShort((short) 2).putShort((short) 1);
    b.putShort((short) 1).putShort((short) 1).putShort((short) 1);
    add(PROCESSOR, 0x400 + cpu, b, "CPU " + cpu, VENDOR, version);
  }

  private void addMemory(long ramBytes, long lowBytes) {
    int devices = (int) Math.max(1, (ramBytes + DEVICE_BYTES - 1) / DEVICE_BYTES);
    ByteBuffer array = buffer(19).put((byte) 1).put((byte) 3).put((byte) 6); // multi-bit ECC
    boolean wide = ramBytes >>> 10 >= 0x8000_0000L;
    array.putInt(wide ? 0x8000_0000 : (int) (ramBytes >>> 10)).putShort((short) NO_HANDLE);
    array.putShort((short) devices).putLong(wide ? ramBytes : 0);
    add(MEMORY_ARRAY, 0x1000, array);
    for (int i = 0; i < devices; i++) {
      long size = Math.min(DEVICE_BYTES, ramBytes - i * DEVICE_BYTES);
      ByteBuffer b = buffer(36).putShort((short) 0x1000).putShort((short) NO_HANDLE);
      b.putShort((short) -1).putShort((short) -1).putShort((short) (size >>> 20));
      b.put((byte) 9).put((byte) 0).put((byte) 1).put((byte) 0); // DIMM
      b.put((byte) 7).putShort((short) 2).putShort((short) 0).put((byte) 2); // RAM
      add(MEMORY_DEVICE, 0x1100 + i, b, "DIMM " + i, VENDOR);
    }
    addMapping(0, 0, lowBytes, devices);
    if (ramBytes > lowBytes) {
      addMapping(1, 1L << 32, ramBytes - lowBytes, devices);
    }
  }

  private void addMapping(int index, long start, long bytes, int devices) {
    ByteBuffer b = buffer(27).putInt((int) (start >>> 10));
    b.putInt((int) ((start + bytes - 1) >>> 10)).putShort((short) 0x1000).put((byte) devices);
    add(MAPPED_ADDRESS, 0x1300 + index, b);
  }

  /** All structures. */
  public byte[] tables() {
    return tables.toByteArray();
  }

  /** The entry point; firmware fills in the address and sums it anew. */
  public byte[] anchor() {
    ByteBuffer b = buffer(ANCHOR_BYTES);
    b.put("_SM_".getBytes(StandardCharsets.US_ASCII)).put((byte) 0).put((byte) ANCHOR_BYTES);
    b.put((byte) 2).put((byte) 8).putShort((short) longest).put((byte) 0).put(new byte[5]);
    b.put("_DMI_".getBytes(StandardCharsets.US_ASCII)).put((byte) 0);
    b.putShort((short) tables.size()).putInt(0).putShort((short) count).put((byte) 0x28);
    byte[] anchor = content(b);
    anchor[0x15] = checksum(Arrays.copyOfRange(anchor, 0x10, ANCHOR_BYTES));
    anchor[4] = checksum(anchor);
    return anchor;
  }

  private static byte[] content(ByteBuffer b) {
    byte[] content = new byte[b.capacity()];
    b.get(0, content);
    return content;
  }

  private static byte checksum(byte[] bytes) {
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    return (byte) -sum;
  }
}
