package org.tuber.truffle.engine.special;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A method that most programs never get to: a host class leaves where it would be called, as for a
 * miss of the TLB, and calls it only where leaving happens too often. Without any effect on
 * Truffle's regions, where it is compiled with its callers.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Rare {}
