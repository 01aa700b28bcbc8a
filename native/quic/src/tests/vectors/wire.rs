use quinn_proto::Side;

use super::Json;
use crate::announcement::Announcement;
use crate::control_stream::{ControlFrame, ControlReader, ControlWriter, READ_ALL};
use crate::grease::Grease;
use crate::header::{Header, HeaderReader};
use crate::hello::{Greeting, HelloReader};
use crate::tag::Transcript;
use crate::{Hello, Lists, StreamName, accepts};

type Vector = Vec<(&'static str, Json)>;

pub(super) fn vectors() -> Vec<Vector> {
    let [dialler, acceptor] = [dialler(), acceptor()];
    let mut vectors = vec![
        hello("hello of a dialler that asks for anything", &dialler, Grease::default()),
        hello("hello of an acceptor, which chose", &acceptor, Grease::default()),
        hello(
            "hello of a dialler that asks for one protocol of those it offers",
            &asking(),
            Grease::default(),
        ),
        hello("hello of a build without generations", &before(), Grease::default()),
        hello("hello with a reserved field that means nothing, at its end", &dialler, Grease::new([80; 32])),
        hello("hello with a reserved field that means nothing, ahead", &dialler, Grease::new([200; 32])),
    ];
    vectors.extend(confirmations(&dialler, &acceptor));
    vectors.extend(control());
    vectors.extend(headers());
    vectors.extend(refusals());
    vectors
}

fn hello(what: &'static str, greeting: &Greeting, grease: Grease) -> Vector {
    let bytes = greeting.encode(&grease).unwrap();
    assert_eq!(HelloReader::default().push(&bytes), Ok(Some(greeting.clone())), "{what}");
    let Hello { incarnation, lists, asked, observed } = &greeting.hello;
    let text = |text: Option<String>| text.map_or(Json::Null, Json::Text);
    vec![
        ("what", Json::Text(what.into())),
        ("incarnation", Json::hex(&incarnation.to_be_bytes())),
        ("generation", lists.generation.map_or(Json::Null, Json::Number)),
        ("asked", asked.as_ref().map_or(Json::Null, |asked| Json::names(asked))),
        ("offer", Json::names(&lists.offer)),
        ("accept", Json::names(&lists.accept)),
        ("transports", Json::names(&lists.transports)),
        ("observed", text(observed.map(|observed| observed.to_string()))),
        ("chosen", text(greeting.chosen.as_ref().map(|chosen| chosen.to_string()))),
        ("parameters", Json::hex(&greeting.parameters)),
        ("bytes", Json::hex(&bytes)),
    ]
}

/// The digests by which both ends confirm the first two hellos.
fn confirmations(dialler: &Greeting, acceptor: &Greeting) -> Vec<Vector> {
    let [dialler, acceptor] = [dialler, acceptor].map(|hello| hello.encode(&Grease::default()).unwrap());
    let transcript = Transcript::new(&dialler, &acceptor);
    let of = |what: &str, side| {
        let bytes = Json::hex(&transcript.confirmation(side));
        vec![
            ("what", Json::Text(format!("confirmation of the first two hellos, by the {what}"))),
            ("bytes", bytes),
        ]
    };
    vec![of("dialler", Side::Client), of("acceptor", Side::Server)]
}

fn control() -> Vec<Vector> {
    let lists = dialler().hello.lists;
    let frames = [
        (
            "control frame: the message of stream 5 and that of stream 70,000 are held whole",
            vec![ControlFrame::Delivered { message: 5 }, ControlFrame::Delivered { message: 70_000 }],
        ),
        ("control frame: the message of stream 1 is too long", vec![ControlFrame::Refused { message: 1 }]),
        (
            "control frame: the message of stream 2 was cancelled in time",
            vec![ControlFrame::Cancelled { message: 2 }],
        ),
        (
            "control frame: 1,000 bytes of the stream with ID 9 were read",
            vec![ControlFrame::Read { stream: 9, bytes: 1_000 }],
        ),
        (
            "control frame: nothing more of the stream with ID 9 is held",
            vec![ControlFrame::Read { stream: 9, bytes: READ_ALL }],
        ),
        (
            "control frame: the sender replaced the message of stream 8",
            vec![ControlFrame::GivenUp { message: 8, code: 2 }],
        ),
        (
            "control frame: other lists from now on",
            vec![ControlFrame::Announce(Announcement::new(&lists).unwrap())],
        ),
        ("control frame: nothing more is sent", vec![ControlFrame::Finished]),
    ];
    let mut vectors = Vec::new();
    for (what, frames) in frames {
        let mut writer = ControlWriter::default();
        frames.iter().for_each(|frame| writer.push(frame.clone()));
        let bytes = writer.bytes().to_vec();
        let mut found = Vec::new();
        ControlReader::default().push(&bytes, |frame| found.push(frame)).unwrap();
        assert_eq!(found, frames, "{what}");
        vectors.push(vec![("what", Json::Text(what.into())), ("bytes", Json::hex(&bytes))]);
    }
    let mut writer = ControlWriter::default();
    writer.push_unknown(&Grease::new([80; 32]));
    ControlReader::default().push(writer.bytes(), |_| panic!("it means nothing")).unwrap();
    let what = Json::Text("control frame of a reserved type that means nothing".into());
    vectors.push(vec![("what", what), ("bytes", Json::hex(writer.bytes()))]);
    vectors
}

fn headers() -> Vec<Vector> {
    let name = |name: &str| StreamName::new(name).unwrap();
    let headers = [
        ("first bytes of the control stream", Header::Control),
        (
            "first bytes of a message of 70,000 bytes at priority 200",
            Header::Message { priority: 200, length: 70_000 },
        ),
        ("first bytes of an empty message at priority 0", Header::Message { priority: 0, length: 0 }),
        ("first bytes of a byte stream at priority 3", Header::Bytes { priority: 3, name: name("") }),
        (
            "first bytes of a byte stream with the name blob/1, at priority 3",
            Header::Bytes { priority: 3, name: name("blob/1") },
        ),
    ];
    let vector = |(what, header): (&str, Header)| {
        let bytes = header.encode();
        let mut reader = HeaderReader::default();
        let mut at = 0;
        while reader.wants() > 0 {
            let end = at + reader.wants();
            reader.push(&bytes[at..end]);
            at = end;
        }
        assert_eq!((reader.header(), at), (Some(Ok(header)), bytes.len()), "{what}");
        vec![("what", Json::Text(what.into())), ("bytes", Json::hex(&bytes))]
    };
    headers.into_iter().map(vector).collect()
}

fn refusals() -> Vec<Vector> {
    let accepted = names("ledger/2 ledger/1");
    let kinds = [
        ("reason of a refusal for the lists", accepts::encode(&accepted)),
        ("the same for a dialler of a build without generations", accepts::sentence(&accepted)),
    ];
    let vector = |(what, reason): (&str, String)| {
        assert_eq!(accepts::decode(reason.as_bytes()), accepted, "{what}");
        vec![
            ("what", Json::Text(what.into())),
            ("accepts", Json::names(&accepted)),
            ("bytes", Json::hex(reason.as_bytes())),
        ]
    };
    kinds.into_iter().map(vector).collect()
}

fn dialler() -> Greeting {
    Greeting {
        hello: Hello {
            incarnation: 0x0123_4567_89ab_cdef,
            lists: Lists {
                generation: Some(3),
                offer: names("ledger/2 ledger/1"),
                accept: names("ledger/2 ledger/1 chat/1"),
                transports: names("quic/1"),
            },
            asked: None,
            observed: Some("192.0.2.1:51820".parse().unwrap()),
        },
        chosen: None,
        early: None,
        verdict: None,
        parameters: vec![1, 2, 3],
    }
}

fn acceptor() -> Greeting {
    let Greeting { hello, parameters, .. } = dialler();
    let lists = Lists { generation: Some(0), offer: names("ledger/1"), ..hello.lists };
    let observed = Some("[2001:db8::1]:51820".parse().unwrap());
    let chosen = Some("ledger/2".into());
    Greeting { hello: Hello { lists, observed, ..hello }, chosen, early: None, verdict: None, parameters }
}

fn asking() -> Greeting {
    let Greeting { hello, .. } = dialler();
    let hello = Hello { asked: Some(names("ledger/1")), observed: None, ..hello };
    Greeting { hello, ..dialler() }
}

fn before() -> Greeting {
    let Greeting { hello, .. } = dialler();
    Greeting { hello: Hello { lists: Lists { generation: None, ..hello.lists }, ..hello }, ..dialler() }
}

fn names(list: &str) -> Vec<Box<str>> {
    list.split(' ').map(Box::from).collect()
}
