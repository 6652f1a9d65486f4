package org.tuber.launcher.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.BootOrder;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** What is booted: {@code -kernel -initrd -append -bios -boot -L}. */
public final class BootOptions extends OptionTable {
  private final List<Path> firmwareDirs = new ArrayList<>();
  private Path kernel;
  private Path initrd;
  private String append;
  private String bios;
  private BootOrder order = BootOrder.DEFAULT;

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        value("-kernel", "file", "kernel to boot", text -> kernel = readable("-kernel", text)));
    spec.addOption(
        value("-initrd", "file", "initial RAM disk", text -> initrd = readable("-initrd", text)));
    spec.addOption(value("-append", "text", "kernel command line", text -> append = text));
    spec.addOption(value("-bios", "file", "firmware of the board", text -> bios = text));
    spec.addOption(
        value("-boot", "[order=]drives[,once=drives][,menu=on]", "boot order, menu", this::boot));
    spec.addOption(
        value("-L", "dir", "folder with firmware", text -> firmwareDirs.add(Path.of(text))));
  }

  private void boot(String text) {
    KeyValues values = KeyValues.parse("-boot", text, "order");
    values.only(
        Set.of("order", "once", "menu", "splash", "splash-time", "reboot-timeout", "strict"));
    String letters = values.get("order", order.order());
    String once = values.get("once", order.once());
    for (String drives : List.of(letters, once)) {
      if (!drives.matches("[acdn]*")) {
        throw new CommandLineException(
            "-boot "
                + text
                + ": unknown drive in '"
                + drives
                + "'; known: a (floppy), c (disk), d (CD-ROM), n (network)");
      }
    }
    boolean menu = values.isOn("menu", order.menu());
    int wait = values.integer("splash-time", order.splashMillis(), 0, 0xffff);
    int reboot = values.integer("reboot-timeout", order.rebootMillis(), -1, 0xffff);
    String file = values.get("splash", null);
    Path splash = file == null ? order.splash() : readable("-boot splash", file);
    boolean strict = values.isOn("strict", order.strict());
    order = new BootOrder(letters, once, menu, splash, wait, reboot, strict);
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
    config.bios(bios).boot(order);
    firmwareDirs.forEach(config::firmwareDir);
  }
}
