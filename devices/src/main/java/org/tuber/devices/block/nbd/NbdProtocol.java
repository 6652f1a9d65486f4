package org.tuber.devices.block.nbd;

/** Numbers of the NBD protocol ({@code doc/proto.md} of the NBD project). */
final class NbdProtocol {
  static final long NBDMAGIC = 0x4e42444d41474943L;
  static final long IHAVEOPT = 0x49484156454f5054L;
  static final long OPTION_REPLY_MAGIC = 0x0003e889045565a9L;
  static final int REQUEST_MAGIC = 0x25609513;
  static final int SIMPLE_REPLY_MAGIC = 0x67446698;
  static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;

  static final int FLAG_FIXED_NEWSTYLE = 1;
  static final int FLAG_NO_ZEROES = 2;

  static final int OPT_EXPORT_NAME = 1;
  static final int OPT_ABORT = 2;
  static final int OPT_LIST = 3;
  static final int OPT_STARTTLS = 5;
  static final int OPT_INFO = 6;
  static final int OPT_GO = 7;
  static final int OPT_STRUCTURED_REPLY = 8;
  static final int OPT_LIST_META_CONTEXT = 9;
  static final int OPT_SET_META_CONTEXT = 10;

  static final int REP_ACK = 1;
  static final int REP_SERVER = 2;
  static final int REP_INFO = 3;
  static final int REP_META_CONTEXT = 4;
  static final int REP_ERR_UNSUP = 0x80000001;
  static final int REP_ERR_POLICY = 0x80000002;
  static final int REP_ERR_INVALID = 0x80000003;
  static final int REP_ERR_TLS_REQD = 0x80000005;
  static final int REP_ERR_UNKNOWN = 0x80000006;
  static final int REP_ERR_TOO_BIG = 0x80000009;

  static final int INFO_EXPORT = 0;
  static final int INFO_NAME = 1;
  static final int INFO_DESCRIPTION = 2;
  static final int INFO_BLOCK_SIZE = 3;

  static final int EXPORT_HAS_FLAGS = 1;
  static final int EXPORT_READ_ONLY = 1 << 1;
  static final int EXPORT_FLUSH = 1 << 2;
  static final int EXPORT_FUA = 1 << 3;
  static final int EXPORT_TRIM = 1 << 5;
  static final int EXPORT_WRITE_ZEROES = 1 << 6;
  static final int EXPORT_DF = 1 << 7;
  static final int EXPORT_MULTI_CONN = 1 << 8;
  static final int EXPORT_CACHE = 1 << 10;

  static final int CMD_READ = 0;
  static final int CMD_WRITE = 1;
  static final int CMD_DISC = 2;
  static final int CMD_FLUSH = 3;
  static final int CMD_TRIM = 4;
  static final int CMD_CACHE = 5;
  static final int CMD_WRITE_ZEROES = 6;
  static final int CMD_BLOCK_STATUS = 7;

  static final int CMD_FLAG_FUA = 1;
  static final int CMD_FLAG_NO_HOLE = 1 << 1;
  static final int CMD_FLAG_DF = 1 << 2;
  static final int CMD_FLAG_REQ_ONE = 1 << 3;

  static final int CHUNK_DONE = 1;
  static final int CHUNK_NONE = 0;
  static final int CHUNK_DATA = 1;
  static final int CHUNK_HOLE = 2;
  static final int CHUNK_STATUS = 5;
  static final int CHUNK_ERROR = 0x8001;
  static final int CHUNK_ERROR_OFFSET = 0x8002;

  static final int EPERM = 1;
  static final int EIO = 5;
  static final int EINVAL = 22;
  static final int ENOSPC = 28;
  static final int ENOTSUP = 95;

  static final String BASE_ALLOCATION = "base:allocation";
  static final int STATE_HOLE = 1;
  static final int STATE_ZERO = 2;

  static final int DEFAULT_PORT = 10809;

  /** Longest name the protocol allows. */
  static final int MAX_NAME_BYTES = 4096;

  /** Largest read or write either side here sends or takes. */
  static final int MAX_PAYLOAD_BYTES = 32 << 20;

  private NbdProtocol() {}
}
