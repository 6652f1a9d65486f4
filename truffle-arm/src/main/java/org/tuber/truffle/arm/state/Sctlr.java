package org.tuber.truffle.arm.state;

/** SCTLR_ELx bits (Arm ARM D17.2.118). */
public final class Sctlr {
  public static final long M = 1;
  public static final long A = 1 << 1;
  public static final long C = 1 << 2;
  public static final long SA = 1 << 3;
  public static final long SA0 = 1 << 4;
  public static final long CP15BEN = 1 << 5;
  public static final long NAA = 1 << 6;
  public static final long UMA = 1 << 9;
  public static final long ENRCTX = 1 << 10;
  public static final long EOS = 1 << 11;
  public static final long I = 1 << 12;
  public static final long ENDB = 1 << 13;
  public static final long DZE = 1 << 14;
  public static final long UCT = 1 << 15;
  public static final long NTWI = 1 << 16;
  public static final long NTWE = 1 << 18;
  public static final long WXN = 1 << 19;
  public static final long TSCXT = 1 << 20;
  public static final long IESB = 1 << 21;
  public static final long EIS = 1 << 22;
  public static final long SPAN = 1 << 23;
  public static final long E0E = 1 << 24;
  public static final long EE = 1 << 25;
  public static final long UCI = 1 << 26;
  public static final long ENDA = 1 << 27;
  public static final long NTLSMD = 1 << 28;
  public static final long LSMAOE = 1 << 29;
  public static final long ENIB = 1 << 30;
  public static final long ENIA = 1L << 31;
  public static final long BT0 = 1L << 35;
  public static final long BT1 = 1L << 36;
  public static final long DSSBS = 1L << 44;

  private Sctlr() {}
}
