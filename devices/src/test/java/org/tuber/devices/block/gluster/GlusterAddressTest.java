package org.tuber.devices.block.gluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.block.gluster.GlusterAddress.Server;

class GlusterAddressTest {
  private static GlusterAddress parse(String name) throws IOException {
    assertThat(GlusterAddress.matches(name)).isTrue();
    return GlusterAddress.parse(name);
  }

  @Test
  void formsOfQemusManual() throws IOException {
    GlusterAddress plain = parse("gluster://1.2.3.4/testvol/a.img");
    assertThat(plain)
        .isEqualTo(
            new GlusterAddress(
                List.of(Server.tcp("1.2.3.4", 24007)), "testvol", "a.img", "/dev/null", 0));
    assertThat(parse("gluster+tcp://1.2.3.4/testvol/a.img")).isEqualTo(plain);
    assertThat(parse("gluster+rdma://1.2.3.4/testvol/a.img")).isEqualTo(plain);
    GlusterAddress six = parse("gluster+tcp://[1:2:3:4:5:6:7:8]:24008/testvol/dir/a.img");
    assertThat(six.servers()).containsExactly(Server.tcp("1:2:3:4:5:6:7:8", 24008));
    assertThat(six.path()).isEqualTo("dir/a.img");
    GlusterAddress socket = parse("gluster+unix:///testvol/a%20b.img?socket=/tmp/glusterd.socket");
    assertThat(socket.servers()).containsExactly(Server.unix("/tmp/glusterd.socket"));
    assertThat(socket.path()).isEqualTo("a b.img");
    GlusterAddress loud = parse("gluster:///v/i?debug=9&logfile=/var/log/x");
    assertThat(loud.servers().getFirst().host()).isEqualTo("localhost");
    assertThat(loud.debug()).isEqualTo(9);
    assertThat(loud.logFile()).isEqualTo("/var/log/x");
  }

  @Test
  void namesAreReadAsTheyAreMade() throws IOException {
    List<Server> servers = List.of(Server.tcp("::1", 7), Server.unix("/a&b"), Server.tcp("h", 1));
    for (int i = 0; i < servers.size(); i++) {
      List<Server> some = servers.subList(i, servers.size());
      GlusterAddress a = parse(GlusterAddress.nameOf(some, "v", "d/ä b?.img", "/x y", "9"));
      assertThat(a).isEqualTo(new GlusterAddress(some, "v", "d/ä b?.img", "/x y", 9));
    }
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
          "gluster://host/v/i?server=host",
          "gluster://host/v/i?server=tcp:host",
          "gluster://ho st/v/i"
        }) {
      assertThatThrownBy(() -> parse(name)).as(name).isInstanceOf(IOException.class);
    }
    assertThat(GlusterAddress.matches("glusterfs:x")).isFalse();
  }
}
