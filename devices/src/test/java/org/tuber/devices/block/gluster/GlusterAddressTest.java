package org.tuber.devices.block.gluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class GlusterAddressTest {
  private static GlusterAddress parse(String name) throws IOException {
    assertThat(GlusterAddress.matches(name)).isTrue();
    return GlusterAddress.parse(name);
  }

  @Test
  void formsOfQemusManual() throws IOException {
    GlusterAddress plain = parse("gluster://1.2.3.4/testvol/a.img");
    assertThat(plain)
        .isEqualTo(new GlusterAddress("tcp", "1.2.3.4", 24007, "testvol", "a.img", "/dev/null", 0));
    assertThat(parse("gluster+tcp://1.2.3.4/testvol/a.img")).isEqualTo(plain);
    assertThat(parse("gluster+rdma://1.2.3.4/testvol/a.img")).isEqualTo(plain);
    GlusterAddress six = parse("gluster+tcp://[1:2:3:4:5:6:7:8]:24008/testvol/dir/a.img");
    assertThat(six.host()).isEqualTo("1:2:3:4:5:6:7:8");
    assertThat(six.port()).isEqualTo(24008);
    assertThat(six.path()).isEqualTo("dir/a.img");
    GlusterAddress socket = parse("gluster+unix:///testvol/a%20b.img?socket=/tmp/glusterd.socket");
    assertThat(socket.transport()).isEqualTo("unix");
    assertThat(socket.host()).isEqualTo("/tmp/glusterd.socket");
    assertThat(socket.path()).isEqualTo("a b.img");
    GlusterAddress loud = parse("gluster:///v/i?debug=9&logfile=/var/log/x");
    assertThat(loud.host()).isEqualTo("localhost");
    assertThat(loud.debug()).isEqualTo(9);
    assertThat(loud.logFile()).isEqualTo("/var/log/x");
  }

  @Test
  void namesAreReadAsTheyAreMade() throws IOException {
    GlusterAddress a = parse(GlusterAddress.nameOf("::1", 7, "v", "d/ä b?.img", ""));
    assertThat(a.host() + " " + a.port() + " " + a.path()).isEqualTo("::1 7 d/ä b?.img");
    GlusterAddress s = parse(GlusterAddress.nameOf("/tmp/a&b", "v", "x"));
    assertThat(s.host()).isEqualTo("/tmp/a&b");
  }

  @Test
  void senselessOnesAreRefused() {
    for (String name :
        new String[] {
          "gluster://host/volume",
          "gluster://host/volume/",
          "gluster:host/volume/x",
          "gluster+unix:///v/i",
          "gluster+unix://host/v/i?socket=/s",
          "gluster://host/v/i?socket=/s",
          "gluster://host/v/i?debug=10",
          "gluster://host/v/i?color=red",
          "gluster://ho st/v/i"
        }) {
      assertThatThrownBy(() -> parse(name)).as(name).isInstanceOf(IOException.class);
    }
    assertThat(GlusterAddress.matches("glusterfs:x")).isFalse();
  }
}
