/** Disk throughput in a Linux guest. */
package org.tuber.perf.disk;
