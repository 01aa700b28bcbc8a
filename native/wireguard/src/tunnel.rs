//! The one importer of boringtun, whose Noise handshake and sealing we use; all that decides *when* is ours.
//!
//! boringtun keeps its sessions to itself, so each [`Tunnel`] mirrors what it needs to know of them: which exist, how
//! old they are, which one seals. The rules that the mirror follows are boringtun 0.7.1's own (`noise/mod.rs`,
//! `set_current_session` and `update_session_timers`); a property test compares them through the receiver index of what
//! is sealed.

mod clock;
mod session;
mod wiped;

use std::sync::Arc;
use std::time::{Duration, Instant};

use boringtun::noise::errors::WireGuardError;
use boringtun::noise::rate_limiter::RateLimiter;
use boringtun::noise::{Tunn, TunnResult};

use crate::constants::{
    CONFIRMATION_TIMEOUT, COOKIE_REPLY_LENGTH, COOKIE_SECRET_TIME, DATA_OVERHEAD, INITIATION_LENGTH,
    REJECT_AFTER_MESSAGES, REKEY_AFTER_TIME, REKEY_AFTER_TIME_RECEIVING, REKEY_ATTEMPT_TIME, RESPONSE_LENGTH,
    WIPE_AFTER_TIME, WITHHOLD_TIME,
};
use crate::cookie::{give_back, mac1, open_reply};
use crate::index_table::TunnelIndex;
use crate::initiation::field;
use crate::keys::{PresharedKey, PrivateKey, PublicKey};
use wiped::Wiped;

pub(crate) use clock::{Clock, Stamp};
pub(crate) use session::{Authenticated, Content, NotOpened, Session};

/// State that all tunnels of a device share.
pub(crate) struct Identity {
    private_key: PrivateKey,
    public_key: PublicKey,
    /// Without a limit: cookies are ours (boringtun's secret never changes and binds the address only).
    unlimited: Arc<RateLimiter>,
}

/// The Noise state towards one peer under one pre-shared key. Disposable: nothing in it outlives its sessions.
pub(crate) struct Tunnel {
    noise: Wiped,
    clock: Clock,
    stamps: clock::Stamps,
    index: TunnelIndex,
    /// Ring by the low three bits of the local index, as boringtun's.
    sessions: [Option<Session>; SESSIONS],
    /// Local index of the session that seals.
    current: u32,
    /// Local index given out last.
    last_index: u32,
    /// The initiation that awaits its response, and the one before: boringtun remembers no more.
    initiated: Option<PendingInitiation>,
    previous: Option<PendingInitiation>,
    /// The response made last.
    answered: Option<SentHandshake>,
    peer: PublicKey,
    /// The cookie that the peer last sent, and its time of arrival.
    cookie: Option<([u8; 16], Instant)>,
    /// The peer has forgotten its sessions that were made until then.
    left: Option<Instant>,
    advanced: Instant,
    /// Time at which the last session was made, or else the tunnel.
    renewed: Instant,
    /// After a simultaneous handshake this end lets the other renew first.
    yields: bool,
    /// boringtun's counter cannot be set: tests add this to what they read of it.
    #[cfg(test)]
    pub(crate) sealed_before: u64,
}

/// A handshake message that a cookie may come for.
#[derive(Clone, Copy, Debug)]
struct SentHandshake {
    index: u32,
    mac1: [u8; 16],
}

/// An initiation that awaits its response.
#[derive(Clone, Copy, Debug)]
struct PendingInitiation {
    sent: SentHandshake,
    /// Time at which the first of this series was made: boringtun counts its 90 s from there.
    series: Instant,
    made: Instant,
}

/// A response that made a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completed {
    pub(crate) session: Session,
    /// Confirms the session.
    pub(crate) keepalive: [u8; DATA_OVERHEAD],
    /// Time at which the answered initiation was made.
    pub(crate) made: Instant,
    /// Time at which a newer initiation was made that may still be answered: a kernel that has got it opens nothing
    /// under this session.
    pub(crate) newer: Option<Instant>,
}

