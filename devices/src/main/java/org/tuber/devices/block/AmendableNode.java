package org.tuber.devices.block;

import java.io.IOException;
import org.tuber.devices.block.ops.Progress;

/** An open image some of whose format options can be changed. */
public interface AmendableNode extends BlockNode {
  /** Changes options, as {@code img amend} does. */
  void amend(AmendOptions options, Progress progress) throws IOException;
}
