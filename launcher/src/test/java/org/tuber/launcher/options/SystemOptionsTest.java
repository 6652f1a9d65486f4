package org.tuber.launcher.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.options.CharOptions.Target;
import org.tuber.machine.BootOrder;
import org.tuber.machine.DriveOption;
import org.tuber.machine.DriveOption.Bus;
import org.tuber.machine.DriveOption.Media;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineConfig.RtcBase;

/** QEMU's spelling in, a machine configuration out. */
class SystemOptionsTest {
  private final CharOptions chars = new CharOptions();
  private final LogOptions log = new LogOptions();
  private final OptionParser parser =
      new OptionParser(
          "test",
          new MachineOptions(
              Map.of("pc", "pc"), Set.of("acpi", "hpet", "usb", "vmport", "graphics")),
          new CpuOptions(List.of("qemu64", "max"), 128L << 20),
          new BootOptions(),
          new RunOptions(),
          new NetOptions(),
          new DeviceOptions(),
          new DriveOptions(() -> true, DriveOption.Bus.IDE),
          chars,
          new DisplayOptions(),
          log);

  private MachineConfig parse(String... arguments) {
    assertThat(parser.parse(List.of(arguments))).isEqualTo(OptionParser.Wish.RUN);
    MachineConfig.Builder config = MachineConfig.builder();
    parser.apply(config);
    return config.build();
  }

  @Test
  void defaultsAreQemus() {
    MachineConfig config = parse();
    assertThat(config.machineType()).isEqualTo("pc");
    assertThat(config.memoryBytes()).isEqualTo(128L << 20);
    assertThat(config.cpus()).isEqualTo(1);
    assertThat(config.cpuModel()).isEqualTo("qemu64");
    assertThat(config.accel()).isEqualTo("tcg");
    assertThat(config.rtcBase()).isEqualTo(new RtcBase.Utc());
    assertThat(chars.serials(false)).containsExactly(new Target.Nowhere());
    assertThat(chars.serials(true)).isEmpty();
  }

  @Test
  void drivesKeepTheirPlacesAndProperties() {
    MachineConfig config =
        parse(
            "-hda",
            "disk.img",
            "-cdrom",
            "cd.iso",
            "-drive",
            "file=a,,b.qcow2,format=qcow2,if=none,id=n,readonly=on,cache=none",
            "-device",
            "nvme,drive=n,serial=x",
            "-boot",
            "order=dc,menu=on");
    assertThat(config.drives())
        .containsExactly(
            new DriveOption(
                "", "disk.img", null, Bus.IDE, 0, Media.DISK, false, false, "writeback"),
            new DriveOption("", "cd.iso", null, Bus.IDE, 2, Media.CDROM, false, true, "writeback"),
            new DriveOption(
                "n", "a,b.qcow2", "qcow2", Bus.NONE, -1, Media.DISK, false, true, "none"));
    assertThat(config.devices().get(0).properties()).containsEntry("drive", "n");
    assertThat(config.boot()).isEqualTo(new BootOrder("dc", "", true, 0));
  }

  @Test
  void globalsReachTheDevicesOfTheirKind() {
    MachineConfig config =
        parse("-global", "isa-debugcon.iobase=0x402", "-debugcon", "null", "-snapshot");
    assertThat(config.devices()).hasSize(1);
    assertThat(config.devices().get(0).driver()).isEqualTo("isa-debugcon");
    assertThat(config.devices().get(0).properties()).containsEntry("iobase", "0x402");
  }

  @ParameterizedTest
  @ValueSource(strings = {"if=scsi2", "media=tape", "readonly=perhaps"})
  void unknownDrivePropertiesAreRefused(String property) {
    assertThatThrownBy(() -> parse("-drive", "file=x," + property))
        .isInstanceOf(CommandLineException.class)
        .hasMessageContaining(property.replaceAll(".*=", ""));
  }

  @Test
  void wholeBootLine(@TempDir Path dir) throws Exception {
    Path kernel = Files.writeString(dir.resolve("vmlinux"), "k");
    Path initrd = Files.writeString(dir.resolve("initrd"), "i");
    MachineConfig config =
        parse(
            "-M",
            "pc,accel=interp",
            "-m",
            "512",
            "-smp",
            "cpus=2",
            "-cpu",
            "max,+pcid,-x2apic",
            "-nographic",
            "-no-reboot",
            "-nic",
            "none",
            "-kernel",
            kernel.toString(),
            "-initrd",
            initrd.toString(),
            "-append",
            "console=ttyS0 -m 99",
            "-name",
            "guest,process=x");
    assertThat(config.accel()).isEqualTo("interp");
    assertThat(config.memoryBytes()).isEqualTo(512L << 20);
    assertThat(config.cpus()).isEqualTo(2);
    assertThat(config.cpuModel()).isEqualTo("max");
    assertThat(config.cpuFeatures()).isEqualTo(Map.of("pcid", true, "x2apic", false));
    assertThat(config.kernel()).isEqualTo(kernel);
    assertThat(config.initrd()).isEqualTo(initrd);
    assertThat(config.append()).isEqualTo("console=ttyS0 -m 99");
    assertThat(config.noReboot()).isTrue();
    assertThat(config.guestName()).isEqualTo("guest");
    assertThat(chars.serials(false)).containsExactly(new Target.Stdio(true));
  }

