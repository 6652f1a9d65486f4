package org.tuber.launcher.img;

import java.util.List;
import org.tuber.devices.block.host.HostFile;
import org.tuber.launcher.Subcommand;

/** {@code tuber img} as a word of the {@code tuber} command. */
public final class ImgSubcommand implements Subcommand {
  @Override
  public String name() {
    return "img";
  }

  @Override
  public String summary() {
    return "create, convert, check and change disk images (options of qemu-img)";
  }

  @Override
  public int run(List<String> arguments) {
    HostFile.prepare();
    return ImgCommand.commandLine(arguments).execute(arguments.toArray(String[]::new));
  }
}
