/** The {@code system-*} commands: from options to a running machine. */
package org.tuber.launcher.system;
