#[test]
#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
fn the_loopback_carries_more_than_any_network() {
    for remote in ["127.0.0.1:9", "[::ffff:127.0.0.1]:9"] {
        let remote = remote.parse().expect("an address");
        assert!(super::first_hop(remote).is_some_and(|carried| carried >= 9_000), "{remote}");
    }
}
