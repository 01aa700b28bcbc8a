//! Waiting where there is no ppoll. A deadline that falls into a suspend is met when the wait is over, or the next
//! datagram comes.
#![expect(
    unsafe_code,
    reason = "`polling` leaves it to the caller that a source is removed before it is closed"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use polling::{Event, Events, PollMode, Poller};

use super::Interest;
use crate::socket::Receiver;

/// Ends a wait from another thread.
pub(crate) struct Notifier(Poller);

impl Notifier {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Poller::new()?))
    }

    /// Ends the wait that is on, or else the next.
    pub(crate) fn notify(&self) {
        // It fails only if the poller is broken, which the thread finds out itself.
        let _ = self.0.notify();
    }
}

/// Owns the half that receives of the socket that it watches, so that it is always removed before it is closed.
pub(crate) struct Watch {
    notifier: Arc<Notifier>,
    events: Events,
    mode: PollMode,
    socket: Option<Receiver>,
    interest: Interest,
}

impl Watch {
    pub(crate) fn new(notifier: Arc<Notifier>, socket: Receiver) -> io::Result<Self> {
        let mode = if notifier.0.supports_level() { PollMode::Level } else { PollMode::Oneshot };
        let mut watch =
            Self { notifier, events: Events::new(), mode, socket: None, interest: Interest::Readable };
        watch.replace(socket)?;
        Ok(watch)
    }

    pub(crate) fn socket(&mut self) -> Option<&mut Receiver> {
        self.socket.as_mut()
    }

    /// Closes the socket.
    pub(crate) fn forget(&mut self) {
        if let Some(socket) = self.socket.take() {
            // Fails only for a descriptor that is gone already: then the system forgot it too.
            let _ = self.notifier.0.delete(socket.source());
        }
    }

    pub(crate) fn replace(&mut self, socket: Receiver) -> io::Result<()> {
        self.forget();
        // SAFETY: whoever takes `self.socket` away (`forget`, and `drop` through it) deletes it from the poller first.
        unsafe { self.notifier.0.add_with_mode(socket.source(), Event::readable(SOCKET), self.mode)? };
        self.socket = Some(socket);
        self.interest = Interest::Readable;
        Ok(())
    }

    /// Waits until something of interest happens to the socket, `timeout` is over, or somebody notifies. Answers
    /// whether the socket is known to be readable.
    pub(crate) fn wait(&mut self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
        if let Some(socket) = &self.socket
            && (interest != self.interest || self.mode == PollMode::Oneshot)
        {
            let event = match interest {
                Interest::Nothing => Event::none(SOCKET),
                Interest::Readable => Event::readable(SOCKET),
                Interest::Both => Event::all(SOCKET),
            };
            self.notifier.0.modify_with_mode(socket.source(), event, self.mode)?;
            self.interest = interest;
        }
        self.events.clear();
        self.notifier.0.wait(&mut self.events, timeout)?;
        Ok(self.events.iter().any(|event| event.key == SOCKET && event.readable))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.forget();
    }
}

const SOCKET: usize = 0;
