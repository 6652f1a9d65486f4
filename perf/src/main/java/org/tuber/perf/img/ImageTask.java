package org.tuber.perf.img;

import java.util.ArrayList;
import java.util.List;

/**
 * One piece of work on an image.
 *
 * @param name in reports
 * @param source whose image it works on
 * @param kind what is done
 * @param options options of the command, the same for both programs
 */
record ImageTask(String name, Source source, Kind kind, List<String> options) {
  /** Images there are. */
  enum Source {
    RAW("raw"),
    QCOW2("qcow2");

    final String format;

    Source(String format) {
      this.format = format;
    }
  }

  /** What counts. */
  enum Kind {
    /** The whole process, from its start to its end; the result is compared with the source. */
    CONVERT,
    /** The time the command prints, without its start. */
    BENCH_READ,
    /** The same, on a fresh copy each time. */
    BENCH_WRITE
  }

  private static final String REQUESTS = "100000";
  private static final String DEPTH = "16";

  /**
   * A prime number of 4 KiB blocks: requests go to all parts of the image, no two neighbouring ones
   * to the same or the next table.
   */
  private static final String STEP = Long.toString(50_021L * 4096);

  /** All of them. */
  static List<ImageTask> all() {
    return List.of(
        convert("raw to qcow2", Source.RAW, "-O", "qcow2"),
        convert("qcow2 to raw", Source.QCOW2, "-O", "raw"),
        convert("qcow2 to compressed", Source.QCOW2, "-c", "-O", "qcow2"),
        bench("read 4 KiB", Kind.BENCH_READ, List.of()),
        bench("write 4 KiB", Kind.BENCH_WRITE, List.of("-w")));
  }

  private static ImageTask convert(String name, Source source, String... options) {
    return new ImageTask(name, source, Kind.CONVERT, List.of(options));
  }

  private static ImageTask bench(String name, Kind kind, List<String> more) {
    List<String> options =
        new ArrayList<>(List.of("-c", REQUESTS, "-d", DEPTH, "-s", "4096", "-S", STEP));
    options.addAll(more);
    return new ImageTask(name, Source.QCOW2, kind, List.copyOf(options));
  }

  /** What follows the name of the program. */
  List<String> arguments(String image, String target) {
    List<String> all = new ArrayList<>();
    all.add(kind == Kind.CONVERT ? "convert" : "bench");
    all.addAll(List.of("-f", source.format));
    all.addAll(options);
    all.add(image);
    if (kind == Kind.CONVERT) {
      all.add(target);
    }
    return all;
  }
}
