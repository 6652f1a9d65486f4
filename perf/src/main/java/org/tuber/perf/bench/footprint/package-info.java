/**
 * How decoded instructions should lie in memory, measured before and apart from the engine: a small
 * made-up instruction set, once as objects with a virtual method and once as words with a switch.
 * The decision is in {@code docs/adr}.
 */
package org.tuber.perf.bench.footprint;
