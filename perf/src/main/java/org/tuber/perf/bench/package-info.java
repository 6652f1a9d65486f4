/** JMH benchmarks of the engine: {@code tuber perf bench}. */
package org.tuber.perf.bench;
