package org.tuber.machine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.tuber.devices.block.ImageObjects;

/**
 * What a machine is built from: the command line after parsing, before any device exists. Names and
 * values are QEMU's own ({@code pc}, {@code qemu64}, {@code tcg}).
 *
 * @param machineType board name as after {@code -M}, e.g. {@code pc}
 * @param machineProperties what followed the board name, e.g. {@code acpi=off}
 * @param memoryBytes size of guest RAM
 * @param cpus number of guest CPUs
 * @param cpuModel model name as after {@code -cpu}, e.g. {@code qemu64}
 * @param cpuFeatures CPU features switched on ({@code true}) or off by name
 * @param accel how guest code is executed: {@code tcg} or {@code interp}
 * @param accelProperties what followed the accelerator, e.g. {@code tb-size=256}
 * @param kernel file to boot directly, or null
 * @param initrd initial RAM disk for {@code kernel}, or null
 * @param append kernel command line, never null
 * @param serials serial ports in order, COM1 first; a port that is absent ends the list
 * @param firmwareDirs where firmware files are looked for, first hit wins
 * @param rtcBase what the real-time clock starts from
 * @param noReboot a guest reset ends the run, status 0
 * @param noShutdown a guest power-off stops the CPUs but does not end the run
 * @param startStopped CPUs wait for {@link MachineRun#resume}
 * @param guestName what {@code -name} said, or an empty string
 * @param devices additional devices in the order of their options
 * @param bios firmware image by name or path; null: the board's own, or none with {@code kernel}
 * @param boot what firmware boots from
 * @param drives disks, CD-ROMs and floppies in the order of their options
 * @param vga video card: {@code std}, {@code cirrus} or {@code none}
 * @param objects passphrases and credentials that drives need
 */
