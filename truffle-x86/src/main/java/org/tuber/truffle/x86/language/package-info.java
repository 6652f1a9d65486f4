/** The polyglot face: language {@code x86}, bare machines that run raw code, and their members. */
package org.tuber.truffle.x86.language;
