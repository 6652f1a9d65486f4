/** The Truffle language {@code arm}. */
package org.tuber.truffle.arm.language;
