//! Numbers of the protocol. Section numbers are those of the WireGuard whitepaper
//! (<https://www.wireguard.com/papers/wireguard.pdf>).

use std::time::Duration;

/// The longest datagram that UDP can carry, and so the least length of the caller's plaintext buffer.
pub const MAX_DATAGRAM: usize = 65_535;

/// Message types (section 5.4), with the three reserved bytes.
pub(crate) const INITIATION: u32 = 1;
pub(crate) const RESPONSE: u32 = 2;
pub(crate) const COOKIE_REPLY: u32 = 3;
pub(crate) const DATA: u32 = 4;

/// Their lengths; data has this much besides the packet: 16 of header, 16 of tag.
pub(crate) const INITIATION_LENGTH: usize = 148;
pub(crate) const RESPONSE_LENGTH: usize = 92;
pub(crate) const COOKIE_REPLY_LENGTH: usize = 64;
pub(crate) const DATA_OVERHEAD: usize = 32;

/// Packets are padded to a multiple of this before sealing (section 5.4.6), but never beyond the MTU.
pub(crate) const PADDING: usize = 16;

/// Section 6.1.
pub(crate) const REKEY_AFTER_MESSAGES: u64 = 1 << 60;
pub(crate) const REJECT_AFTER_MESSAGES: u64 = u64::MAX - (1 << 13);
pub(crate) const REKEY_AFTER_TIME: Duration = Duration::from_secs(120);
pub(crate) const REJECT_AFTER_TIME: Duration = Duration::from_secs(180);
pub(crate) const REKEY_ATTEMPT_TIME: Duration = Duration::from_secs(90);
/// Kept between two initiations only by what renews keys in good time: see [`Pace`](crate::timers::Pace).
pub(crate) const REKEY_TIMEOUT: Duration = Duration::from_secs(5);
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A responder that has something to send waits this long for the first packet of its session, and up to
/// [`RETRY_JITTER`] more, before it takes its response for lost and dials itself: longer than the round trips of nearly
/// all networks, and on a slower one no more happens than when both dial at once.
pub(crate) const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(1);

/// Two initiations to a peer are at least this far apart, whatever asks for them: their timestamps, which are rounded
/// down to 16.8 ms, then differ, and a kernel, which answers a peer once in 20 ms, answers both. How much further apart
/// they are is the dial's pace.
pub(crate) const INITIATION_SPACING: Duration = Duration::from_millis(25);

/// After receiving, an initiator asks for new keys this long before the old ones are refused (section 6.2).
pub(crate) const REKEY_AFTER_TIME_RECEIVING: Duration = Duration::from_secs(180 - 10 - 5);

/// All of a peer's keys are wiped after this much silence (section 6.3).
pub(crate) const WIPE_AFTER_TIME: Duration = Duration::from_secs(3 * 180);

/// A retry waits up to this much longer, drawn evenly, so that two ends do not stay in step (section 6.1).
pub(crate) const RETRY_JITTER: Duration = Duration::from_millis(333);

/// After a simultaneous handshake the end with the greater key lets the other renew first, for this long: twice the
/// time between two initiations.
pub(crate) const WITHHOLD_TIME: Duration = Duration::from_secs(10);

/// The secret behind cookies lives this long (section 5.4.7).
pub(crate) const COOKIE_SECRET_TIME: Duration = Duration::from_secs(120);