impl Identity {
    pub(crate) fn new(private_key: PrivateKey, clock: Clock, now: Instant) -> Self {
        clock.set(now);
        let public_key = private_key.public_key();
        let unlimited = Arc::new(RateLimiter::new(&public_key.point(), u64::MAX));
        Self { private_key, public_key, unlimited }
    }
}

impl Tunnel {
    pub(crate) fn new(
        identity: &Identity,
        peer: &PublicKey,
        preshared_key: Option<&PresharedKey>,
        index: TunnelIndex,
        clock: Clock,
        last: Option<Stamp>,
        now: Instant,
    ) -> Self {
        let (noise, stamps) = clock.stamped(last, now, || {
            Wiped::new(Tunn::new(
                identity.private_key.secret().clone(),
                peer.point(),
                preshared_key.map(PresharedKey::bytes),
                None,
                index.0,
                Some(identity.unlimited.clone()),
            ))
        });
        Self {
            noise,
            clock,
            stamps,
            index,
            sessions: [None; SESSIONS],
            current: 0,
            last_index: index.0 << 8,
            initiated: None,
            previous: None,
            answered: None,
            peer: *peer,
            cookie: None,
            left: None,
            advanced: now,
            renewed: now,
            yields: identity.public_key > *peer,
            #[cfg(test)]
            sealed_before: 0,
        }
    }

    pub(crate) fn index(&self) -> TunnelIndex {
        self.index
    }

    /// The session that seals, unless it is too old (whitepaper section 6.2).
    pub(crate) fn sealing(&self, now: Instant) -> Option<&Session> {
        self.sessions[slot(self.current)]
            .as_ref()
            .filter(|session| session.confirmed && now < session.expires() && !self.has_left(session))
    }

    /// Whether it is an initiation of ours that a message answers, or may.
    pub(crate) fn awaits(&self, receiver: u32) -> bool {
        [self.initiated, self.previous].into_iter().flatten().any(|one| one.sent.index == receiver)
    }

    /// Whether an answer to the peer makes boringtun forget an initiation of ours that may well be answered yet.
    pub(crate) fn answer_forgets(&self, now: Instant) -> bool {
        self.previous.is_some_and(|previous| now < previous.made + CONFIRMATION_TIMEOUT)
    }

    /// The peer has forgotten its sessions that were made until then: nothing is sealed under them any more.
    pub(crate) fn leave(&mut self, made: Instant) {
        self.left = self.left.max(Some(made));
    }

    fn has_left(&self, session: &Session) -> bool {
        self.left.is_some_and(|left| session.established <= left)
    }

    /// Time at which the newest session was made that still awaits its first datagram.
    pub(crate) fn awaiting(&self) -> Option<Instant> {
        let awaiting = |session: &Session| (!session.confirmed).then_some(session.established);
        self.sessions.iter().flatten().filter_map(awaiting).max()
    }

    /// Whether a handshake may go on here, or needs a tunnel of its own.
    ///
    /// boringtun wipes every session when its own series of initiations is 90 s old, even if it has got a session by a
    /// late response since; it forgets the initiation under way when its last session is 540 s old; and its eighth new
    /// session evicts the first, even the one in use.
    pub(crate) fn fit_for_handshake(&self, now: Instant) -> bool {
        let next = (self.last_index & !0xff) | u32::from((self.last_index as u8).wrapping_add(1));
        let evicts = slot(next) == slot(self.current) && self.sealing(now).is_some();
        let forgets = now.duration_since(self.renewed) >= WIPE_AFTER_TIME - REKEY_ATTEMPT_TIME;
        !evicts && !forgets && !self.series_expired(now)
    }

    /// Whether its next initiation can be stamped as the wall clock has it.
    pub(crate) fn can_stamp(&self, last: Option<Stamp>, now: Instant) -> bool {
        self.clock.agrees(&self.stamps, last, now)
    }

