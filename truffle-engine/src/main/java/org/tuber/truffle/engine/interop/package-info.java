/** Guest programs, libraries, functions and memory as objects of Truffle's interop protocol. */
package org.tuber.truffle.engine.interop;
