package org.tuber.launcher.options;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineConfig.RtcBase;
import picocli.CommandLine.Model.CommandSpec;

/** How the run goes: {@code -no-reboot -no-shutdown -S -rtc}. */
public final class RunOptions extends OptionTable {
  private boolean noReboot;
  private boolean noShutdown;
  private boolean startStopped;
  private RtcBase rtcBase = new RtcBase.Utc();

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(flag("-no-reboot", "exit when the guest reboots", () -> noReboot = true));
    spec.addOption(
        flag(
            "-no-shutdown",
            "stop, do not exit, when the guest powers off",
            () -> noShutdown = true));
    spec.addOption(flag("-S", "do not start the CPUs (monitor: cont)", () -> startStopped = true));
    spec.addOption(
        value("-rtc", "base=utc|localtime|date", "start of the guest's clock", this::rtc));
  }

  private void rtc(String text) {
    KeyValues values =
        KeyValues.parse("-rtc", text, null).only(Set.of("base", "clock", "driftfix"));
    refuseOther(text, "clock", values.get("clock", "host"), "host");
    refuseOther(text, "driftfix", values.get("driftfix", "none"), "none");
    String base = values.get("base", "utc");
    rtcBase =
        switch (base) {
          case "utc" -> new RtcBase.Utc();
          case "localtime" -> new RtcBase.LocalTime();
          default -> new RtcBase.Fixed(epochSeconds(text, base));
        };
  }

  private static void refuseOther(String text, String key, String value, String known) {
    if (!value.equals(known)) {
      throw new CommandLineException(
          "-rtc " + text + ": unknown " + key + " '" + value + "'; known: " + known);
    }
  }

  private static long epochSeconds(String text, String date) {
    try {
      return date.contains("T")
          ? LocalDateTime.parse(date).toEpochSecond(ZoneOffset.UTC)
          : LocalDate.parse(date).atStartOfDay().toEpochSecond(ZoneOffset.UTC);
    } catch (DateTimeParseException e) {
      throw new CommandLineException(
          "-rtc "
              + text
              + ": '"
              + date
              + "' is not utc, localtime or a date like 2026-01-31T12:00:00");
    }
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    config.noReboot(noReboot).noShutdown(noShutdown).startStopped(startStopped).rtcBase(rtcBase);
  }
}
