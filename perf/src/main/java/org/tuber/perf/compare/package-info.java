/** {@code tuber perf compare}: one suite, both emulators, run by run in turn. */
package org.tuber.perf.compare;
