/** Numbers, tables and files that show them. */
package org.tuber.perf.report;
