//! Every attack, and its idea.

use super::{Turn, connections, frames, lists, streams, tunnel};

/// One attack.
pub struct Attack {
    /// As it is asked for.
    pub name: &'static str,
    /// Its idea, in one line.
    pub tries: &'static str,
    /// The victim's behaviour meanwhile.
    pub victim: Victim,
    /// Whether a datagram costs more to make than to send.
    pub(super) is_dear: bool,
    /// Whether it needs a connection to the victim.
    pub(super) connects: bool,
    pub(super) begin: fn() -> Turn,
}

/// A victim's behaviour towards the hostile peer's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// Reads everything.
    Reads,
    /// Reads nothing.
    Ignores,
    /// Writes a stream in small pieces to it.
    Writes,
}

impl Victim {
    /// As the programs in JavaScript are told.
    pub fn name(self) -> &'static str {
        match self {
            Victim::Reads => "reads",
            Victim::Ignores => "ignores",
            Victim::Writes => "writes",
        }
    }
}

/// By frames and streams of a connection that is there.
const fn peer(name: &'static str, victim: Victim, begin: fn() -> Turn, tries: &'static str) -> Attack {
    Attack { name, tries, victim, is_dear: false, connects: true, begin }
}

/// By what needs none.
const fn loose(name: &'static str, begin: fn() -> Turn, tries: &'static str) -> Attack {
    Attack { name, tries, victim: Victim::Ignores, is_dear: false, connects: false, begin }
}

/// By what needs none, and costs the attacker more than its datagrams.
const fn dear(name: &'static str, begin: fn() -> Turn, tries: &'static str) -> Attack {
    Attack { is_dear: true, ..loose(name, begin, tries) }
}

use Victim::{Ignores, Reads, Writes};

/// All attacks.
#[rustfmt::skip]
pub const ATTACKS: &[Attack] = &[
    peer("nothing", Reads, frames::nothing, "nothing: how much two measurements differ"),
    peer("ping", Reads, frames::ping, "the smallest packets, each asking for an answer"),
    peer("padded", Reads, frames::padded, "the largest packets with nothing in them"),
    peer("immediate-ack", Reads, frames::immediate_ack, "an answer to each packet at once"),
    peer("challenges", Reads, frames::challenges, "147 questions for the path in a packet"),
    peer("credit", Reads, frames::credit, "limits that go up and down, 50 times a packet"),
    peer("blocked", Reads, frames::blocked, "hundreds of complaints that more could be sent"),
    peer("medley", Reads, frames::medley, "every small frame there is, all in one packet"),
    peer("crypto", Reads, frames::crypto_pieces, "one-byte pieces of a hello when none is due"),
    peer("ids-retired", Reads, frames::ids_retired, "connection IDs retired, and nothing acknowledged"),
    peer("ids-given", Reads, frames::ids_given, "connection IDs that each retire the one before"),
    peer("ack-ranges", Reads, frames::ack_ranges, "acknowledgements of hundreds of ranges"),
    peer("ack-delay", Ignores, frames::ack_delay, "acknowledgements put off for centuries"),
    peer("datagrams", Ignores, frames::datagrams, "665 empty datagrams in a packet that nobody takes"),
    peer("full-datagrams", Ignores, frames::full_datagrams, "full datagrams that nobody takes"),
    peer("reasons", Reads, frames::reasons, "a reason of closing that is long and paints terminals, then the next connection"),
    peer("defrag", Reads, streams::defrag, "one-byte pieces of a stream, every other one missing"),
    peer("drip", Reads, streams::drip, "messages in order, one byte in each frame"),
    peer("overlaps", Reads, streams::overlaps, "the same bytes of a stream again and again"),
    peer("shingles", Reads, streams::shingles, "pieces of a stream that overlap by a byte"),
    peer("gaps", Ignores, streams::gaps, "a byte here and there of 500 streams, each in a packet of padding"),
    peer("pinned", Ignores, streams::pinned, "stream data without its beginning, each in one packet of 22"),
    peer("scales", Ignores, streams::scales, "long packets of a stream that overlap but for 256 bytes"),
    peer("fill", Ignores, streams::fill, "streams as full as they may be, which nobody reads"),
    peer("stops", Reads, streams::stops, "streams of an unknown kind that never end"),
    peer("stops-ended", Reads, streams::stops_ended, "streams that end when they are stopped, and nothing acknowledged"),
    peer("resets", Reads, streams::resets, "streams that are reset before their header"),
    peer("opens", Reads, streams::opens, "byte streams that end at once, 80 a packet"),
    peer("opens-both", Reads, streams::opens_both, "byte streams of two ways that end at once"),
    peer("names", Reads, streams::names, "byte streams with the longest names"),
    peer("empties", Ignores, streams::empties, "empty messages that nobody reads, 130 a packet"),
    peer("empties-read", Reads, streams::empties, "empty messages that are read, 130 a packet"),
    peer("priorities", Reads, streams::priorities, "messages of one byte, each of another priority"),
    peer("announced", Ignores, streams::announced, "messages of 16 MiB of which a byte comes"),
    peer("given-up", Reads, streams::given_up, "messages of 16 MiB that are given up at once"),
    peer("far-streams", Reads, streams::far_streams, "the last stream that may be, which opens all before it"),
    peer("confirmations", Reads, streams::confirmations, "control frames without end"),
    peer("lists-flip", Reads, lists::flips, "other lists of protocols, dozens of times a packet"),
    peer("lists-unread", Ignores, lists::flips, "the same, and nobody reads"),
    peer("lists-long", Reads, lists::longest, "the longest lists of protocols, each newer than the last"),
    peer("lists-older", Reads, lists::older, "the newest lists that there can be, then older and older ones"),
    peer("withheld", Writes, streams::withheld, "all acknowledged but one byte of a stream of small writes"),
    loose("redials", connections::redials, "whole connections, each of which leaves a message unread"),
    loose("dials", connections::dials, "a hello of a new connection in each packet"),
    loose("dials-closed", connections::dials_closed, "a hello and its close, again and again"),
    loose("hellos-altered", connections::altered, "handshakes that confirm another hello than was said"),
    loose("long-hellos", connections::long_hellos, "hellos as long as a packet"),
    loose("half-hellos", connections::half_hellos, "the first piece of a hello, again and again"),
    loose("initial-pieces", connections::initial_pieces, "first packets of hundreds of pieces with gaps"),
    loose("holders", connections::holders, "64 peers with dials that never complete"),
    loose("unknown-ids", connections::unknown_ids, "packets of connections that never were"),
    loose("versions", connections::versions, "packets of versions that nobody speaks"),
    peer("hellos-again", Reads, connections::hellos_again, "hellos of a connection that is made"),
    loose("goodbyes", connections::goodbyes, "words of processes that end"),
    loose("rubbish", connections::rubbish, "what is no QUIC at the port of QUIC"),
    loose("packets", tunnel::packets, "full packets for an application that takes none"),
    loose("tiny-packets", tunnel::tiny_packets, "packets of a header alone"),
    loose("astray", tunnel::astray, "packets from another's address or to nobody's"),
    loose("forged", tunnel::forged, "datagrams with a session's number and rubbish, from 255 ports"),
    loose("replays", tunnel::replays, "a datagram that was taken, again, from 255 ports"),
    peer("roams", Reads, tunnel::roams, "a peer that moves with each packet"),
    dear("renewals", tunnel::renewals, "handshakes of the peer without end"),
    loose("ports", tunnel::ports, "initiations of a stranger who knows the key, from 255 ports"),
    loose("wrong-macs", tunnel::wrong_macs, "initiations of a stranger who does not"),
];
