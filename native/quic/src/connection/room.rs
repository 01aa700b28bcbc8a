//! Room for streams of the other end. quinn-proto takes memory for each that may be opened, so it has room for few at
//! first, and for more before they come: as many as the other end was told, or as it uses.

use std::time::Instant;

use quinn_proto::{Dir, StreamId, VarInt};

use super::Connection;
use crate::parameters::first_room;
use crate::weigh::Weight;

/// Rooms for streams of the other end, of each direction.
#[derive(Debug)]
pub(super) struct StreamRoom {
    rooms: [Room; 2],
    /// Begin of the round trip in which opened streams are counted.
    since: Instant,
}

#[derive(Debug)]
struct Room {
    dir: Dir,
    /// Number of streams that the other end was told it may have open.
    told: u64,
    /// Number of streams that it may open in all, as quinn-proto has it, at least.
    until: u64,
    /// Number of streams that it opened, when they were last looked at, and when the round trip began.
    opened: u64,
    seen: u64,
    before: u64,
}

impl StreamRoom {
    pub(super) fn new(told: [u64; 2], now: Instant) -> Self {
        let first = first_room(told);
        let room = |dir: Dir| Room {
            dir,
            told: told[dir as usize],
            until: first[dir as usize],
            opened: 0,
            seen: 0,
            before: 0,
        };
        Self { rooms: [room(Dir::Bi), room(Dir::Uni)], since: now }
    }

    /// Notes a stream that the other end opened, and with it all before it.
    pub(super) fn opened(&mut self, id: StreamId) {
        self.rooms[id.dir() as usize].opened = id.index() + 1;
    }
}

impl Connection {
    /// Makes room for the streams that a datagram opens, if the other end was told that it may.
    pub(crate) fn make_room(&mut self, weight: &Weight) {
        let other = !self.inner.side();
        for room in &mut self.room.rooms {
            let named = weight.named[u64::from(VarInt::from(StreamId::new(other, room.dir, 0))) as usize];
            let lacks = named.saturating_sub(room.until);
            if lacks > 0 {
                room.grow(&mut self.inner, lacks);
            }
        }
    }

    /// Makes room for as many streams again, once the other end has half of them open, or opened as many in a round
    /// trip. Otherwise it would wait for room that freed streams leave, where it was told of more.
    pub(super) fn grow_room(&mut self, now: Instant) {
        if self.room.rooms.iter().all(|room| room.opened == room.seen) {
            return;
        }
        let begins = now.saturating_duration_since(self.room.since) > self.inner.rtt();
        if begins {
            self.room.since = now;
        }
        for room in &mut self.room.rooms {
            if begins {
                room.before = room.seen;
            }
            room.look(&mut self.inner);
        }
    }
}

impl Room {
    /// Looks at the streams that are open, all of which were told.
    #[inline(never)]
    fn look(&mut self, inner: &mut quinn_proto::Connection) {
        self.seen = self.opened;
        let has = inner.max_concurrent_streams(self.dir);
        let open = inner.streams().remote_open_streams(self.dir);
        self.until = (self.opened + has).saturating_sub(open);
        if open.max(self.opened - self.before) > has / 2 {
            self.grow(inner, 0);
        }
    }

    /// Doubles it, or more where so many are lacking, up to what the other end was told.
    #[cold]
    fn grow(&mut self, inner: &mut quinn_proto::Connection, lacks: u64) {
        let has = inner.max_concurrent_streams(self.dir);
        let grown = has.saturating_add(lacks.max(has)).min(self.told);
        if grown > has {
            inner.set_max_concurrent_streams(self.dir, VarInt::from_u64(grown).unwrap_or(VarInt::MAX));
            self.until += grown - has;
        }
    }
}
