/** How programs reach a machine from outside: sockets, and memory as a debugger sees it. */
package org.tuber.machine.remote;
