package org.tuber.machine.gdb;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.cpu.DebugControl;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineRun;
import org.tuber.machine.MachineRun.Go;
import org.tuber.machine.RunEvent;
import org.tuber.machine.gdb.GdbBreakpoints.Point;
import org.tuber.machine.gdb.GdbBreakpoints.PointType;
import org.tuber.machine.remote.DebugMemory;

/**
 * One debugger: GDB manual, appendix "GDB Remote Serial Protocol", all-stop mode. A CPU is a thread
 * of process 1; all stop and, unless told otherwise, all go on together.
 *
 * <p>Addresses are virtual (x86: linear); {@code Qqemu.PhyMemMode:1} makes memory packets physical.
 * Breakpoints in real mode are linear addresses too, while RIP is the offset in the code segment,
 * as debuggers of virtual PCs are used to; {@code monitor gdb-linear on} makes RIP the linear
 * address, so that GDB finds code, breakpoints and steps where the CPU is. Steps hold interrupts
 * back unless {@code Qqemu.sstep} says otherwise.
 *
 * <p>Deviations: no non-stop mode, no reverse execution, no file transfer, no tracepoints; signals
 * given to the program are ignored.
 */
@SuppressWarnings("FutureReturnValueIgnored") // Netty reports failures to exceptionCaught
final class GdbSession extends SimpleChannelInboundHandler<String> {
  private static final Logger LOG = LoggerFactory.getLogger(GdbSession.class);
  private static final HexFormat HEX = HexFormat.of();
  private static final int PACKET_BYTES = 0x1000;
  private static final int SIGINT = 2;
  private static final int SIGTRAP = 5;
  private static final int STEP_ENABLE = 1;
  private static final int STEP_WITHOUT_INTERRUPTS = 2;
  private static final int STEP_WITHOUT_TIMERS = 4;
  private static final int ALL = -1;
  private static final String OK = "OK";
  private static final String ERROR_ADDRESS = "E14";
  private static final String ERROR_FORM = "E22";
  private static final String UNKNOWN = "";

  private final MachineRun machine;
  private final GdbCodec codec;
  private final UnaryOperator<String> monitor;
  private final Runnable onClose;
  private final List<Vcpu> cpus;
  private final GdbTarget target;
  private final GdbRegisterFile registers;
  private final GdbBreakpoints points;
  private final DebugMemory memory;
  private final Consumer<RunEvent> listener = this::happened;
  private final Queue<RunEvent.Caught> unreported = new ArrayDeque<>();
  private ChannelHandlerContext context;
  private boolean multiprocess;
  private boolean saysBreakpoints;
  private boolean physical;
  private int stepFlags = STEP_ENABLE | STEP_WITHOUT_INTERRUPTS | STEP_WITHOUT_TIMERS;
  private int generalThread;
  private int continueThread = ALL;
  private String stopReply = "";

  /** The debugger waits for the next stop. */
  private boolean awaitsStop;

  GdbSession(MachineRun machine, GdbCodec codec, UnaryOperator<String> monitor, Runnable onClose) {
    this.machine = machine;
    this.codec = codec;
    this.monitor = monitor;
    this.onClose = onClose;
    cpus = machine.parts().cpus();
    boolean arm = machine.parts().architecture().equals("aarch64");
    target =
        arm
            ? new A64GdbTarget()
            : new X86GdbTarget(cpus.get(0).readRegister("efer.supported") != 0);
    registers = new GdbRegisterFile(target);
    points = new GdbBreakpoints(machine, cpus.stream().map(Vcpu::debugControl).toList());
    memory = new DebugMemory(machine);
  }

