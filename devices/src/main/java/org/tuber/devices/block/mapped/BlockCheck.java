package org.tuber.devices.block.mapped;

import java.io.IOException;
import java.util.Arrays;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.ImageException;

/**
 * Looks whether every block of an image lies inside its file and no two of them in the same place.
 * Finds no leaks: these formats do not say what they count as used.
 */
final class BlockCheck {
  private final MappedImage image;
  private final CheckReport report = new CheckReport();
  private final int blockBytes;
  private long[] places = new long[1024];
  private int found;

  BlockCheck(MappedImage image, int blockBytes) {
    this.image = image;
    this.blockBytes = blockBytes;
  }

  CheckReport run(long length, long fileBytes) throws IOException {
    long blocks = (length + blockBytes - 1) / blockBytes;
    // More blocks than fit into the file are damage enough, whatever else there is.
    long most = fileBytes / blockBytes + 1;
    long fragmented = 0;
    long packed = 0;
    long before = -1;
    long end = 0;
    for (long b = 0; b < blocks && found <= most; b = image.nextBlock(b)) {
      long place = placeOf(b);
      packed += place == MappedImage.PACKED ? 1 : 0;
      if (place < 0) {
        continue;
      }
      if (place >= fileBytes) {
        report.corruption("ERROR: block " + b + " is at " + place + ", past the end of the file");
        continue;
      }
      fragmented += before >= 0 && place != before + blockBytes ? 1 : 0;
      before = place;
      end = Math.max(end, place + blockBytes);
      add(place);
    }
    long[] sorted = Arrays.copyOf(places, found);
    Arrays.sort(sorted);
    for (int i = 1; i < found; i++) {
      if (sorted[i] - sorted[i - 1] < blockBytes) {
        report.corruption("ERROR: two blocks share the file offset " + sorted[i]);
      }
    }
    report.layout(end, blocks, found + packed, fragmented, packed);
    return report;
  }

  private long placeOf(long block) {
    try {
      return image.place(block);
    } catch (ImageException e) {
      report.corruption("ERROR: block " + block + ": " + e.getMessage());
    } catch (IOException e) {
      report.corruption("ERROR: the table entry of block " + block + " cannot be read");
    }
    return MappedImage.ABSENT;
  }

  private void add(long place) {
    if (found == places.length) {
      places = Arrays.copyOf(places, found * 2);
    }
    places[found++] = place;
  }
}
