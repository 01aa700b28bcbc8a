//! Priorities of streams in quinn-proto.

/// The priority that quinn-proto sends a stream with: by lane, and within a lane by `order`, the first first, so that
/// one message is finished before the next. (Its own way to that, `send_fairness(false)`, lets a stream that has begun
/// finish before any of higher priority.) After 2^22 messages the order starts anew.
pub(crate) fn send_priority(lane: u8, order: u64) -> i32 {
    const ORDERS: u64 = 1 << 22;
    i32::from(lane) << 22 | (ORDERS - 1 - order % ORDERS) as i32
}
