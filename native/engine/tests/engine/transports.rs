//! The engine's promises hold over any transport: QUIC, and one that does as little as the seam allows.

use std::time::{Duration, Instant};

use warren_engine::transport::Transport;
use warren_engine::{CloseCause, ClosedBy, Config, ConnectError, Engine, Event, GiveUp, Outcome, Quic};
use warren_testing::{Link, Seed};

use crate::bare::Bare;
use crate::world::{Endpoint, World, at, bulk, config, connect, dial};

/// A transport that an engine can be made over.
trait Made: Transport + Sized {
    fn engine(config: Config, now: Instant) -> Engine<Self>;
}

impl Made for Quic {
    fn engine(config: Config, now: Instant) -> Engine<Self> {
        Engine::new(config, now).expect("a good configuration")
    }
}

impl Made for Bare {
    fn engine(config: Config, now: Instant) -> Engine<Self> {
        Engine::over(Bare::new(&config), config, now).expect("a good configuration")
    }
}

#[test]
fn messages_arrive_whole_in_both_directions_and_their_senders_learn_it() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        let (near, far) = connect(&mut world, 0, 1);
        let lengths = [0, 1, 1_000, 100_000];
        for (n, connection) in [(0, near), (1, far)] {
            world.with(at(n), |node, now| {
                lengths.iter().for_each(|&length| {
                    node.send(connection, 3, bulk(length), now);
                });
            });
        }
        let outcome = Outcome::Delivered;
        world.run_until(WHILE, |world| [0, 1].iter().all(|&n| world.node(at(n)).settled(outcome) == 4));
        for n in [0, 1] {
            let received = world.node(at(n)).received.iter().map(|&(priority, length)| (priority, length));
            assert_eq!(received.collect::<Vec<_>>(), lengths.map(|length| (3, length)));
        }
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn what_is_urgent_overtakes_what_was_queued_before_it() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|config| config.uplink = Some(2_000_000));
        let (near, _) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| {
            for _ in 0..100 {
                node.send(near, 0, bulk(10_000), now);
            }
            node.send(near, 200, bulk(500), now);
        });
        world.run_until(WHILE, |world| world.node(at(1)).received.iter().any(|&(lane, _)| lane == 200));
        let before = world.node(at(1)).received.len();
        assert!(before < 20, "{before} of the messages that were queued before it came before it");
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn streams_carry_bytes_both_ways_and_end_on_both_sides() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        let (near, _) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| {
            let stream = node.open(near, true, 5, now);
            node.engine.write_stream(stream, bulk(300_000));
            node.engine.finish_stream(stream);
        });
        world.run_until(WHILE, |world| ended(world.node(at(1))));
        let far = *world.node(at(1)).streams.first().expect("a stream was opened");
        world.with(at(1), |node, _| {
            node.engine.write_stream(far, bulk(200_000));
            node.engine.finish_stream(far);
        });
        world.run_until(WHILE, |world| {
            ended(world.node(at(0))) && [0, 1].iter().all(|&n| world.node(at(n)).engine.stats().streams == 0)
        });
        let bytes = [0, 1].map(|n| world.node(at(n)).stream_bytes);
        assert_eq!(bytes, [200_000, 300_000]);
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn a_stream_that_is_reset_or_stopped_ends_at_the_other_end_with_its_code() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        let (near, _) = connect(&mut world, 0, 1);
        let streams = world.with(at(0), |node, now| {
            let streams = [node.open(near, false, 5, now), node.open(near, false, 5, now)];
            streams.iter().for_each(|&stream| node.engine.write_stream(stream, bulk(10)));
            streams
        });
        world.run_until(WHILE, |world| world.node(at(1)).stream_bytes == 20);
        let theirs = *world.node(at(1)).streams.last().expect("streams were opened");
        world.with(at(0), |node, now| node.engine.reset_stream(streams[0], 7, now));
        world.with(at(1), |node, now| node.engine.stop_stream(theirs, 8, now));
        world.run_until(WHILE, |world| {
            let is_reset = |event: &(Instant, Event)| matches!(event.1, Event::StreamReset { code: 7, .. });
            let is_stopped =
                |event: &(Instant, Event)| matches!(event.1, Event::StreamStopped { code: 8, .. });
            world.node(at(1)).events.iter().any(is_reset) && world.node(at(0)).events.iter().any(is_stopped)
        });
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn a_close_delivers_what_was_admitted_and_tells_its_code() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        let (near, far) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| {
            for _ in 0..20 {
                node.send(near, 1, bulk(50_000), now);
            }
            node.engine.close(near, 42, "done", WHILE, now);
            node.drain_events(now);
        });
        world.run_until(WHILE, |world| [0, 1].iter().all(|&n| !world.node(at(n)).closed().is_empty()));
        assert_eq!(world.node(at(0)).settled(Outcome::Delivered), 20);
        assert_eq!(world.node(at(1)).received.len(), 20);
        let closed = world.node(at(1)).closed();
        let (connection, close) = closed[0];
        assert_eq!((connection, close.by, close.code), (far, ClosedBy::Remote, 42));
        assert_eq!((close.cause, &*close.reason), (CloseCause::Application, "done"));
        let left = [0, 1].map(|n| world.node(at(n)).engine.stats().connections);
        assert_eq!(left, [0, 0]);
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn both_ends_dialling_in_the_same_instant_have_one_connection() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        dial(&mut world, 0, 1);
        dial(&mut world, 1, 0);
        world.run_for(WHILE);
        assert_eq!([0, 1].map(|n| world.node(at(n)).live().len()), [1, 1]);
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn a_message_that_is_given_up_in_its_lane_or_on_its_way_settles_once() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|config| config.uplink = Some(2_000_000));
        let (near, _) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| {
            let messages = [0; 3].map(|_| node.send(near, 1, bulk(300_000), now));
            node.cancels.extend(&messages[..2]);
        });
        world.run_for(Duration::from_millis(300));
        world.with(at(0), |node, now| {
            for message in std::mem::take(&mut node.cancels) {
                node.engine.cancel_message(near, message, GiveUp::Cancelled, now);
            }
            node.drain_events(now);
        });
        world.run_until(WHILE, |world| world.node(at(0)).settled(Outcome::Delivered) == 1);
        world.run_for(WHILE);
        assert_eq!(world.node(at(0)).settled(Outcome::Cancelled), 2);
        assert_eq!(world.node(at(1)).received, [(1, 300_000)]);
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn datagrams_arrive_up_to_the_size_that_is_told() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        let (near, _) = connect(&mut world, 0, 1);
        let most = world.node(at(0)).engine.max_datagram_size(near);
        assert!(most > 1_000, "{most}");
        let took = world.with(at(0), |node, _| {
            [most, most + 1].map(|length| node.engine.send_datagram(near, bulk(length)))
        });
        assert_eq!(took, [true, false]);
        world.run_for(WHILE);
        let heard = world.node(at(1)).events.iter().filter_map(|(_, event)| match event {
            Event::Datagram { bytes, .. } => Some(bytes.len()),
            _ => None,
        });
        assert_eq!(heard.collect::<Vec<_>>(), [most]);
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn a_dial_without_a_common_protocol_ends_with_that_cause() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        world.with(at(0), |node, now| {
            let offered = Some(vec!["other/1".into()]);
            node.engine.connect(node.peers[&1], offered, WHILE, now).expect("a dial");
        });
        world.run_until(WHILE, |world| !world.node(at(0)).closed().is_empty());
        assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::NoProtocol);
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn a_silent_connection_whose_peer_is_gone_is_closed() {
    fn over<T: Made>() {
        let mut world = pair::<T>(|_| {});
        let (near, _) = connect(&mut world, 0, 1);
        world.remove(at(1));
        world.run_until(Duration::from_secs(60), |world| !world.node(at(0)).closed().is_empty());
        let closed = world.node(at(0)).closed();
        assert_eq!((closed[0].0, closed[0].1.cause), (near, CloseCause::PeerDead));
    }
    over::<Quic>();
    over::<Bare>();
}

