package org.tuber.core.mem;

/** Hears of stores that did not go through the CPU's own write path: DMA, loaders, monitors. */
@FunctionalInterface
public interface RamObserver {
  /** Called after bytes [{@code offset}, +{@code length}) of {@code ram} were overwritten. */
  void written(GuestRam ram, long offset, long length);
}
