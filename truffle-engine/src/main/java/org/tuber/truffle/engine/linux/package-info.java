/**
 * Linux as programs see it, for every instruction set: files, memory, processes, signals and
 * sockets on the host's kernel. What differs between kinds of programs is behind {@link
 * org.tuber.truffle.engine.linux.Architecture}, {@link org.tuber.truffle.engine.linux.Abi} and
 * {@link org.tuber.truffle.engine.linux.UserCpu}.
 */
package org.tuber.truffle.engine.linux;
