//! Waiting on Linux: ppoll(2), one system call a wait. epoll knows milliseconds only, and so it takes a timerfd, set
//! anew, for every wait: five calls, where a link of 100 Mbit/s has a wait for each packet.

mod alarm;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use super::Interest;
use crate::socket::Receiver;
use alarm::Alarm;

/// Ends a wait from another thread.
pub(crate) struct Notifier(OwnedFd);

impl Notifier {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Ends the wait that is on, or else the next.
    pub(crate) fn notify(&self) {
        // It fails only where it was notified 2^64 times before, and so is.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn heard(&self) {
        // It fails only where nobody notified.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

/// Owns the half that receives of the socket that it watches.
pub(crate) struct Watch {
    notifier: Arc<Notifier>,
    socket: Option<Receiver>,
    /// `None`: the system has none; deadlines that fall into a suspend then wait for the timeout.
    alarm: Option<Alarm>,
}

impl Watch {
    pub(crate) fn new(notifier: Arc<Notifier>, socket: Receiver) -> io::Result<Self> {
        Ok(Self { notifier, socket: Some(socket), alarm: Alarm::new().ok() })
    }

    pub(crate) fn socket(&mut self) -> Option<&mut Receiver> {
        self.socket.as_mut()
    }

    /// Closes the socket.
    pub(crate) fn forget(&mut self) {
        self.socket = None;
    }

    pub(crate) fn replace(&mut self, socket: Receiver) -> io::Result<()> {
        self.socket = Some(socket);
        Ok(())
    }

    /// Waits until something of interest happens to the socket, `timeout` is over, or somebody notifies. Answers
    /// whether the socket is known to be readable.
    pub(crate) fn wait(&mut self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
        let alarm = self.alarm.as_mut().filter(|_| timeout.is_some_and(|timeout| timeout >= WORTH_AN_ALARM));
        let interest = match interest {
            Interest::Nothing => None,
            Interest::Readable => Some(PollFlags::IN),
            Interest::Both => Some(PollFlags::IN | PollFlags::OUT),
        };
        // poll(2) passes over what it is told nothing of: who is absent is watched as the notifier, once more.
        let socket = self.socket.as_ref().zip(interest);
        let none = || PollFd::new(&self.notifier.0, PollFlags::empty());
        let mut fds = [
            PollFd::new(&self.notifier.0, PollFlags::IN),
            socket.map_or_else(none, |(socket, interest)| PollFd::new(socket.source(), interest)),
            alarm.as_ref().map_or_else(none, |alarm| PollFd::new(alarm.timer(), PollFlags::IN)),
        ];
        if let (Some(alarm), Some(timeout)) = (&alarm, timeout) {
            alarm.set(timeout)?;
        }
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let [notified, socket, _] = fds.map(|fd| fd.revents());
        if notified.contains(PollFlags::IN) {
            self.notifier.heard();
        }
        // Reading a socket tells its error.
        Ok(socket.intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL))
    }
}

/// A nearer deadline needs no alarm: it is late by no more than this after a suspend, which takes longer itself.
const WORTH_AN_ALARM: Duration = Duration::from_secs(1);
