/** The {@code perf} subcommand of {@code tuber}. */
package org.tuber.perf;
