/** {@code tuber perf boot}. */
package org.tuber.perf.boot;