  @Test
  void aValueMayLookLikeAnOption(@TempDir Path dir) throws Exception {
    Path kernel = Files.writeString(dir.resolve("k"), "k");
    assertThat(parse("-kernel", kernel.toString(), "-append", "-nographic").append())
        .isEqualTo("-nographic");
    assertThat(parse("-kernel", kernel.toString(), "-append", "--S").append()).isEqualTo("--S");
  }

  @Test
  void twoDashesAreOneAndTheLastOneWins() {
    assertThat(parse("--m", "64", "-m", "1G").memoryBytes()).isEqualTo(1L << 30);
  }

  @Test
  void nographicWithOwnMonitorKeepsTheSerialLine() {
    parse("-nographic", "-monitor", "none");
    assertThat(chars.serials(false)).containsExactly(new Target.Stdio(false));
  }

  @Test
  void serialLinesCollect() {
    parse("-serial", "file:/tmp/a", "-serial", "null", "-serial", "pty", "-serial", "none");
    assertThat(chars.serials(false))
        .containsExactly(
            new Target.ToFile(Path.of("/tmp/a")), new Target.Nowhere(), new Target.Pty());
  }

  @Test
  void terminalBelongsToOne() {
    parse("-serial", "stdio", "-monitor", "stdio");
    assertThatThrownBy(() -> chars.serials(false)).hasMessageContaining("used twice");
  }

  @Test
  void clockStartsWhereToldTo() {
    assertThat(parse("-rtc", "base=2026-01-31T12:00:00").rtcBase())
        .isEqualTo(new RtcBase.Fixed(1769860800));
    assertThat(parse("-rtc", "base=localtime,clock=host").rtcBase())
        .isEqualTo(new RtcBase.LocalTime());
  }

  @Test
  void topologyMultiplies() {
    assertThat(parse("-smp", "sockets=2,cores=2").cpus()).isEqualTo(4);
  }

  @Test
  void logItemsCollect() {
    parse("-d", "engine", "-d", "unimp,guest_errors", "-D", "/tmp/x");
    assertThat(log.has("engine")).isTrue();
    assertThat(log.has("guest_errors")).isTrue();
    assertThat(log.file()).isEqualTo(Path.of("/tmp/x"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-foo | -foo: unknown option",
        "disk.img | disk.img: unknown option",
        "-m=512 | -m=512: unknown option",
        "-m512 | -m512: unknown option",
        "-m | -m: needs a value",
        "-serial | -serial: needs a value",
        "-m 0 | -m 0: less than 1 MiB",
        "-m 1Q | -m 1Q: not a size",
        "-m 512,slots=2 | -m 512,slots=2: unknown property 'slots'",
        "-M q36 | -machine q36: unknown machine; known: pc",
        "-machine pc,foo=on | -machine pc,foo=on: unknown property 'foo'",
        "-M pc,usb=on | -machine pc,usb=on: usb is not available",
        "-accel kvm | -accel kvm: unknown accelerator; known: tcg, interp",
        "-accel tcg,tb-size=9 | -accel tcg,tb-size=9: unknown property 'tb-size'",
        "-accel tcg,mode=odd | -accel tcg,mode=odd: unknown mode 'odd'; known: default, immediate, classes",
        "-cpu 386 | -cpu 386: unknown CPU model; known: qemu64, max",
        "-cpu max,sse9 | -cpu max,sse9: 'sse9' is not +feature or -feature",
        "-smp 0 | -smp 0: 0 is not within 1 to 255",
        "-smp two | -smp two: 'two' is not a number",
        "-smp 3,cores=2 | -smp 3,cores=2: topology gives 2 CPUs, cpus says 3",
        "-kernel /nonexistent | -kernel /nonexistent: cannot read this file",
        "-append x | -append is only for use with -kernel",
        "-serial tcp:1 | -serial tcp:1: unknown value; known: stdio, mon:stdio, file:F, pty, null, none",
        "-monitor pty | -monitor pty: unknown value; known: stdio, tcp:, unix:, null, none",
        "-display gtk | -display gtk: unknown value; known: none, vnc=",
        "-vga qxl | -vga qxl: unknown value; known: std, cirrus, none",
        "-vnc here | -vnc here: is not [host]:display",
        "-nic user | -nic user: unknown value; known: none",
        "-d in_asm | -d in_asm: unknown log item; known: engine, unimp, guest_errors",
        "-rtc base=when | -rtc base=when: 'when' is not utc, localtime or a date like 2026-01-31T12:00:00",
        "-rtc clock=vm | -rtc clock=vm: unknown clock 'vm'; known: host",
      })
  void wrongOptionOrValueIsOneLineThatNamesIt(String line, String message) {
    assertThatThrownBy(() -> parse(line.split(" ")))
        .isInstanceOf(CommandLineException.class)
        .hasMessage(message);
  }

  @Test
  void helpListsEveryOption() {
    assertThat(parser.parse(List.of("-h"))).isEqualTo(OptionParser.Wish.HELP);
    assertThat(parser.help())
        .contains("-kernel", "-nographic", "-M, -machine", "-smp")
        .doesNotContain("\0");
  }
}
