/** Six small guest programs, with and without a Linux around them. */
package org.tuber.perf.kernels;
