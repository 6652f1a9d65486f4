package org.tuber.launcher.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** What is booted: {@code -kernel -initrd -append -L}. */
public final class BootOptions extends OptionTable {
  private final List<Path> firmwareDirs = new ArrayList<>();
  private Path kernel;
  private Path initrd;
  private String append;

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        value("-kernel", "file", "kernel to boot", text -> kernel = readable("-kernel", text)));
    spec.addOption(
        value("-initrd", "file", "initial RAM disk", text -> initrd = readable("-initrd", text)));
    spec.addOption(value("-append", "text", "kernel command line", text -> append = text));
    spec.addOption(
        value("-L", "dir", "folder with firmware", text -> firmwareDirs.add(Path.of(text))));
  }

  private static Path readable(String option, String text) {
    Path file = Path.of(text);
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new CommandLineException(option + " " + text + ": cannot read this file");
    }
    return file;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    if (kernel == null && (initrd != null || append != null)) {
      throw new CommandLineException(
          (initrd != null ? "-initrd" : "-append") + " is only for use with -kernel");
    }
    config.kernel(kernel).initrd(initrd).append(append == null ? "" : append);
    firmwareDirs.forEach(config::firmwareDir);
  }
}