  // Connection.

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    context = ctx;
    machine.pause();
    stopReply = stopped(SIGTRAP, 0, "");
    machine.addListener(listener);
    ctx.fireChannelActive();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    machine.removeListener(listener);
    points.removeAll();
    onClose.run();
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.warn("gdb: the connection ends", cause);
    ctx.close();
  }

  private void send(String reply) {
    context.writeAndFlush(reply);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, String packet) {
    if (packet.equals(GdbCodec.INTERRUPT)) {
      machine.pause();
      return;
    }
    String reply;
    try {
      reply = answer(packet);
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      reply = ERROR_FORM;
    }
    if (reply != null) {
      send(reply);
    }
  }

  // Stops.

  private void happened(RunEvent event) {
    context.executor().execute(() -> react(event));
  }

  private void react(RunEvent event) {
    switch (event) {
      case RunEvent.Caught caught -> {
        unreported.add(caught);
        reportNext();
      }
      case RunEvent.Stopped(RunEvent.Rest rest) when rest == RunEvent.Rest.PAUSED ->
          report(stopped(SIGINT, generalThread, ""));
      case RunEvent.ShutDown down -> {
        if (machine.state() != MachineRun.State.POWERED_OFF) {
          send("W00");
        }
      }
      default -> {}
    }
  }

  private void report(String reply) {
    stopReply = reply;
    if (awaitsStop) {
      awaitsStop = false;
      send(reply);
    }
  }

  /** Reports the oldest stop that is still true; false when there is none. */
  private boolean reportNext() {
    if (!awaitsStop) {
      return false;
    }
    RunEvent.Caught caught;
    while ((caught = unreported.poll()) != null) {
      DebugControl.Stop stop = caught.stop();
      String reason = "";
      if (stop.kind() == DebugControl.Kind.BREAKPOINT) {
        Point p = points.breakpointAt(stop.address());
        if (p == null) {
          continue; // Taken back while the stop was on its way.
        }
        // GDB ignores a breakpoint that it has not at this program counter: in a code segment with
        // a
        // base the reason stays unsaid, and it takes the stop as it is.
        Vcpu cpu = cpus.get(caught.cpu());
        boolean known = registers.isLinear() || machine.atRest(() -> target.codeBase(cpu)) == 0;
        reason = saysBreakpoints && known ? p.type().word + ":;" : "";
      } else if (stop.kind() == DebugControl.Kind.WATCHPOINT) {
        Point p = points.watchpointOver(stop.address());
        if (p == null) {
          continue;
        }
        long address = Math.max(stop.address(), p.address());
        reason = p.type().word + ":" + Long.toHexString(address) + ";";
      }
      generalThread = caught.cpu();
      report(stopped(SIGTRAP, caught.cpu(), reason));
      return true;
    }
    return false;
  }

  private String stopped(int signal, int cpu, String reason) {
    return "T%02xthread:%s;%s".formatted(signal, thread(cpu), reason);
  }

  private String thread(int cpu) {
    return (multiprocess ? "p01." : "") + "%02x".formatted(cpu + 1);
  }

  /** A thread in a packet: the CPU's number, {@link #ALL}, 0 for any. */
  private int cpuOf(String id) {
    String thread = id;
    if (id.startsWith("p")) {
      int dot = id.indexOf('.');
      thread = dot < 0 ? "-1" : id.substring(dot + 1);
    }
    int number = (int) Long.parseLong(thread, 16);
    if (number == -1) {
      return ALL;
    }
    return number == 0 ? 0 : number - 1;
  }

  // Packets.

  private String answer(String packet) {
    if (packet.isEmpty()) {
      return UNKNOWN;
    }
    String rest = packet.substring(1);
    return switch (packet.charAt(0)) {
      case '?' -> stopReply;
      case 'q' -> query(rest);
      case 'Q' -> set(rest);
      case 'H' -> selectThread(rest);
      case 'T' -> isCpu(cpuOf(rest)) ? OK : ERROR_FORM;
      case 'g' -> atRest(() -> HEX.formatHex(registers.readGeneral(general())));
      case 'G' -> {
        byte[] all = HEX.parseHex(rest);
        yield atRest(() -> registers.writeGeneral(general(), all) ? OK : ERROR_FORM);
      }
      case 'p' -> {
        int number = Integer.parseInt(rest, 16);
        byte[] value = machine.atRest(() -> registers.read(general(), number));
        yield value == null ? ERROR_ADDRESS : HEX.formatHex(value);
      }
      case 'P' -> {
        int equals = rest.indexOf('=');
        int number = Integer.parseInt(rest.substring(0, equals), 16);
        byte[] value = HEX.parseHex(rest.substring(equals + 1));
        yield atRest(() -> registers.write(general(), number, value) ? OK : ERROR_ADDRESS);
      }
      case 'm' -> atRest(() -> readMemory(rest));
      case 'M' -> {
        int colon = rest.indexOf(':');
        byte[] data = HEX.parseHex(rest.substring(colon + 1));
        yield atRest(() -> writeMemory(rest.substring(0, colon), data));
      }
      case 'X' -> {
        int colon = rest.indexOf(':');
        byte[] data = GdbCodec.unescape(rest.substring(colon + 1));
        yield atRest(() -> writeMemory(rest.substring(0, colon), data));
      }
      case 'Z' -> point(rest, true);
      case 'z' -> point(rest, false);
      case 'c', 's', 'C', 'S' -> resumeAll(packet);
      case 'v' -> multiletter(rest);
      case 'D' -> {
        points.removeAll();
        send(OK);
        machine.resume();
        yield null;
      }
      case 'k' -> {
        machine.quit(0, RunEvent.Cause.MONITOR_QUIT);
        yield null;
      }
      default -> UNKNOWN;
    };
  }

  private String atRest(java.util.function.Supplier<String> task) {
    return machine.atRest(task);
  }

  private boolean isCpu(int cpu) {
    return cpu >= 0 && cpu < cpus.size();
  }

  private Vcpu general() {
    return cpus.get(generalThread);
  }

  private String selectThread(String rest) {
    int cpu = cpuOf(rest.substring(1));
    if (cpu != ALL && !isCpu(cpu)) {
      return ERROR_FORM;
    }
    if (rest.charAt(0) == 'g') {
      generalThread = Math.max(0, cpu);
    } else if (rest.charAt(0) == 'c') {
      continueThread = cpu;
    } else {
      return UNKNOWN;
    }
    return OK;
  }

  // Queries.

  private String query(String rest) {
    int end = indexOfAny(rest, ":,;");
    String name = rest.substring(0, end);
    String argument = end < rest.length() ? rest.substring(end + 1) : "";
    return switch (name) {
      case "Supported" -> {
        List<String> theirs = List.of(argument.split(";"));
        multiprocess = theirs.contains("multiprocess+");
        saysBreakpoints = theirs.contains("swbreak+");
        stopReply = stopped(SIGTRAP, generalThread, "");
        yield "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+;multiprocess+"
                .formatted(PACKET_BYTES)
            + ";swbreak+;hwbreak+";
      }
      case "C" -> "QC" + thread(generalThread);
      case "Attached" -> "1";
      case "fThreadInfo" -> {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < cpus.size(); i++) {
          all.add(thread(i));
        }
        yield "m" + String.join(",", all);
      }
      case "sThreadInfo" -> "l";
      case "ThreadExtraInfo" -> {
        int cpu = cpuOf(argument);
        if (!isCpu(cpu)) {
          yield ERROR_FORM;
        }
        String state = machine.atRest(() -> cpus.get(cpu).isHalted()) ? "halted" : "running";
        yield HEX.formatHex(("CPU#" + cpu + " [" + state + "]").getBytes(StandardCharsets.UTF_8));
      }
      case "Xfer" -> transfer(argument);
      case "Rcmd" -> command(new String(HEX.parseHex(argument), StandardCharsets.UTF_8));
      case "qemu.PhyMemMode" -> physical ? "1" : "0";
      case "qemu.sstep" -> "0x%x".formatted(stepFlags);
      case "qemu.sstepbits" ->
          "ENABLE=%x,NOIRQ=%x,NOTIMER=%x"
              .formatted(STEP_ENABLE, STEP_WITHOUT_INTERRUPTS, STEP_WITHOUT_TIMERS);
      default -> UNKNOWN;
    };
  }

  private static int indexOfAny(String text, String ends) {
    for (int i = 0; i < text.length(); i++) {
      if (ends.indexOf(text.charAt(i)) >= 0) {
        return i;
      }
    }
    return text.length();
  }

  private String transfer(String argument) {
    String wanted = "features:read:target.xml:";
    if (!argument.startsWith(wanted)) {
      return argument.startsWith("features:read:") ? "E00" : UNKNOWN;
    }
    String[] range = argument.substring(wanted.length()).split(",", 2);
    String text = target.description();
    int from = Math.min(text.length(), Integer.parseInt(range[0], 16));
    int length = Math.min(Integer.parseInt(range[1], 16), PACKET_BYTES / 2);
    int to = Math.min(text.length(), from + length);
    return (to == text.length() ? "l" : "m") + GdbCodec.escape(text.substring(from, to));
  }

  /** {@code monitor …}: ours for this session, else the human monitor's. */
  private String command(String line) {
    String text;
    if (line.startsWith("gdb-linear")) {
      registers.setLinear(line.endsWith(" on"));
      text =
          "RIP is "
              + (registers.isLinear() ? "a linear address\n" : "an offset in the code segment\n");
    } else {
      text = monitor.apply(line);
      text = text.isEmpty() || text.endsWith("\n") ? text : text + "\n";
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int most = PACKET_BYTES / 2 - 1;
    for (int i = 0; i < bytes.length; i += most) {
      send("O" + HEX.formatHex(bytes, i, Math.min(bytes.length, i + most)));
    }
    return OK;
  }

  private String set(String rest) {
    if (rest.equals("StartNoAckMode")) {
      send(OK);
      codec.stopAcknowledging();
      return null;
    }
    if (rest.startsWith("qemu.PhyMemMode:")) {
      physical = !rest.endsWith(":0");
      return OK;
    }
    if (rest.startsWith("qemu.sstep=") || rest.startsWith("qemu.sstep:")) {
      stepFlags = Integer.decode("0x" + rest.substring(11).replaceFirst("^0x", ""));
      return OK;
    }
    return UNKNOWN;
  }

  // Memory.

  private String readMemory(String rest) {
    String[] range = rest.split(",", 2);
    long address = Long.parseUnsignedLong(range[0], 16);
    int length = Integer.parseInt(range[1], 16);
    if (length < 0 || length > PACKET_BYTES / 2) {
      return ERROR_FORM;
    }
    byte[] bytes =
        physical
            ? memory.readPhysical(address, length)
            : memory.read(general().debugControl(), address, length);
    return bytes == null ? ERROR_ADDRESS : HEX.formatHex(bytes);
  }

  private String writeMemory(String rest, byte[] data) {
    String[] range = rest.split(",", 2);
    long address = Long.parseUnsignedLong(range[0], 16);
    if (data.length != Integer.parseInt(range[1], 16)) {
      return ERROR_FORM;
    }
    if (physical) {
      memory.writePhysical(address, data);
      return OK;
    }
    return memory.write(general().debugControl(), address, data) ? OK : ERROR_ADDRESS;
  }

  private String point(String rest, boolean insert) {
    String[] parts = rest.split(";", 2)[0].split(",", 3);
    PointType[] types = PointType.values();
    int number = Integer.parseInt(parts[0], 16);
    if (number >= types.length) {
      return UNKNOWN;
    }
    PointType type = types[number];
    long bytes = type.isWatch() ? Math.max(1, Long.parseUnsignedLong(parts[2], 16)) : 1;
    Point p = new Point(type, Long.parseUnsignedLong(parts[1], 16), bytes);
    if (insert) {
      points.insert(p);
    } else {
      points.remove(p);
    }
    return OK;
  }

  // Going on.

  private Go step() {
    return (stepFlags & STEP_WITHOUT_INTERRUPTS) != 0 ? Go.STEP : Go.STEP_WITH_INTERRUPTS;
  }

  /** The packets c, s, C and S. */
  private String resumeAll(String packet) {
    char kind = packet.charAt(0);
    boolean signal = kind == 'C' || kind == 'S';
    int semicolon = packet.indexOf(';');
    String address =
        signal ? (semicolon < 0 ? "" : packet.substring(semicolon + 1)) : packet.substring(1);
    if (!address.isEmpty()) {
      long pc = Long.parseUnsignedLong(address, 16);
      atRest(
          () -> {
            registers.setProgramCounter(general(), pc);
            return null;
          });
    }
    List<Go> ways = new ArrayList<>(Collections.nCopies(cpus.size(), Go.RUN));
    if (kind == 's' || kind == 'S') {
      ways.set(continueThread == ALL ? generalThread : continueThread, step());
    }
    return go(ways);
  }

  private String multiletter(String rest) {
    if (rest.equals("Cont?")) {
      return "vCont;c;C;s;S";
    }
    if (rest.startsWith("Cont;")) {
      return resumeEach(rest.substring(5));
    }
    if (rest.startsWith("Kill")) {
      send(OK);
      machine.quit(0, RunEvent.Cause.MONITOR_QUIT);
      return null;
    }
    if (rest.startsWith("Attach")) {
      machine.pause();
      return stopReply;
    }
    return UNKNOWN;
  }

  /** Each CPU does what the first action that names it says. */
  private String resumeEach(String actions) {
    Go[] ways = new Go[cpus.size()];
    for (String action : actions.split(";")) {
      int colon = action.indexOf(':');
      int cpu = colon < 0 ? ALL : cpuOf(action.substring(colon + 1));
      Go way =
          switch (action.charAt(0)) {
            case 'c', 'C' -> Go.RUN;
            case 's', 'S' -> step();
            default -> null;
          };
      if (way == null || cpu != ALL && !isCpu(cpu)) {
        return ERROR_FORM;
      }
      for (int i = 0; i < ways.length; i++) {
        if (ways[i] == null && (cpu == ALL || cpu == i)) {
          ways[i] = way;
        }
      }
    }
    List<Go> all = new ArrayList<>();
    for (Go way : ways) {
      all.add(way == null ? Go.STAY : way);
    }
    return go(all);
  }

  private String go(List<Go> ways) {
    awaitsStop = true;
    if (!reportNext()) {
      machine.resume(ways);
    }
    return null;
  }
}
