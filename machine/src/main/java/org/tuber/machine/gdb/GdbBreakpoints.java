package org.tuber.machine.gdb;

import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.DebugControl;
import org.tuber.machine.MachineRun;

/** What a debugger has set: on every CPU, as GDB means the program and not a processor. */
final class GdbBreakpoints {
  /** What the packets Z0 to Z4 set, in this order. */
  enum PointType {
    SOFTWARE("swbreak"),
    HARDWARE("hwbreak"),
    WRITE("watch"),
    READ("rwatch"),
    ACCESS("awatch");

    /** How a stop reply says it. */
    final String word;

    PointType(String word) {
      this.word = word;
    }

    boolean isWatch() {
      return this == WRITE || this == READ || this == ACCESS;
    }
  }

  record Point(PointType type, long address, long bytes) {}

  private final MachineRun machine;
  private final List<DebugControl> cpus;
  private final List<Point> points = new ArrayList<>();

  GdbBreakpoints(MachineRun machine, List<DebugControl> cpus) {
    this.machine = machine;
    this.cpus = cpus;
  }

  /** Sets a point; the same again counts once. */
  void insert(Point p) {
    if (points.contains(p)) {
      return;
    }
    points.add(p);
    machine.atRest(
        () -> {
          for (DebugControl cpu : cpus) {
            if (p.type.isWatch()) {
              cpu.addWatchpoint(
                  p.address, p.bytes, p.type != PointType.WRITE, p.type != PointType.READ);
            } else {
              cpu.addBreakpoint(p.address);
            }
          }
          return null;
        });
  }

  /** Takes a point back. */
  void remove(Point p) {
    if (!points.remove(p)) {
      return;
    }
    machine.atRest(
        () -> {
          for (DebugControl cpu : cpus) {
            if (p.type.isWatch()) {
              cpu.removeWatchpoint(
                  p.address, p.bytes, p.type != PointType.WRITE, p.type != PointType.READ);
            } else {
              cpu.removeBreakpoint(p.address);
            }
          }
          return null;
        });
  }

  void removeAll() {
    for (Point p : List.copyOf(points)) {
      remove(p);
    }
  }

  /** The breakpoint at {@code address}, or null. */
  Point breakpointAt(long address) {
    for (Point p : points) {
      if (!p.type.isWatch() && p.address == address) {
        return p;
      }
    }
    return null;
  }

  /** The watchpoint over {@code address}, or null. */
  Point watchpointOver(long address) {
    Point near = null;
    for (Point p : points) {
      if (!p.type.isWatch()) {
        continue;
      }
      if (address - p.address >= 0 && address - p.address < p.bytes) {
        return p;
      }
      // An access that begins below may reach it.
      if (p.address - address > 0 && p.address - address < 64) {
        near = p;
      }
    }
    return near;
  }
}
