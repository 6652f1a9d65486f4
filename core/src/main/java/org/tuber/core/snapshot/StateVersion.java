package org.tuber.core.snapshot;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On a state record: its present version (1 when absent). On a component: the version that brought
 * it; in older states it reads as zero, empty or false.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.RECORD_COMPONENT})
public @interface StateVersion {
  /** The version number, from 1. */
  int value();
}
