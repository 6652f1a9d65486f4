package org.tuber.perf.measure;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What both emulators boot, in options both understand. */
public record Guest(Architecture architecture, Path kernel, Path initrd, String append) {
  /** Options of the machine's command, in QEMU's and so in our spelling. */
  public List<String> options() {
    List<String> all = new ArrayList<>(architecture.machine());
    all.addAll(List.of("-m", "512", "-nographic", "-no-reboot", "-nic", "none"));
    all.addAll(List.of("-kernel", kernel.toString(), "-initrd", initrd.toString()));
    all.addAll(List.of("-append", append));
    return all;
  }
}
