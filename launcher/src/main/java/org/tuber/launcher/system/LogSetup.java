package org.tuber.launcher.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.options.LogOptions;

/** Turns {@code -d} and {@code -D} into settings of the logging library, before anybody logs. */
final class LogSetup {
  private static final String PREFIX = "org.slf4j.simpleLogger.";

  private LogSetup() {}

  static void apply(LogOptions log) {
    boolean wanted = log.has("unimp") || log.has("guest_errors");
    // Without -d only real trouble may write over the guest's terminal.
    set("defaultLogLevel", wanted ? "warn" : "error");
    set("showThreadName", "false");
    set("showShortLogName", "true");
    if (log.file() != null) {
      try {
        Files.writeString(log.file(), "");
      } catch (IOException e) {
        throw new CommandLineException("-D " + log.file() + ": cannot write this file");
      }
      set("logFile", log.file().toString());
    }
  }

  private static void set(String key, String value) {
    if (System.getProperty(PREFIX + key) == null) {
      System.setProperty(PREFIX + key, value);
    }
  }

  /** Writes a report where the log goes. */
  static void print(LogOptions log, String text) {
    if (log.file() == null) {
      System.err.println(text.stripTrailing());
      return;
    }
    try {
      Files.writeString(log.file(), text.stripTrailing() + "\n", StandardOpenOption.APPEND);
    } catch (IOException e) {
      System.err.println("tuber: -D " + log.file() + ": " + e.getMessage());
    }
  }
}
