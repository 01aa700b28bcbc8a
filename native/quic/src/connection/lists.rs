//! The other end's word that it has the connection, its lists and its last word, and this end's.

use super::{Connection, Events, Phase, Violation};
use crate::announcement::Announcement;
use crate::control_stream::{ControlFrame, MAX_BODY};
use crate::{Event, Lists};

impl Connection {
    /// Tells that the other end has the connection, once it has said so.
    pub(super) fn tell_confirmed(&mut self, events: &mut Events) {
        if !self.confirmed && self.phase == Phase::Open && self.inner.stats().frame_rx.handshake_done > 0 {
            self.confirmed = true;
            events.push_back((self.handle, Event::Confirmed));
        }
    }

    /// Tells the other end which lists are this end's from now on.
    pub(crate) fn announce(&mut self, lists: Lists) {
        let announcement = Announcement::new(&lists).filter(|it| it.body().len() as u64 <= MAX_BODY);
        if let Some(announcement) = announcement.filter(|_| self.phase == Phase::Open) {
            self.control.push_unknown(&self.grease);
            self.control.push(ControlFrame::Announce(announcement));
        }
    }

    /// Tells the other end that it holds all that this end will ever send.
    pub(crate) fn finish(&mut self) {
        if self.phase == Phase::Open {
            self.control.push(ControlFrame::Finished);
        }
    }

    /// The other end's lists, unless newer ones are known.
    pub(super) fn on_announced(
        &mut self,
        announcement: &Announcement,
        events: &mut Events,
    ) -> Result<(), Violation> {
        let lists = announcement.read().map_err(|_| Violation("a malformed announcement"))?;
        if lists.generation > self.told {
            self.told = lists.generation;
            events.push_back((self.handle, Event::Announced(lists.into())));
        }
        Ok(())
    }

    pub(super) fn on_other_finished(&mut self, events: &mut Events) {
        if !std::mem::replace(&mut self.finished, true) {
            events.push_back((self.handle, Event::Finished));
        }
    }
}
