/* CRC-32 (IEEE 802.3) byte by byte: a chain of dependent loads, one shift and one exclusive-or each. */
#include "kernels.h"

#define LENGTH (1 << 16)

static u32 remainders[256];
static u8 data[LENGTH];

u64 kernel_crc(u64 passes) {
  u32 crc = ~0u;
  for (u32 i = 0; i < 256; i++) {
    u32 r = i;
    for (int bit = 0; bit < 8; bit++)
      r = r >> 1 ^ (r & 1) * 0xedb88320;
    remainders[i] = r;
  }
  for (u32 i = 0; i < LENGTH; i++)
    data[i] = (u8)(i * 167 >> 3);
  for (u64 pass = 0; pass < passes; pass++)
    for (u32 i = 0; i < LENGTH; i++)
      crc = remainders[(crc ^ data[i]) & 255] ^ crc >> 8;
  return ~crc;
}
