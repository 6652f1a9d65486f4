package org.tuber.launcher.img;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.tuber.devices.block.ops.Progress;

/** A progress bar on the terminal, or nothing. */
final class ProgressLine implements Progress, AutoCloseable {
  private static final long STEP = 1 << 20;

  private final ProgressBar bar;

  ProgressLine(boolean shown, String task) {
    bar =
        shown
            ? new ProgressBarBuilder()
                .setTaskName(task)
                .setStyle(ProgressBarStyle.ASCII)
                .setUnit(" MiB", STEP)
                .setUpdateIntervalMillis(200)
                .build()
            : null;
  }

  @Override
  public void report(long done, long total) {
    if (bar != null) {
      bar.maxHint(total);
      bar.stepTo(done);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
