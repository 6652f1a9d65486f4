/** Operations on whole images, as {@code tuber img} offers them. No command line here. */
package org.tuber.devices.block.ops;
