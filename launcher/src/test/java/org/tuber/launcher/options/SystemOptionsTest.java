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
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.options.ImageOptions;
import org.tuber.launcher.CommandLineAnswer;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.BootOrder;
import org.tuber.machine.DriveOption;
import org.tuber.machine.DriveOption.Bus;
import org.tuber.machine.DriveOption.Media;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineConfig.RtcBase;

/** QEMU's spelling in, a machine configuration out. */
class SystemOptionsTest {
  private boolean noDefaults;
  private final DisplayOptions display = new DisplayOptions();
  private final CharOptions chars = new CharOptions(() -> noDefaults, display::hasTerminals);
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
          new ObjectOptions(),
          new DriveOptions(() -> true, DriveOption.Bus.IDE),
          chars,
          display,
          new MonitorOptions(chars),
          new DeviceOptions(Set.of("pc", "isapc"), chars, () -> false),
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
    assertThat(serials()).containsExactly(new CharTarget.Vc());
  }

  private List<CharTarget> serials() {
    return chars.serials().stream().map(CharEnd::target).toList();
  }

  /** The only end that a monitor for people uses. */
  private CharEnd monitor() {
    List<CharEnd> monitors = chars.used().stream().filter(CharEnd::hasMonitor).toList();
    assertThat(monitors).hasSize(1);
    return monitors.getFirst();
  }

  @Test
  void nodefaultsLeavesNoLine() {
    noDefaults = true;
    parse("-display", "web");
    assertThat(chars.used()).isEmpty();
  }

  @Test
  void drivesMayBeDescribedByOptions() throws Exception {
    MachineConfig config =
        parse(
            "-object",
            "secret,id=s,data=sesame",
            "-drive",
            "if=none,id=a,driver=qcow2,file.driver=nbd,file.host=h,encrypt.key-secret=s",
            "-drive",
            "if=none,id=b,file=x,,y,format=luks,key-secret=s",
            "-drive",
            "if=none,id=c,driver=vvfat,dir=/d,fat-type=16",
            "-drive",
            "if=none,id=d,file=fat:/d,format=raw");
    assertThat(config.objects().secret("s")).asString().isEqualTo("sesame");
    OpenOptions base = OpenOptions.readOnly();
    ImageOptions a = ImageOptions.parse(config.drives().get(0).file(), base);
    assertThat(a.filename()).isEqualTo("nbd://h:10809/");
    assertThat(a.options().format()).isEqualTo("qcow2");
    assertThat(a.options().secretId()).isEqualTo("s");
    ImageOptions b = ImageOptions.parse(config.drives().get(1).file(), base);
    assertThat(b.filename() + " " + b.options().format()).isEqualTo("x,y luks");
    ImageOptions c = ImageOptions.parse(config.drives().get(2).file(), base);
    assertThat(c.filename() + " " + c.options().format()).isEqualTo("fat:16:/d raw");
    assertThat(config.drives().get(3).file()).isEqualTo("fat:/d");
    for (String bad :
        new String[] {
          "secret,id=t", "secret,data=x", "iothread,id=t", "secret,id=t,data=x,foo=1"
        }) {
      assertThatThrownBy(() -> parse("-object", bad)).hasMessageContaining(bad.substring(0, 6));
    }
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
    assertThat(config.boot()).isEqualTo(new BootOrder("dc", "", true, null, -1, -1, false));
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
    assertThat(serials()).containsExactly(new CharTarget.Stdio(false));
    assertThat(monitor().id()).isEqualTo("serial0");
  }

  @Test
  void aValueMayLookLikeAnOption(@TempDir Path dir) throws Exception {
    Path kernel = Files.writeString(dir.resolve("k"), "k");
    assertThat(parse("-kernel", kernel.toString(), "-append", "-nographic").append())
        .isEqualTo("-nographic");
    MachineConfig second =
        new SystemOptionsTest().parse("-kernel", kernel.toString(), "-append", "--S");
    assertThat(second.append()).isEqualTo("--S");
  }

  @Test
  void twoDashesAreOneAndTheLastOneWins() {
    assertThat(parse("--m", "64", "-m", "1G").memoryBytes()).isEqualTo(1L << 30);
  }

  @Test
  void nographicWithOwnMonitorKeepsTheSerialLine() {
    parse("-nographic", "-monitor", "none");
    assertThat(serials()).containsExactly(new CharTarget.Stdio(true));
    assertThat(chars.used()).noneMatch(CharEnd::hasMonitor);
  }

  @Test
  void serialLinesCollect() {
    parse("-serial", "file:/tmp/a", "-serial", "null", "-serial", "pty", "-serial", "none");
    assertThat(serials())
        .containsExactly(
            new CharTarget.ToFile(Path.of("/tmp/a"), false),
            new CharTarget.Nowhere(),
            new CharTarget.Pty());
  }

  @Test
  void backendsAreNamedAndShared() {
    parse(
        "-chardev",
        "stdio,mux=on,signal=off,id=c",
        "-serial",
        "chardev:c",
        "-mon",
        "chardev=c,mode=readline");
    assertThat(serials()).containsExactly(new CharTarget.Stdio(false));
    assertThat(monitor().isShared()).isTrue();
  }

  @Test
  void socketsCarryTheirProperties() {
    parse(
        "-serial",
        "telnet:localhost:4000,server=on,wait=off",
        "-serial",
        "tcp::4001,reconnect=5",
        "-chardev",
        "socket,id=s,path=/tmp/s,server=on,wait=off",
        "-qmp",
        "tcp::4002,server=on,wait=off",
        "-mon",
        "chardev=s,mode=readline");
    CharTarget.Socket telnet = (CharTarget.Socket) serials().get(0);
    assertThat(telnet.telnet()).isTrue();
    assertThat(telnet.target().server()).isTrue();
    assertThat(telnet.target().waits()).isFalse();
    CharTarget.Socket client = (CharTarget.Socket) serials().get(1);
    assertThat(client.reconnectSeconds()).isEqualTo(5);
    assertThat(client.toString()).isEqualTo("tcp:localhost:4001");
    assertThat(monitor().isMonitorSocket()).isTrue();
    assertThat(chars.used()).filteredOn(CharEnd::hasControl).hasSize(1);
  }

  @Test
  void displayWithTerminalsHasTheMonitorToo() {
    MachineConfig config = parse("-display", "web,port=8006");
    assertThat(config.vga()).isEqualTo("std");
    assertThat(display.webAddress().getPort()).isEqualTo(8006);
    assertThat(display.webAddress().getAddress().isLoopbackAddress()).isTrue();
    assertThat(serials()).containsExactly(new CharTarget.Vc());
    assertThat(monitor().target()).isEqualTo(new CharTarget.Vc());
  }

  @Test
  void terminalBelongsToOne() {
    parse("-serial", "stdio", "-monitor", "stdio");
    assertThatThrownBy(chars::used).hasMessageContaining("used twice");
  }

  @Test
  void clockStartsWhereToldTo() {
    assertThat(parse("-rtc", "base=2026-01-31T12:00:00").rtcBase())
        .isEqualTo(new RtcBase.Fixed(1769860800));
    assertThat(new SystemOptionsTest().parse("-rtc", "base=localtime,clock=host").rtcBase())
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
        "-accel tcg,mode=odd | -accel tcg,mode=odd: unknown mode 'odd'; known: default, immediate,"
            + " classes, lockstep",
        "-cpu 386 | -cpu 386: unknown CPU model; known: qemu64, max",
        "-cpu max,sse9 | -cpu max,sse9: 'sse9' is not +feature or -feature",
        "-smp 0 | -smp 0: 0 is not within 1 to 255",
        "-smp two | -smp two: 'two' is not a number",
        "-smp 3,cores=2 | -smp 3,cores=2: topology gives 2 CPUs, cpus says 3",
        "-kernel /nonexistent | -kernel /nonexistent: cannot read this file",
        "-append x | -append is only for use with -kernel",
        "-serial tcp:1 | -serial tcp:1: is neither tcp:[host]:port nor unix:path",
        "-serial tcp::x | -serial tcp::x: 'x' is not a port",
        "-serial tcp::1,server=on,reconnect=1 | -serial tcp::1,server=on,reconnect=1: reconnect is"
            + " for those who connect, not with server=on",
        "-serial odd | -serial odd: unknown value; known: stdio, mon:…, file:F, pipe:F, pty, tcp:…,"
            + " telnet:…, udp:…, unix:F, vc, null, none, chardev:ID",
        "-serial udp:1 | -serial udp:1: is not udp:[host]:port[@[local]:port]",
        "-serial udp::x | -serial udp::x: 'x' is not a port",
        "-chardev udp,id=x | -chardev udp,id=x: needs a port",
        "-chardev ringbuf,id=x,size=3 | -chardev ringbuf,id=x,size=3: size must be a power of two"
            + " and at most 256 MiB",
        "-serial chardev:no | -serial: no -chardev has id=no",
        "-serial pipe: | -serial pipe:: needs a path",
        "-chardev null | -chardev null: needs an id",
        "-chardev odd,id=x | -chardev odd: unknown backend; known: file, stdio, socket, udp,"
            + " pipe, pty, vc, ringbuf, null",
        "-chardev null,id=x,path=y | -chardev null,id=x,path=y: unknown property 'path'",
        "-chardev null,id=x -chardev null,id=x | -chardev null,id=x: this id is taken",
        "-chardev null,id=x -serial chardev:x -serial chardev:x | -serial chardev:x: 'x' is in use"
            + " already; mux=on lets one device and one monitor share it",
        "-display gtk | -display gtk: unknown value; known: none, vnc=, web, curses",
        "-display web,port=99999 | -display web,port=99999: 99999 is not within 0 to 65535",
        "-display web,foo=1 | -display web,foo=1: unknown property 'foo'",
        "-display curses -vga none | -display curses: there is no video card with -vga none",
        "-vga qxl | -vga qxl: unknown value; known: std, cirrus, none",
        "-vnc here | -vnc here: is not [host]:display",
        "-nic user | -nic user: unknown value; known: none",
        "-d in_asm | -d in_asm: unknown log item; known: engine, unimp, guest_errors",
        "-rtc base=when | -rtc base=when: 'when' is not utc, localtime or a date like"
            + " 2026-01-31T12:00:00",
        "-rtc clock=vm | -rtc clock=vm: unknown clock 'vm'; known: host",
      })
  void wrongOptionOrValueIsOneLineThatNamesIt(String line, String message) {
    assertThatThrownBy(() -> parse(line.split(" ")))
        .isInstanceOf(CommandLineException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-machine help | pc                   Standard PC (i440FX + PIIX, 1996) (default)",
        "-M ? | Supported machines are:",
        "-cpu help | max",
        "-accel help | interp               guest code is never compiled",
        "-device help | name \"nvme\", bus PCI, desc \"NVM Express disk\"",
        "-device isa-debugcon,help | chardev=<str>          - id of a -chardev",
        "-vga help | cirrus               Cirrus Logic GD5446",
        "-display help | curses               text in the terminal",
        "-object help | tls-creds-psk",
        "-chardev help | ringbuf              memory, for the monitor",
        "-d help | unimp                guest use of what is not implemented",
      })
  void helpListsWhatAnOptionTakes(String line, String answer) {
    assertThatThrownBy(() -> parse(line.split(" ")))
        .isInstanceOf(CommandLineAnswer.class)
        .hasMessageContaining(answer);
  }

  @Test
  void helpListsEveryOption() {
    assertThat(parser.parse(List.of("-h"))).isEqualTo(OptionParser.Wish.HELP);
    assertThat(parser.help())
        .contains("-kernel", "-nographic", "-M, -machine", "-smp")
        .doesNotContain("\0");
  }
}
