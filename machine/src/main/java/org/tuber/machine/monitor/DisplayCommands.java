package org.tuber.machine.monitor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.ScreenImage;
import org.tuber.machine.MachineRun;

/** QMP: the screen. */
final class DisplayCommands implements QmpTable.Family {
  private final MachineRun machine;

  DisplayCommands(MachineRun machine) {
    this.machine = machine;
  }

  @Override
  public void addTo(QmpTable table) {
    table.add(
        "screendump",
        arguments -> {
          String file = arguments.text("filename");
          String format = arguments.text("format", "ppm");
          arguments.text("device", null);
          arguments.number("head", 0);
          arguments.end();
          if (!format.equals("ppm") && !format.equals("png")) {
            throw new QmpException("Parameter 'format' does not accept value '" + format + "'");
          }
          dump(machine, file, format.equals("png"));
          return null;
        });
  }

  /** Writes the present picture to a file. */
  static void dump(MachineRun machine, String file, boolean png) throws QmpException {
    if (!machine.hasDisplay()) {
      throw new QmpException("There is no console to take a screendump from");
    }
    DisplaySurface picture = new DisplaySurface();
    machine.render(picture);
    try {
      Files.write(Path.of(file), png ? ScreenImage.png(picture) : ScreenImage.ppm(picture));
    } catch (IOException | InvalidPathException e) {
      throw new QmpException("failed to open file '" + file + "': " + e.getMessage());
    }
  }
}
