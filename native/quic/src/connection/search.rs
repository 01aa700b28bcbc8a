//! Search for the longest packet of a loopback, put off while a connection has no use for it.

use super::Connection;
use crate::flight::LONG;

/// Probes of more than [`LONG`] bytes that quinn-proto made and that do not leave.
///
/// Two of them, made, sealed, opened and acknowledged, cost a third of a connection that asks one question and closes.
/// quinn-proto begins its search with the first packet, and tries each length three times. So the first two tries are
/// withheld unless the window fills: each counts as lost a round trip later, which says nothing of the path's
/// congestion, and the third leaves whatever there is to send.
#[derive(Debug, Default)]
pub(super) struct Search {
    withheld: u8,
    /// Probes that quinn-proto had counted as lost when the last one was withheld.
    lost: u64,
}

impl Connection {
    /// Whether the datagram that quinn-proto just made is a probe that does not leave. It is in flight for quinn-proto
    /// alone.
    pub(super) fn withholds(&mut self, transmit: &quinn_proto::Transmit, mtu: u64) -> bool {
        let size = transmit.size as u64;
        let is_probe = transmit.segment_size.is_none() && size > mtu;
        let is_wanted = self.search.withheld == TRIES || self.flow.gauge().is_filled();
        if !is_probe || size <= u64::from(LONG) || is_wanted {
            return false;
        }
        self.search.withheld += 1;
        let stats = self.inner.stats();
        self.search.lost = stats.path.lost_plpmtud_probes;
        self.flow.withheld(size, &stats.frame_tx);
        true
    }

    /// Notes that the probe which was withheld no longer counts as in flight.
    pub(super) fn note_lost_probe(&mut self) {
        if self.flow.gauge().withheld() > 0 && self.inner.stats().path.lost_plpmtud_probes > self.search.lost
        {
            self.flow.gauge().withhold(0);
        }
    }
}

/// One less than the tries after which quinn-proto gives a length up.
const TRIES: u8 = 2;
