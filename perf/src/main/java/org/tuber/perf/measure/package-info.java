/** Emulators as processes and what a run of one costs. */
package org.tuber.perf.measure;
