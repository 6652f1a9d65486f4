package org.tuber.devices.block.live;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.tuber.devices.block.ImageException;

/**
 * How much of a disk a guest may use: average and burst rates of bytes and of requests, for reading
 * and writing together and each (QEMU documentation, "throttle.txt").
 *
 * @param rates what is limited
 * @param requestBytes requests longer than this count as several; 0: they do not
 * @param group disks with the same name share one allowance; null: the disk's own
 */
public record ThrottleLimits(Map<Bucket, Rate> rates, long requestBytes, String group) {
  /** Largest rate. */
  private static final double MAX = 1e15;

  /** What is counted. */
  public enum Bucket {
    /** Bytes read and written. */
    BPS_TOTAL,
    /** Bytes read. */
    BPS_READ,
    /** Bytes written. */
    BPS_WRITE,
    /** Requests. */
    IOPS_TOTAL,
    /** Requests that read. */
    IOPS_READ,
    /** Requests that write. */
    IOPS_WRITE;

    /** The name, as in {@code bps-total}. */
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    boolean countsBytes() {
      return this == BPS_TOTAL || this == BPS_READ || this == BPS_WRITE;
    }

    boolean concerns(boolean write) {
      return switch (this) {
        case BPS_TOTAL, IOPS_TOTAL -> true;
        case BPS_READ, IOPS_READ -> !write;
        case BPS_WRITE, IOPS_WRITE -> write;
      };
    }
  }

  /**
   * A rate.
   *
   * @param average units a second in the long run; 0: no limit
   * @param max units a second in a burst; 0: no bursts but for a tenth of a second
   * @param burstSeconds how long a burst may last
   */
  public record Rate(double average, double max, long burstSeconds) {
    /** No limit. */
    public static final Rate NONE = new Rate(0, 0, 1);
  }

  /** No limit at all. */
  public static final ThrottleLimits NONE = new ThrottleLimits(Map.of(), 0, null);

  /** Copies the rates; one that limits nothing is the same as none. */
  public ThrottleLimits {
    Map<Bucket, Rate> limiting = new EnumMap<>(Bucket.class);
    limiting.putAll(rates);
    limiting.values().removeIf(Rate.NONE::equals);
    rates = Map.copyOf(limiting);
  }

  /** The rate of one bucket. */
  public Rate rate(Bucket b) {
    return rates.getOrDefault(b, Rate.NONE);
  }

  /** The same with another rate. */
  public ThrottleLimits with(Bucket b, Rate rate) {
    Map<Bucket, Rate> all = new EnumMap<>(Bucket.class);
    all.putAll(rates);
    all.put(b, rate);
    return new ThrottleLimits(all, requestBytes, group);
  }

  /** The same with another unit of requests. */
  public ThrottleLimits withRequestBytes(long bytes) {
    return new ThrottleLimits(rates, bytes, group);
  }

  /** The same, shared. */
  public ThrottleLimits withGroup(String name) {
    return new ThrottleLimits(rates, requestBytes, name);
  }

  /** True when nothing is limited. */
  public boolean isEmpty() {
    return rates.values().stream().allMatch(r -> r.average == 0 && r.max == 0);
  }

  /** Refuses what makes no sense. */
  public ThrottleLimits checked(String disk) throws ImageException {
    for (Bucket[] three :
        new Bucket[][] {
          {Bucket.BPS_TOTAL, Bucket.BPS_READ, Bucket.BPS_WRITE},
          {Bucket.IOPS_TOTAL, Bucket.IOPS_READ, Bucket.IOPS_WRITE}
        }) {
      boolean total = rate(three[0]).average > 0 || rate(three[0]).max > 0;
      for (int i = 1; i < 3; i++) {
        if (total && (rate(three[i]).average > 0 || rate(three[i]).max > 0)) {
          throw new ImageException(
              disk,
              "throttling",
              "bps/iops/max total values and read/write values cannot be used at the same time");
        }
      }
    }
    if (requestBytes != 0
        && Arrays.stream(Bucket.values())
            .filter(b -> !b.countsBytes())
            .allMatch(b -> rate(b).average == 0)) {
      throw new ImageException(disk, "throttling", "iops size requires an iops value to be set");
    }
    for (Bucket b : Bucket.values()) {
      Rate r = rate(b);
      if (r.average < 0 || r.max < 0 || r.average > MAX || r.max > MAX) {
        throw new ImageException(
            disk, "throttling", "bps/iops/max values must be within [0, 1000000000000000]");
      }
      if (r.burstSeconds < 1) {
        throw new ImageException(disk, "throttling", "the burst length cannot be 0");
      }
      if (r.burstSeconds > 1 && r.max == 0) {
        throw new ImageException(disk, "throttling", "burst length set without burst rate");
      }
      if (r.max > 0 && r.average == 0) {
        throw new ImageException(
            disk, "throttling", "bps_max/iops_max require corresponding bps/iops values");
      }
      if (r.max > 0 && r.max < r.average) {
        throw new ImageException(
            disk, "throttling", "bps_max/iops_max cannot be lower than bps/iops");
      }
    }
    return this;
  }
}
