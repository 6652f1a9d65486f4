package org.tuber.perf.boot;

import java.util.OptionalLong;

/**
 * What one boot cost.
 *
 * @param seconds whole process
 * @param markerSeconds until the guest's first program has spoken
 * @param processorSeconds of all threads
 * @param peakMebibytes resident memory
 * @param instructions of the guest, where they are counted
 */
record BootSample(
    double seconds,
    double markerSeconds,
    double processorSeconds,
    double peakMebibytes,
    OptionalLong instructions) {}
