//! Waiting for one socket, a deadline, or a wake-up from another thread.
#![expect(
    unsafe_code,
    reason = "`polling` leaves it to the caller that a source is removed before it is closed"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use polling::{Event, Events, PollMode, Poller};

use crate::alarm::Alarm;
use crate::socket::Socket;

/// What ended a wait; neither: the time, or another thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// Owns the socket that it watches, so that it is always removed before it is closed.
pub(crate) struct Watch {
    poller: Arc<Poller>,
    events: Events,
    mode: PollMode,
    socket: Option<Socket>,
    wants_writable: bool,
    /// `None`: the system has none; then what falls due in suspend waits for the timeout.
    alarm: Option<Alarm>,
}

impl Watch {
    pub(crate) fn new(poller: Arc<Poller>, socket: Socket) -> io::Result<Self> {
        let mode = if poller.supports_level() { PollMode::Level } else { PollMode::Oneshot };
        let alarm = Alarm::new(Arc::clone(&poller), ALARM).ok();
        let mut watch =
            Self { poller, events: Events::new(), mode, socket: None, wants_writable: false, alarm };
        watch.replace(socket)?;
        Ok(watch)
    }

    pub(crate) fn socket(&mut self) -> Option<&mut Socket> {
        self.socket.as_mut()
    }

    /// Closes the socket.
    pub(crate) fn forget(&mut self) {
        if let Some(socket) = self.socket.take() {
            // Fails only for a descriptor that is gone already: then the system forgot it too.
            let _ = self.poller.delete(socket.source());
        }
    }

    pub(crate) fn replace(&mut self, socket: Socket) -> io::Result<()> {
        self.forget();
        // SAFETY: whoever takes `self.socket` away (`forget`, and `drop` through it) deletes it from the poller first.
        unsafe { self.poller.add_with_mode(socket.source(), Event::readable(SOCKET), self.mode)? };
        self.socket = Some(socket);
        self.wants_writable = false;
        Ok(())
    }

    /// Waits until the socket is readable (or writable, if asked for), `timeout` is over, or the poller is notified.
    pub(crate) fn wait(&mut self, writable: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        if let Some(socket) = &self.socket
            && (writable != self.wants_writable || self.mode == PollMode::Oneshot)
        {
            let interest = if writable { Event::all(SOCKET) } else { Event::readable(SOCKET) };
            self.poller.modify_with_mode(socket.source(), interest, self.mode)?;
            self.wants_writable = writable;
        }
        if let (Some(alarm), Some(timeout)) = (&mut self.alarm, timeout)
            && timeout >= WORTH_AN_ALARM
        {
            alarm.set(timeout);
        }
        self.events.clear();
        self.poller.wait(&mut self.events, timeout)?;
        let mut ready = Ready::default();
        for event in self.events.iter().filter(|event| event.key == SOCKET) {
            ready.readable |= event.readable;
            ready.writable |= event.writable;
        }
        if let Some(alarm) = &mut self.alarm
            && self.events.iter().any(|event| event.key == ALARM)
        {
            alarm.rang();
        }
        Ok(ready)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.forget();
    }
}

const SOCKET: usize = 0;
const ALARM: usize = 1;
// What falls due sooner is at most this late after a suspend, which takes longer itself.
const WORTH_AN_ALARM: Duration = Duration::from_secs(1);
