/**
 * Boards, firmware loaders and run control: everything between a command line and a running guest.
 */
package org.tuber.machine;
