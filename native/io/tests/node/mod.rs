//! A driver in a test: spawned with defaults, its events waited for, not polled.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{
    Config, ConnectionId, Dialled, Engine, Event, MessageId, PeerConfig, PeerId, PrivateKey, PublicKey,
};
use warren_io::{Driver, IoStats, Listen, Offload};

/// One node on its own thread.
pub(crate) struct Node {
    pub(crate) driver: Driver,
    pub(crate) key: PublicKey,
    events: VecDeque<Event>,
    woken: Receiver<()>,
}

impl Node {
    /// On this address and a free port; every stranger is asked about.
    pub(crate) fn on(host: &str) -> Self {
        Self::with(listen(host, 0), Offload::Auto)
    }

    pub(crate) fn with(listen: Listen, offload: Offload) -> Self {
        let config = config();
        let key = config.private_key.public_key();
        let (wake, woken) = channel();
        let wake = Mutex::new(wake);
        let waker = Arc::new(move || {
            let _ = wake.lock().expect("no test panics while it wakes").send(());
        });
        let driver =
            Driver::spawn(move |now| Engine::new(config, now), listen, offload, waker).expect("a free port");
        Self { driver, key, events: VecDeque::new(), woken }
    }

    pub(crate) fn port(&self) -> u16 {
        self.driver.local_address().port()
    }

    pub(crate) fn add(&self, peer: &Self, endpoint: Option<SocketAddr>) -> PeerId {
        let peer = peer_config(peer.key, endpoint);
        let added = self.driver.call(move |context| context.engine.add_peer(peer, context.now));
        added.expect("a live driver").expect("a new peer")
    }

    pub(crate) fn dial(&mut self, peer: PeerId) -> ConnectionId {
        let dialled = self
            .driver
            .call(move |context| context.engine.connect(peer, None, PATIENCE, context.now))
            .expect("a live driver")
            .expect("a peer that can be dialled");
        let Dialled::New(connection) = dialled else { panic!("there is no connection yet: {dialled:?}") };
        self.wait("Connected", |event| match event {
            Event::Connected { connection: connected, .. } if *connected == connection => Some(()),
            Event::Closed { close, .. } => panic!("the dial failed: {close:?}"),
            _ => None,
        });
        connection
    }

    /// Answers the next stranger with yes, and gives the connection that follows.
    pub(crate) fn accept(&mut self) -> ConnectionId {
        let (key, endpoint) = self.wait("Stranger", |event| match event {
            Event::Stranger { public_key, endpoint } => Some((*public_key, *endpoint)),
            _ => None,
        });
        let peer = peer_config(key, Some(endpoint));
        let authorized = self.driver.call(move |context| context.engine.authorize(peer, context.now));
        authorized.expect("a live driver").expect("the question still stands");
        self.wait("Connected", |event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        })
    }

    pub(crate) fn send(&self, connection: ConnectionId, message: u64, bytes: Vec<u8>) {
        let posted = self.driver.send(move |context| {
            let bytes = Bytes::from(bytes);
            context.engine.send_message(connection, MessageId(message), 0, None, bytes, context.now);
        });
        posted.expect("a live driver");
    }

    pub(crate) fn receive(&mut self) -> Box<[u8]> {
        let (connection, priority, bytes) = self.wait("Message", |event| match event {
            Event::Message { connection, priority, bytes } => {
                Some((*connection, *priority, std::mem::take(bytes)))
            }
            _ => None,
        });
        let length = bytes.len();
        let released = self.driver.post(move |context| {
            context.engine.release_messages(connection, priority, length, context.now);
        });
        released.expect("a live driver");
        bytes
    }

    /// The first event from which `pick` makes something; those before it stay for others.
    pub(crate) fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(&mut Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            for index in seen..self.events.len() {
                if let Some(picked) = pick(&mut self.events[index]) {
                    self.events.remove(index);
                    return picked;
                }
            }
            seen = self.events.len();
            if let Some(failure) = self.driver.drain(&mut self.events) {
                panic!("waiting for {what}, the driver failed: {failure}");
            }
            if self.events.len() == seen {
                self.sleep(what, deadline);
            }
        }
    }

    pub(crate) fn wait_for_failure(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(failure) = self.driver.drain(&mut self.events) {
                return failure;
            }
            self.sleep("a failure", deadline);
        }
    }

    pub(crate) fn stats(&self) -> IoStats {
        self.driver.call(|context| context.io.clone()).expect("a live driver")
    }

    fn sleep(&self, what: &str, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        self.woken.recv_timeout(left).unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"));
    }
}

/// Two nodes with a connection; the first one dialled.
pub(crate) fn connected(
    mut dialler: Node,
    mut acceptor: Node,
    host: &str,
) -> (Node, ConnectionId, Node, ConnectionId) {
    let endpoint = SocketAddr::new(ip(host), acceptor.port());
    let peer = dialler.add(&acceptor, Some(endpoint));
    let dial = std::thread::spawn(move || {
        let connection = dialler.dial(peer);
        (dialler, connection)
    });
    let accepted = acceptor.accept();
    let (dialler, dialled) = dial.join().expect("the dialling thread's panic is above");
    (dialler, dialled, acceptor, accepted)
}

pub(crate) fn listen(host: &str, port: u16) -> Listen {
    let host = if host.is_empty() { None } else { Some(ip(host)) };
    Listen { host, port }
}

pub(crate) fn config() -> Config {
    let mut rng: rand::rngs::StdRng = rand::make_rng();
    let (incarnation, seed) = (rand::RngExt::random(&mut rng), rand::RngExt::random(&mut rng));
    Config {
        protocols: vec!["test/1".into()].into(),
        authorize: true,
        ..Config::new(PrivateKey::generate(&mut rng), incarnation, seed)
    }
}

fn peer_config(public_key: PublicKey, endpoint: Option<SocketAddr>) -> PeerConfig {
    PeerConfig::new(public_key, endpoint)
}

fn ip(host: &str) -> IpAddr {
    host.parse().expect("the tests name addresses")
}

/// A test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
