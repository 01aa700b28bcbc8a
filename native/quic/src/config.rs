//! What a node's QUIC can be told.

/// Settings of one node's QUIC.
#[derive(Debug, Clone)]
pub struct Config {
    /// Tells this life of the node from its earlier and later ones; random for each.
    pub incarnation: u64,
    /// Application protocols accepted from diallers, best first.
    pub protocols: Vec<Box<str>>,
    /// The largest UDP payload that the tunnel carries: its inner MTU less 48. At least 1200.
    pub max_udp_payload: u16,
    /// Secret from which stateless reset tokens come; the same in each life of a node.
    pub reset_key: [u8; 32],
    /// Secret from which connection IDs come.
    pub cid_key: [u8; 32],
    /// Bytes that one peer may send on one connection before they are read.
    pub receive_window: u64,
    /// Bytes that one peer may send on one stream before they are read.
    pub stream_receive_window: u64,
    /// Streams of each kind that one peer may have open on one connection.
    pub streams_per_connection: u32,
    /// The longest message accepted.
    pub message_bytes: usize,
    /// Bytes of messages in assembly or not yet released, of one connection and one lane and those above it.
    pub receive_bytes_per_connection: usize,
    /// Seed of every random choice.
    pub seed: [u8; 32],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            incarnation: 0,
            protocols: Vec::new(),
            max_udp_payload: 1372,
            reset_key: [0; 32],
            cid_key: [0; 32],
            receive_window: 32 << 20,
            stream_receive_window: 4 << 20,
            streams_per_connection: 256,
            message_bytes: 16 << 20,
            receive_bytes_per_connection: 16 << 20,
            seed: [0; 32],
        }
    }
}
