package org.tuber.launcher.options;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageObjects;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** Passphrases and credentials that drives need: {@code -object secret,id=…}. */
public final class ObjectOptions extends OptionTable {
  private final ImageObjects objects = new ImageObjects();

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        value(
            "-object",
            "type,id=ID[,…]",
            "a passphrase or credentials: secret, tls-creds-x509, tls-creds-psk",
            text -> add(objects, "-object", text)));
  }

  /**
   * Adds what an option describes.
   *
   * @param option its spelling, for messages
   */
  public static void add(ImageObjects objects, String option, String text) {
    KeyValues v = KeyValues.parse(option, text, "qom-type");
    String type = v.take("qom-type", "");
    Choices.of(
            option,
            "type",
            "List of user creatable objects:",
            "secret",
            "passphrase or key",
            "tls-creds-x509",
            "certificates for TLS",
            "tls-creds-psk",
            "keys for TLS known to both sides")
        .check(type);
    String id = v.take("id", null);
    if (id == null) {
      throw new CommandLineException(option + " " + text + ": Parameter 'id' is missing");
    }
    Map<String, String> properties = new LinkedHashMap<>(v.rest());
    try {
      objects.add(type, id, properties);
    } catch (ImageException e) {
      // Where the problem does not name the property at fault, the field does.
      boolean named = e.field().equals("object") || e.field().equals("secret");
      String what = named ? e.problem() : e.field() + ": " + e.problem();
      throw new CommandLineException(option + " " + type + ",id=" + id + ": " + what);
    } catch (IOException e) {
      throw new CommandLineException(option + " " + type + ",id=" + id + ": " + e.getMessage());
    }
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    config.objects(objects);
  }
}
