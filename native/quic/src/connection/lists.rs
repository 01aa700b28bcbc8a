//! The other end's lists and its last word, and this end's.

use super::{Connection, Events, Phase};
use crate::{Event, Lists, control::ControlFrame};

impl Connection {
    /// Tells the other end which lists are this end's from now on.
    pub(crate) fn announce(&mut self, lists: Lists) {
        if self.phase == Phase::Open {
            self.control.push_unknown(&self.grease);
            self.control.push(ControlFrame::Announce(lists.into()));
        }
    }

    /// Tells the other end that it holds all that this end will ever send.
    pub(crate) fn finish(&mut self) {
        if self.phase == Phase::Open {
            self.control.push(ControlFrame::Finished);
        }
    }

    /// The other end's lists, unless newer ones are known.
    pub(super) fn on_announced(&mut self, lists: Box<Lists>, events: &mut Events) {
        if lists.generation > self.told {
            self.told = lists.generation;
            // Of those in one packet the last counts.
            match events.back_mut() {
                Some((handle, Event::Announced(last))) if *handle == self.handle => *last = lists,
                _ => events.push_back((self.handle, Event::Announced(lists))),
            }
        }
    }

    pub(super) fn on_other_finished(&mut self, events: &mut Events) {
        if !std::mem::replace(&mut self.finished, true) {
            events.push_back((self.handle, Event::Finished));
        }
    }
}
