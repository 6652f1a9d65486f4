package org.tuber.truffle.engine.special;

import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * A field or method as bytecode names it.
 *
 * @param type a method's type, null of a field
 * @param fieldType a field's type, null of a method
 */
public record Member(
    ClassDesc owner, String name, MethodTypeDesc type, ClassDesc fieldType, boolean isInterface) {
  String key() {
    return type == null ? name : name + type.descriptorString();
  }

  @Override
  public String toString() {
    return owner.displayName() + "." + name;
  }
}
