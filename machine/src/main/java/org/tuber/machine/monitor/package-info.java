/**
 * Monitors: QMP for programs, the human monitor for people. A command family is a class that puts
 * its commands into a table.
 */
package org.tuber.machine.monitor;