#[test]
fn the_least_mtu_is_the_transports() {
    fn over<T: Made>() {
        let least = T::MIN_PAYLOAD + 48;
        let mut small = pair::<T>(|config| config.mtu = least - 1);
        let dialled = small.with(at(0), |node, now| node.engine.connect(node.peers[&1], None, WHILE, now));
        assert_eq!(dialled, Err(ConnectError::MtuTooSmall { mtu: least - 1, least }));
        connect(&mut pair::<T>(|config| config.mtu = least), 0, 1);
    }
    over::<Quic>();
    over::<Bare>();
}

/// Two nodes that know each other, 10 ms apart.
fn pair<T: Made>(adjust: impl Fn(&mut Config)) -> World<T> {
    let mut world = World::<T>::new(Seed::of_this_run());
    world.network.set_default(Link::with_latency(Duration::from_millis(10)));
    for n in [0, 1] {
        let mut config = config(n, world.network.seed());
        adjust(&mut config);
        let mut endpoint = Endpoint::with(at(n), T::engine(config, world.now()));
        endpoint.add_peer(1 - n, world.now());
        world.add(at(n), endpoint);
    }
    world
}

fn ended<T: Transport>(node: &Endpoint<T>) -> bool {
    node.events.iter().any(|(_, event)| matches!(event, Event::StreamEnd { .. }))
}

const WHILE: Duration = Duration::from_secs(10);
