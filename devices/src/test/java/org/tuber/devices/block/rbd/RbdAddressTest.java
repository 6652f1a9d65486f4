package org.tuber.devices.block.rbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RbdAddressTest {
  private static RbdAddress parse(String name) throws IOException {
    assertThat(RbdAddress.matches(name)).isTrue();
    return RbdAddress.parse(name);
  }

  @Test
  void partsAndOptions() throws IOException {
    assertThat(parse("rbd:pool/image"))
        .isEqualTo(new RbdAddress("pool", "", "image", null, null, null, Map.of()));
    assertThat(
            parse("rbd:p/ns/i@before:id=me:conf=/etc/x.conf:mon_host=1.2.3.4\\:6789:key=a\\=b=="))
        .isEqualTo(
            new RbdAddress(
                "p",
                "ns",
                "i",
                "before",
                "me",
                "/etc/x.conf",
                Map.of("mon_host", "1.2.3.4:6789", "key", "a=b==")));
    assertThat(parse("rbd:p/odd\\@na\\/me").image()).isEqualTo("odd@na/me");
  }

  @Test
  void namesAreReadAsTheyAreMade() throws IOException {
    for (String name :
        new String[] {
          "rbd:p/i", "rbd:p/n/i@s:id=a:conf=/b", "rbd:a\\:b/c\\@d\\/e@f\\\\g:k\\=l=m\\:n"
        }) {
      RbdAddress a = parse(name);
      assertThat(parse(a.name())).isEqualTo(a);
    }
    assertThat(RbdAddress.sibling("rbd:p/n/i@s:conf=/c", "base"))
        .isEqualTo("rbd:p/n/base:conf=\\/c");
    assertThat(RbdAddress.sibling("rbd:p/i", "/abs")).isEqualTo("/abs");
  }

  @Test
  void senselessOnesAreRefused() {
    for (String name :
        new String[] {"rbd:", "rbd:pool", "rbd:pool/", "rbd:/i", "rbd:p/i@", "rbd:p/i:conf"}) {
      assertThatThrownBy(() -> parse(name)).as(name).isInstanceOf(IOException.class);
    }
  }
}