    /// Makes an initiation, and notes its stamp.
    pub(crate) fn initiate(
        &mut self,
        last: &mut Option<Stamp>,
        now: Instant,
    ) -> Option<[u8; INITIATION_LENGTH]> {
        self.advance(now);
        let mut message = [0; INITIATION_LENGTH];
        *last = Some(self.clock.set_whitened(&self.stamps, now));
        let made = matches!(
            self.noise.format_handshake_initiation(&mut message, true),
            TunnResult::WriteToNetwork(bytes) if bytes.len() == INITIATION_LENGTH
        );
        self.clock.set(now);
        if !made {
            return None;
        }
        let series = self.initiated.map_or(now, |before| before.series);
        self.give_cookie_back(&mut message, now);
        let sent = SentHandshake::of(&message);
        self.previous = self.initiated.replace(PendingInitiation { sent, series, made: now });
        self.last_index = sent.index;
        Some(message)
    }

    /// Answers an initiation that was opened and found new.
    pub(crate) fn answer(
        &mut self,
        initiation: &[u8; INITIATION_LENGTH],
        now: Instant,
    ) -> Option<[u8; RESPONSE_LENGTH]> {
        self.advance(now);
        let mut room = [0; INITIATION_LENGTH];
        let mut response = match self.noise.decapsulate(None, initiation, &mut room) {
            TunnResult::WriteToNetwork(response) => *response.first_chunk()?,
            TunnResult::Done
            | TunnResult::Err(_)
            | TunnResult::WriteToTunnelV4(..)
            | TunnResult::WriteToTunnelV6(..) => return None,
        };
        self.give_cookie_back(&mut response, now);
        self.previous = self.initiated.take();
        self.answered = Some(SentHandshake::of(&response));
        self.last_index = index_at(&response, 4);
        let session = Session {
            index: self.last_index,
            peer_index: index_at(initiation, 4),
            established: now,
            dated: now,
            began: now,
            initiator: false,
            confirmed: false,
            contested: false,
        };
        self.sessions[slot(session.index)] = Some(session);
        self.renewed = now;
        if self.sealing(now).is_some() {
            self.forget_unconfirmed();
        }
        Some(response)
    }

    /// Takes a response to one of our initiations.
    pub(crate) fn complete(
        &mut self,
        response: &[u8; RESPONSE_LENGTH],
        now: Instant,
    ) -> Result<Completed, NotOpened> {
        let index = index_at(response, 8);
        let awaited =
            [&self.initiated, &self.previous].into_iter().flatten().find(|one| one.sent.index == index);
        let awaited = *awaited.filter(|_| !self.series_expired(now)).ok_or(NotOpened::UnknownSession)?;
        self.advance(now);
        let mut room = [0; INITIATION_LENGTH];
        let keepalive = match self.noise.decapsulate(None, response, &mut room) {
            TunnResult::WriteToNetwork(keepalive) => {
                *keepalive.first_chunk().ok_or(NotOpened::Unauthenticated)?
            }
            TunnResult::Done
            | TunnResult::Err(_)
            | TunnResult::WriteToTunnelV4(..)
            | TunnResult::WriteToTunnelV6(..) => return Err(NotOpened::Unauthenticated),
        };
        // The answer to an older initiation is none any more: the other end has replaced its session.
        self.previous = None;
        self.initiated.take_if(|one| one.sent.index == index);
        let newer = self.initiated.map(|newer| newer.made);
        let answered_meanwhile =
            |session: &Session| !session.initiator && session.established >= awaited.made;
        let session = Session {
            index,
            peer_index: index_at(response, 4),
            established: now,
            dated: awaited.made,
            began: awaited.series,
            initiator: true,
            confirmed: true,
            contested: self.sessions.iter().flatten().any(answered_meanwhile),
        };
        self.sessions[slot(index)] = Some(session);
        self.renewed = now;
        self.prefer(&session);
        Ok(Completed { session, keepalive, made: awaited.made, newer })
    }

