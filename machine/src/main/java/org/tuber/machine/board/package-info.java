/** What boards share. */
package org.tuber.machine.board;
