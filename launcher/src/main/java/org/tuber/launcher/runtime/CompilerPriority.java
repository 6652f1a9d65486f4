package org.tuber.launcher.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.devices.block.host.ForeignLibrary;
import org.tuber.devices.block.host.ForeignLibrary.Result;

/**
 * Lets the JVM's compilers give way to guests. On a host with two processors the guest's CPU and
 * both compilers are often ready to run at the same time; the scheduler then takes a processor from
 * each of the three in turn, though two of them could share one.
 *
 * <p>Only where the guest has fewer CPUs than the host has processors: else a busy guest would wait
 * for its compiled code a good deal longer. A thread's nice value can be lowered again only by the
 * superuser, so this is for the whole life of the process, and only for a process of our own.
 */
public final class CompilerPriority {
  private static final Logger LOG = LoggerFactory.getLogger(CompilerPriority.class);

  /** A third of the usual share where all processors are busy. */
  private static final int NICE = 5;

  /** Of setpriority(2): the number that follows is a thread's. */
  private static final int PRIO_PROCESS = 0;

  /** Names of threads as Linux has them, cut off after 15 characters. */
  private static final Set<String> COMPILERS = Set.of("C1 CompilerThre", "C2 CompilerThre");

  private CompilerPriority() {}

  /**
   * Lowers the compilers' priority if that is good for a guest with {@code cpus} CPUs. Does nothing
   * where threads have no priority of their own (anything but Linux).
   */
  public static void giveWay(int cpus) {
    if (cpus >= Runtime.getRuntime().availableProcessors()) {
      return;
    }
    try {
      for (int thread : compilers(Path.of("/proc/self/task"))) {
        Result r = ForeignLibrary.libc().call("setpriority", PRIO_PROCESS, thread, NICE);
        LOG.debug("compiler thread {}: setpriority {}, errno {}", thread, r.narrow(), r.errno());
      }
    } catch (IOException | RuntimeException e) {
      // Everything works without it.
      LOG.debug("the compilers keep their priority", e);
    }
  }

  /** Numbers of the compilers' threads; those that they start later take after them. */
  static List<Integer> compilers(Path tasks) throws IOException {
    List<Integer> found = new ArrayList<>();
    if (Files.isDirectory(tasks)) {
      try (Stream<Path> threads = Files.list(tasks)) {
        for (Path thread : threads.toList()) {
          if (COMPILERS.contains(name(thread))) {
            found.add(Integer.valueOf(thread.getFileName().toString()));
          }
        }
      }
    }
    return found;
  }

  private static String name(Path thread) {
    try {
      return Files.readString(thread.resolve("comm")).strip();
    } catch (IOException e) {
      // It has ended meanwhile.
      return "";
    }
  }
}