    /// Takes a cookie for either of the two initiations made last, or the response: boringtun, which knows the newest
    /// message alone, is not asked.
    pub(crate) fn take_cookie(
        &mut self,
        reply: &[u8; COOKIE_REPLY_LENGTH],
        now: Instant,
    ) -> Result<(), NotOpened> {
        let index = index_at(reply, 4);
        let initiated = [self.initiated, self.previous].into_iter().flatten().map(|one| one.sent);
        let sent = initiated.chain(self.answered).find(|sent| sent.index == index);
        let mac1 = sent.ok_or(NotOpened::UnknownSession)?.mac1;
        let cookie = open_reply(reply, &self.peer, &mac1).ok_or(NotOpened::Unauthenticated)?;
        self.cookie = Some((cookie, now));
        Ok(())
    }

    fn give_cookie_back(&mut self, message: &mut [u8], now: Instant) {
        self.cookie.take_if(|(_, came)| now >= *came + COOKIE_SECRET_TIME);
        if let Some((cookie, _)) = &self.cookie {
            give_back(cookie, message);
        }
    }

    /// Seals a packet, or a keepalive if it is empty, at the end of `out`; gives the datagram's counter.
    ///
    /// Only with a [`Tunnel::sealing`] session: without one boringtun would queue the packet and hand out an
    /// initiation.
    pub(crate) fn seal(&mut self, packet: &[u8], out: &mut Vec<u8>, now: Instant) -> u64 {
        self.clock.set(now);
        let start = out.len();
        let length = packet.len() + DATA_OVERHEAD;
        // boringtun panics when there is less room than this.
        out.resize(start + length.max(INITIATION_LENGTH), 0);
        let sealed = self.noise.encapsulate(packet, &mut out[start..]);
        debug_assert!(matches!(&sealed, TunnResult::WriteToNetwork(bytes) if bytes.len() == length));
        out.truncate(start + length);
        debug_assert_eq!(
            self.sessions[slot(self.current)].map(|session| session.peer_index),
            Some(index_at(&out[start..], 4)),
            "the mirror knows which session seals"
        );
        let counter = u64::from_le_bytes(field(out, start + 8));
        #[cfg(test)]
        let counter = counter + self.sealed_before;
        if counter >= REJECT_AFTER_MESSAGES - 1 {
            self.sessions[slot(self.current)] = None;
        }
        counter
    }

    /// Opens a datagram into `plaintext`, which has to be as long as it.
    pub(crate) fn open(
        &mut self,
        datagram: &[u8],
        plaintext: &mut [u8],
        now: Instant,
    ) -> Result<Authenticated, NotOpened> {
        let index = index_at(datagram, 4);
        let session = self.sessions[slot(index)].filter(|session| session.index == index);
        let session = session.ok_or(NotOpened::UnknownSession)?;
        if now > session.refused_after() {
            return Err(NotOpened::ExpiredSession);
        }
        if now.duration_since(self.advanced) >= GAP && !self.series_expired(now) {
            self.advance(now);
        } else {
            self.clock.set(now);
        }
        let content = match self.noise.decapsulate(None, datagram, plaintext) {
            TunnResult::WriteToTunnelV4(packet, source) => {
                Content::Packet { len: packet.len(), source: source.into() }
            }
            TunnResult::WriteToTunnelV6(packet, source) => {
                Content::Packet { len: packet.len(), source: source.into() }
            }
            TunnResult::Done => Content::Keepalive,
            // Said of the inner packet, after it was authenticated.
            TunnResult::Err(WireGuardError::InvalidPacket) => Content::NotIp,
            TunnResult::Err(WireGuardError::InvalidCounter | WireGuardError::DuplicateCounter) => {
                return Err(NotOpened::Replayed);
            }
            TunnResult::Err(_) | TunnResult::WriteToNetwork(_) => return Err(NotOpened::Unauthenticated),
        };
        self.prefer(&session);
        let confirmed = !session.confirmed;
        if confirmed {
            self.sessions[slot(index)] = Some(Session { confirmed, ..session });
        }
        Ok(Authenticated { content, confirmed, established: session.established })
    }

