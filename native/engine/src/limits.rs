//! The limits of a device, in one table.
//!
//! A row is a limit: its doc, its type here, what it may be, and the value where an application says nothing. The first
//! paragraph of the doc says of which things it is the greatest number (`Bytes` are told in MiB), the second what
//! happens past it. Limits of `engine` become fields of [`Limits`], and of what the addon takes; those of `lib` are
//! counted in TypeScript. `scripts/build/limits.mjs` writes `lib/generated/limits.ts` from the table, and the tables of
//! the docs.

/// Hands the table of limits to a macro.
#[macro_export]
macro_rules! limits {
    ($write:ident) => {
        $write! {
            engine {
                /// Number of peers at once.
                ///
                /// The peer that `authorize` let in and that is gone longest gives way, counted in `peersDisplaced`.
                /// Where there is none, `addPeer` throws `ERR_WARREN_TOO_MANY_PEERS`, and strangers are rejected.
                peers: usize [1..=1 << 20] = 65_536;

                /// Number of strangers whose authorization is under way.
                ///
                /// Further strangers are ignored, counted in `strangers`, and try again after 5 s; so is one whose IPv4
                /// address or IPv6 /64 has a quarter of them, 16 at least.
                pending_authorizations: usize [0..=65_536] = 256;

                /// Number of strangers' handshakes opened in a second, all together; each takes some 470 us.
                ///
                /// Initiations of unknown keys are not opened further, counted in `strangers`; cookies are asked for
                /// first.
                handshakes_per_second: u32 [1..=1_000_000] = 1_000;

                /// Bytes of the largest message, sent or taken.
                ///
                /// `send` rejects with `ERR_WARREN_MESSAGE_TOO_LARGE`; a message of the peer is refused, and 'dropped'
                /// for its sender.
                message_bytes: usize [1..=1 << 30] = 16 << 20;

                /// Bytes of messages that arrived and nobody took yet, for each connection, counted by lanes like
                /// `queuedBytes`; at least `messageBytes`.
                ///
                /// The sender is held back, lane by lane; four times that over all lanes. Each message counts 512 bytes
                /// besides its own.
                receive_bytes_per_connection: usize [1..=(1 << 32) - 1] = 32 << 20;

                /// Number of byte streams that a peer may have open at once, of each kind, and of messages on their
                /// way.
                ///
                /// The peer waits before it opens more. One way a quarter more are there for lanes above, and one
                /// message more.
                streams_per_connection: u32 [32..=65_536] = 256;

                /// Number of connections that arrived and nobody took yet, dials of peers among them.
                ///
                /// A dial that its dialler has not completed for three probe timeouts, 1 s at least, makes room,
                /// counted in `displacedDials`; else the dialler is refused: `ERR_WARREN_CONNECTION_REFUSED` there,
                /// counted in `refusedConnections`. Of dials that it has not completed, one peer holds an eighth, 2 at
                /// least.
                pending_connections: usize [0..=65_536] = 64;

                /// Bytes of raw packets that wait, for each peer, either way.
                ///
                /// Packets are dropped and counted; so are the oldest of those that wait for a session, and of the
                /// copies that are kept for some round trips, where a later answer may replace the session that sealed
                /// them. As many bytes of unreliable datagrams that nobody takes are kept for each connection.
                packet_bytes_per_peer: usize [0..=(1 << 32) - 1] = 1 << 20;
            }

            lib {
                /// Number of connected peers that `authorize` let in from one IPv4 address or IPv6 /64.
                ///
                /// One more is rejected with `ERR_WARREN_TOO_MANY_PEERS`, or dropped when it returns, counted in
                /// `peersOverAddress`. In a full table the address displaces its own alone.
                peers_per_address [1..=1 << 20] = peers / 4;

                /// Bytes that wait to leave the device. A message counts only what waits at its priority or above; all
                /// lanes together may hold four times as much.
                ///
                /// One message of a lane waits for room, so that a program that awaits each `send` is held back, not
                /// refused; `send` of those behind it rejects with `ERR_WARREN_QUEUE_FULL`. In a lane that does not
                /// wait, and in a broadcast, the message is 'dropped'. Past it each peer still has an equal share, a
                /// 64th at most, and a lane that has some under way takes one message more, however many other peers
                /// do not read.
                queued_bytes [1..=(1 << 53) - 1] = 256 << 20;

                /// Bytes that wait to leave to one peer, counted in the same way.
                ///
                /// As of `queuedBytes`.
                queued_bytes_per_peer [1..=(1 << 53) - 1] = 64 << 20;
            }
        }
    };
}

/// Writes the fields of [`Limits`].
macro_rules! fields {
    (engine { $($(#[$doc:meta])* $field:ident: $type:ty [$values:expr] = $default:expr;)+ } lib { $($rest:tt)* }) => {
        /// Bounds on what peers and strangers can make us hold.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $field: $type,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        $(const _: () = {
            let (least, most): ($type, $type) = (*($values).start(), *($values).end());
            assert!(least <= $default && $default <= most, "a default is among the values of its limit");
        };)+
    };
}

limits!(fields);
