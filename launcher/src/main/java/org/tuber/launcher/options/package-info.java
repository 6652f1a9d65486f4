/**
 * QEMU's command-line options, one small table for each subject; a new option is a row in one of
 * them.
 */
package org.tuber.launcher.options;
