//! Drained bytes, told to the caller in portions.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use super::Engine;
use crate::event::Event;
use crate::ids::{ConnectionId, Priority, StreamId};
use crate::lane::Source;
use crate::transport::Transport;

/// Lanes and streams of which not all drained bytes were told to the caller.
#[derive(Debug, Default)]
pub(super) struct Drained {
    /// To be told at once.
    due: VecDeque<Origin>,
    /// To be told at these instants, unless they were by then.
    later: VecDeque<(Instant, Origin)>,
}

/// Lane or stream whose bytes drained.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Lane(ConnectionId, Priority),
    Stream(StreamId),
}

impl Drained {
    /// Deadline of the first that has to be told.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        self.later.front().map(|&(at, _)| (at, "drained"))
    }

    /// Notes that `bytes` more drained, `untold` in all since the caller was told last; `left` may still drain.
    fn note(&mut self, origin: Origin, untold: u64, bytes: u64, left: u64, now: Instant) {
        // A caller that fills a small window again when half of it is empty never runs dry.
        let enough = MUCH.min(left);
        if untold >= enough {
            self.due.push_back(origin);
        } else if untold == bytes {
            self.later.push_back((now + LATEST, origin));
        }
    }
}

impl<T: Transport> Engine<T> {
    /// Notes bytes that a source handed to the transport.
    pub(super) fn note_drained(
        &mut self,
        id: ConnectionId,
        priority: Priority,
        source: Source,
        bytes: u64,
        now: Instant,
    ) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        // It may have to be written again.
        let is_early = connection.flight.is_some();
        let Some(lane) = connection.lanes.get_mut(&priority) else {
            return;
        };
        lane.stats.sent_bytes += bytes;
        if bytes == 0 {
            return;
        }
        match source {
            Source::Messages if is_early => lane.drained += bytes,
            Source::Messages => {
                lane.drained += bytes;
                self.drained.note(Origin::Lane(id, priority), lane.drained, bytes, lane.left(), now);
            }
            Source::Stream(id) => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.drained += bytes;
                    if is_early {
                        return;
                    }
                    self.drained.note(Origin::Stream(id), stream.drained, bytes, stream.pending_bytes, now);
                }
            }
            Source::Datagrams => {}
        }
    }

    /// Tells the bytes that left lanes and streams, once some are due: a caller that is woken for one is told of all.
    pub(super) fn tell_drained(&mut self, now: Instant) {
        let Drained { due, later } = &self.drained;
        if due.is_empty() && later.front().is_none_or(|&(at, _)| at > now) {
            return;
        }
        while let Some(origin) = self.drained.due.pop_front() {
            self.tell(origin);
        }
        while let Some((_, origin)) = self.drained.later.pop_front() {
            self.tell(origin);
        }
    }

    /// Tells what left a connection's lanes and streams so far.
    #[cold]
    pub(super) fn tell_drained_of(&mut self, id: ConnectionId) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        let lanes = connection.lanes.keys().map(|&priority| Origin::Lane(id, priority));
        let origins: Vec<_> = lanes.chain(connection.streams.iter().copied().map(Origin::Stream)).collect();
        origins.into_iter().for_each(|origin| self.tell(origin));
    }

    fn tell(&mut self, origin: Origin) {
        match origin {
            Origin::Lane(connection, priority) => {
                let lane =
                    self.calls.connections.get_mut(&connection).and_then(|it| it.lanes.get_mut(&priority));
                let bytes = lane.map_or(0, |lane| mem::take(&mut lane.drained));
                if bytes > 0 {
                    self.events.push_back(Event::LaneDrained { connection, priority, bytes });
                }
            }
            Origin::Stream(stream) => {
                let bytes = self.streams.get_mut(&stream).map_or(0, |state| mem::take(&mut state.drained));
                self.tell_stream_drained(stream, bytes);
            }
        }
    }
}

/// A caller is a megabyte ahead: at 50 Mbit/s so much is told a hundred times a second.
const MUCH: u64 = 64 * 1024;
/// A window that fills slowly is told of as late as this.
const LATEST: Duration = Duration::from_millis(10);