    /// Wipes the keys that are too old to be used.
    pub(crate) fn expire(&mut self, now: Instant) {
        if !self.series_expired(now) {
            self.advance(now);
        }
    }

    /// Whether the keys are due for renewal on sending (whitepaper section 6.2).
    pub(crate) fn stale_for_sending(&self, now: Instant) -> bool {
        self.stale(REKEY_AFTER_TIME, now)
    }

    /// Whether the keys are due for renewal on receiving, so that a mere receiver does not lose the tunnel.
    pub(crate) fn stale_for_receiving(&self, now: Instant) -> bool {
        self.stale(REKEY_AFTER_TIME_RECEIVING, now)
    }

    /// Moves boringtun's clock on, and wipes what is too old.
    ///
    /// A session is dated by boringtun's `TimeCurrent`, which moves only here: one made in a tunnel left alone for 180
    /// s would be born expired. The room given is too small for an initiation, which boringtun then does not begin, and
    /// just large enough for a keepalive, which is dropped: when to send either is not for it to say.
    fn advance(&mut self, now: Instant) {
        debug_assert!(!self.series_expired(now), "boringtun would wipe every session");
        self.clock.set(now);
        let _decided_by_our_timers = self.noise.update_timers(&mut [0; DATA_OVERHEAD]);
        self.advanced = now;
        for session in &mut self.sessions {
            session.take_if(|session| now > session.refused_after());
        }
    }

    /// Leaves the newest few of the sessions that await their first datagram: nothing opens under the others any more.
    fn forget_unconfirmed(&mut self) {
        let last = self.last_index as u8;
        let made_since = |session: &Session| last.wrapping_sub(session.index as u8);
        loop {
            let unconfirmed =
                self.sessions.iter().filter(|session| session.is_some_and(|session| !session.confirmed));
            let (mut count, mut oldest) = (0, None);
            for session in unconfirmed {
                count += 1;
                oldest = oldest.max(session.map(|session| (made_since(&session), slot(session.index))));
            }
            let Some((_, slot)) = oldest.filter(|_| count > UNCONFIRMED) else { return };
            self.sessions[slot] = None;
        }
    }

    fn stale(&self, after: Duration, now: Instant) -> bool {
        let current = self.sessions[slot(self.current)].as_ref();
        let Some(session) = current.filter(|session| session.initiator && !self.has_left(session)) else {
            return false;
        };
        let grace = if session.contested && self.yields { WITHHOLD_TIME } else { Duration::ZERO };
        now.duration_since(session.dated) >= after + grace
    }

    fn series_expired(&self, now: Instant) -> bool {
        self.initiated.is_some_and(|sent| now.duration_since(sent.series) >= REKEY_ATTEMPT_TIME)
    }

    /// boringtun's `set_current_session`: a datagram of a session at least as new makes it the one that seals.
    fn prefer(&mut self, session: &Session) {
        let current = self.sessions[slot(self.current)];
        if current.is_none_or(|current| session.established >= current.established) {
            self.current = session.index;
        }
    }
}

impl SentHandshake {
    fn of(message: &[u8]) -> Self {
        Self { index: index_at(message, 4), mac1: mac1(message) }
    }
}

fn slot(index: u32) -> usize {
    index as usize % SESSIONS
}

fn index_at(message: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(field(message, at))
}

/// boringtun's `N_SESSIONS`.
const SESSIONS: usize = 8;

/// Handshakes of a peer that may go unfinished while an older session lives.
const UNCONFIRMED: usize = 4;

/// A tunnel left alone for longer is advanced before its next datagram.
const GAP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
