package org.tuber.perf.measure;

import java.nio.file.Path;
import java.util.List;

/** What both emulators boot, in options both understand. */
public record Guest(Path kernel, Path initrd, String append) {
  /** Quiet, and without self-tests that take longer than all the rest of the boot. */
  public static final String COMMAND_LINE =
      "console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests";

  /** Options of {@code system-x86_64}, in QEMU's and so in our spelling. */
  public List<String> options() {
    return List.of(
        "-M",
        "pc",
        "-m",
        "512",
        "-nographic",
        "-no-reboot",
        "-nic",
        "none",
        "-kernel",
        kernel.toString(),
        "-initrd",
        initrd.toString(),
        "-append",
        append);
  }
}
