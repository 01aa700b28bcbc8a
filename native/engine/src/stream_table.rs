//! The streams of all connections.

use rustc_hash::FxHashMap;

use crate::ids::StreamId;
use crate::stream::Stream;

/// Streams by id, until both directions are over. The caller gives the streams that it opens even numbers, peers'
/// streams get odd ones; none is used again.
#[derive(Debug)]
pub(crate) struct StreamTable {
    streams: FxHashMap<StreamId, Stream>,
    next: u64,
}

impl StreamTable {
    pub(crate) fn new() -> Self {
        Self { streams: FxHashMap::default(), next: 1 }
    }

    /// Keeps a stream that the caller opened.
    pub(crate) fn insert(&mut self, id: StreamId, stream: Stream) {
        self.streams.insert(id, stream);
    }

    /// Keeps a stream that a peer opened, under a new id.
    pub(crate) fn add(&mut self, stream: Stream) -> StreamId {
        let id = StreamId(self.next);
        self.next += 2;
        self.streams.insert(id, stream);
        id
    }

    pub(crate) fn remove(&mut self, id: StreamId) {
        self.streams.remove(&id);
    }

    pub(crate) fn get(&self, id: &StreamId) -> Option<&Stream> {
        self.streams.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &StreamId) -> Option<&mut Stream> {
        self.streams.get_mut(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }
}
