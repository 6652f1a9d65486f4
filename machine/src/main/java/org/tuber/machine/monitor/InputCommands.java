package org.tuber.machine.monitor;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.tuber.core.backend.InputSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.machine.MachineRun;

/** QMP: keys and pointer. */
final class InputCommands implements QmpTable.Family {
  private final MachineRun machine;
  private final KeyTyper typer;
  private int buttons;

  InputCommands(MachineRun machine) {
    this.machine = machine;
    typer = new KeyTyper(machine);
  }

  @Override
  public void addTo(QmpTable table) {
    table.add(
        "send-key",
        arguments -> {
          List<KeyCode> keys = new ArrayList<>();
          for (JsonNode value : arguments.list("keys")) {
            keys.add(key(QmpArguments.member("keys", value)));
          }
          long hold = arguments.number("hold-time", KeyTyper.HOLD_MILLIS);
          arguments.end();
          typer.press(keys, hold);
          return null;
        });
    table.add(
        "input-send-event",
        arguments -> {
          List<Consumer<InputSource.Sink>> events = new ArrayList<>();
          for (JsonNode value : arguments.list("events")) {
            events.add(event(QmpArguments.member("events", value)));
          }
          arguments.text("device", null);
          arguments.number("head", 0);
          arguments.end();
          if (machine.state() != MachineRun.State.RUNNING) {
            throw new QmpException("VM not running");
          }
          events.forEach(machine::input);
          return null;
        });
  }

  /** A key by name or by its number, which is its code in set 1, extended ones with bit 7. */
  private static KeyCode key(QmpArguments value) throws QmpException {
    String type = value.text("type");
    if (type.equals("number")) {
      long number = value.number("data");
      value.end();
      for (KeyCode key : KeyCode.values()) {
        int code = key.set1() > 0xff ? key.set1() & 0xff | 0x80 : key.set1();
        if (code == number) {
          return key;
        }
      }
      throw new QmpException("Parameter 'data' does not accept value '" + number + "'");
    }
    if (!type.equals("qcode")) {
      throw new QmpException("Parameter 'type' does not accept value '" + type + "'");
    }
    String name = value.text("data");
    value.end();
    KeyCode key = KeyCode.ofQcode(name);
    if (key == null) {
      throw new QmpException("Parameter 'data' does not accept value '" + name + "'");
    }
    return key;
  }

  private Consumer<InputSource.Sink> event(QmpArguments event) throws QmpException {
    String type = event.text("type");
    QmpArguments data = event.object("data");
    event.end();
    switch (type) {
      case "key" -> {
        boolean down = data.flag("down");
        KeyCode key = key(data.object("key"));
        data.end();
        return sink -> sink.key(key, down);
      }
      case "btn" -> {
        boolean down = data.flag("down");
        String name = data.text("button");
        data.end();
        return button(name, down);
      }
      case "rel" -> {
        String axis = data.text("axis");
        int value = (int) data.number("value");
        data.end();
        return sink ->
            sink.pointer(axis.equals("x") ? value : 0, axis.equals("y") ? value : 0, 0, buttons);
      }
      default -> throw new QmpException("Parameter 'type' does not accept value '" + type + "'");
    }
  }

  private Consumer<InputSource.Sink> button(String name, boolean down) throws QmpException {
    if (name.startsWith("wheel-")) {
      int turn = !down ? 0 : name.equals("wheel-up") ? 1 : name.equals("wheel-down") ? -1 : 0;
      return sink -> sink.pointer(0, 0, turn, buttons);
    }
    int bit =
        switch (name) {
          case "left" -> InputSource.BUTTON_LEFT;
          case "right" -> InputSource.BUTTON_RIGHT;
          case "middle" -> InputSource.BUTTON_MIDDLE;
          default ->
              throw new QmpException("Parameter 'button' does not accept value '" + name + "'");
        };
    return sink -> {
      buttons = down ? buttons | bit : buttons & ~bit;
      sink.pointer(0, 0, 0, buttons);
    };
  }
}
