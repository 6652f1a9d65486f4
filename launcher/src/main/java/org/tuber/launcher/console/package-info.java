/** Host side of serial lines: the terminal in raw mode, files, pseudo-terminals; the monitor. */
package org.tuber.launcher.console;
