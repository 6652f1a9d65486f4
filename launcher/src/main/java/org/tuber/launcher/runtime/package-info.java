/** Whether guest code will be compiled, and why not when it will not. */
package org.tuber.launcher.runtime;