public record MachineConfig(
    String machineType,
    Map<String, String> machineProperties,
    long memoryBytes,
    int cpus,
    String cpuModel,
    Map<String, Boolean> cpuFeatures,
    String accel,
    Map<String, String> accelProperties,
    Path kernel,
    Path initrd,
    String append,
    List<CharBackendSource> serials,
    List<Path> firmwareDirs,
    RtcBase rtcBase,
    boolean noReboot,
    boolean noShutdown,
    boolean startStopped,
    String guestName,
    List<DeviceOption> devices,
    String bios,
    BootOrder boot,
    List<DriveOption> drives,
    String vga,
    ImageObjects objects) {

  /**
   * One additional device as after {@code -device}.
   *
   * @param driver what it is, e.g. {@code isa-debug-exit}
   * @param properties what followed, e.g. {@code iobase=0xf4}
   * @param line host side of a character device, else null
   */
  public record DeviceOption(
      String driver, Map<String, String> properties, CharBackendSource line) {
    /** Copies the properties. */
    public DeviceOption {
      Objects.requireNonNull(driver);
      properties = Map.copyOf(properties);
    }
  }

  /** Starting point of the guest's wall clock. */
  public sealed interface RtcBase {
    /** Universal time of the host. */
    record Utc() implements RtcBase {}

    /** Local time of the host. */
    record LocalTime() implements RtcBase {}

    /** A fixed instant: seconds since 1970-01-01 UTC. */
    record Fixed(long epochSeconds) implements RtcBase {}
  }

  /** Copies the collections, so that a configuration never changes. */
  public MachineConfig {
    Objects.requireNonNull(machineType);
    Objects.requireNonNull(cpuModel);
    Objects.requireNonNull(accel);
    Objects.requireNonNull(append);
    Objects.requireNonNull(rtcBase);
    machineProperties = Map.copyOf(machineProperties);
    cpuFeatures = Map.copyOf(cpuFeatures);
    accelProperties = Map.copyOf(accelProperties);
    serials = List.copyOf(serials);
    firmwareDirs = List.copyOf(firmwareDirs);
    devices = List.copyOf(devices);
    Objects.requireNonNull(boot);
    drives = List.copyOf(drives);
    Objects.requireNonNull(vga);
    Objects.requireNonNull(objects);
  }

  /** A builder with QEMU's defaults: a {@code pc} with 128 MiB, one {@code qemu64} CPU. */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects the parts in any order; a new option adds a setter here and no caller changes. */
  public static final class Builder {
    private String machineType = "pc";
    private final Map<String, String> machineProperties = new HashMap<>();
    private long memoryBytes = 128L << 20;
    private int cpus = 1;
    private String cpuModel = "qemu64";
    private final Map<String, Boolean> cpuFeatures = new HashMap<>();
    private String accel = "tcg";
    private final Map<String, String> accelProperties = new HashMap<>();
    private Path kernel;
    private Path initrd;
    private String append = "";
    private final List<CharBackendSource> serials = new ArrayList<>();
    private final List<Path> firmwareDirs = new ArrayList<>();
    private RtcBase rtcBase = new RtcBase.Utc();
    private boolean noReboot;
    private boolean noShutdown;
    private boolean startStopped;
    private String guestName = "";
    private final List<DeviceOption> devices = new ArrayList<>();
    private String bios;
    private BootOrder boot = BootOrder.DEFAULT;
    private final List<DriveOption> drives = new ArrayList<>();
    private String vga = "none";
    private ImageObjects objects = new ImageObjects();

    private Builder() {}

    /** Board name. */
    public Builder machineType(String value) {
      machineType = value;
      return this;
    }

    /** One board property. */
    public Builder machineProperty(String name, String value) {
      machineProperties.put(name, value);
      return this;
    }

    /** Size of guest RAM. */
    public Builder memoryBytes(long value) {
      memoryBytes = value;
      return this;
    }

    /** Number of CPUs. */
    public Builder cpus(int value) {
      cpus = value;
      return this;
    }

    /** CPU model. */
    public Builder cpuModel(String value) {
      cpuModel = value;
      return this;
    }

    /** Switches one CPU feature on or off. */
    public Builder cpuFeature(String name, boolean on) {
      cpuFeatures.put(name, on);
      return this;
    }

    /** How guest code is executed. */
    public Builder accel(String value) {
      accel = value;
      return this;
    }

    /** One property of the accelerator. */
    public Builder accelProperty(String name, String value) {
      accelProperties.put(name, value);
      return this;
    }

    /** Kernel to boot directly. */
    public Builder kernel(Path value) {
      kernel = value;
      return this;
    }

    /** Initial RAM disk. */
    public Builder initrd(Path value) {
      initrd = value;
      return this;
    }

    /** Kernel command line. */
    public Builder append(String value) {
      append = value;
      return this;
    }

    /** The next serial port's host side. */
    public Builder serial(CharBackendSource value) {
      serials.add(value);
      return this;
    }

    /** One more folder with firmware. */
    public Builder firmwareDir(Path value) {
      firmwareDirs.add(value);
      return this;
    }

    /** Start of the guest's wall clock. */
    public Builder rtcBase(RtcBase value) {
      rtcBase = value;
      return this;
    }

    /** A guest reset ends the run. */
    public Builder noReboot(boolean value) {
      noReboot = value;
      return this;
    }

    /** A guest power-off does not end the run. */
    public Builder noShutdown(boolean value) {
      noShutdown = value;
      return this;
    }

    /** CPUs wait for {@link MachineRun#resume}. */
    public Builder startStopped(boolean value) {
      startStopped = value;
      return this;
    }

    /** Name for people. */
    public Builder guestName(String value) {
      guestName = value;
      return this;
    }

    /** One more device. */
    public Builder device(DeviceOption value) {
      devices.add(value);
      return this;
    }

    /** Firmware image. */
    public Builder bios(String value) {
      bios = value;
      return this;
    }

    /** What firmware boots from. */
    public Builder boot(BootOrder value) {
      boot = value;
      return this;
    }

    /** One more drive. */
    public Builder drive(DriveOption value) {
      drives.add(value);
      return this;
    }

    /** Video card. */
    public Builder vga(String value) {
      vga = value;
      return this;
    }

    /** Passphrases and credentials. */
    public Builder objects(ImageObjects value) {
      objects = value;
      return this;
    }

    /** The finished configuration. */
    public MachineConfig build() {
      return new MachineConfig(
          machineType,
          machineProperties,
          memoryBytes,
          cpus,
          cpuModel,
          cpuFeatures,
          accel,
          accelProperties,
          kernel,
          initrd,
          append,
          serials,
          firmwareDirs,
          rtcBase,
          noReboot,
          noShutdown,
          startStopped,
          guestName,
          devices,
          bios,
          boot,
          drives,
          vga,
          objects);
    }
  }
}
