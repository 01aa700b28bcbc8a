//! Keys and prefixes: what parses, what is refused, how they are written.

use std::net::Ipv6Addr;

use warren_wireguard::{KeyError, Prefix, PresharedKey, PrivateKey, PublicKey};

use crate::node::key;

#[test]
fn keys_are_read_and_written_as_wg_does() {
    let private = PrivateKey::from_base64(ALICE.0).expect("a key");
    assert_eq!(private.public_key().to_string(), ALICE.1);
    assert_eq!(ALICE.1.parse::<PublicKey>(), Ok(private.public_key()));
    // `wg genkey` clamps what it prints (RFC 7748 section 5), and so do we.
    assert_eq!(private.to_base64().as_str(), "cAdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LGo=");
}

#[test]
fn text_that_is_no_canonical_key_is_refused() {
    let texts = [
        "",
        "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo",
        "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp=",
        " hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
        "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo=",
        "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmoAAAA=",
        "AAAA",
    ];
    for text in texts {
        assert_eq!(PublicKey::from_base64(text), Err(KeyError::Text), "{text:?}");
        assert_eq!(PrivateKey::from_base64(text).err(), Some(KeyError::Text), "{text:?}");
        assert_eq!(PresharedKey::from_base64(text).err(), Some(KeyError::Text), "{text:?}");
    }
    assert_eq!(PublicKey::try_from([0; 31].as_slice()), Err(KeyError::Length { length: 31 }));
}

#[test]
fn a_derived_address_is_stable_and_in_the_range_for_local_use() {
    let address: Ipv6Addr = ALICE.1.parse::<PublicKey>().expect("a key").derived_address();
    assert_eq!(address.to_string(), "fde1:992f:c751:7440:a092:d3bc:b848:b44b");
    assert_ne!(key(1).public_key().derived_address(), key(2).public_key().derived_address());
}

#[test]
fn exactly_the_low_order_points_are_called_so() {
    let secret = x25519_dalek::StaticSecret::from([77; 32]);
    let contributory =
        |bytes: [u8; 32]| secret.diffie_hellman(&x25519_dalek::PublicKey::from(bytes)).was_contributory();
    let mut low_order = 0;
    let mut near_zero_and_prime: Vec<[u8; 32]> = Vec::new();
    for low in 0..=255u8 {
        for (fill, high) in [(0, 0), (0xff, 0x7f), (0xff, 0xff), (0, 0x80)] {
            let mut bytes = [fill; 32];
            (bytes[0], bytes[31]) = (low, high);
            near_zero_and_prime.push(bytes);
        }
    }
    let of_order_eight = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    for text in of_order_eight {
        let mut bytes = [0; 32];
        bytes.iter_mut().enumerate().for_each(|(at, byte)| {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("hexadecimal");
        });
        near_zero_and_prime.push(bytes);
        bytes[31] |= 0x80;
        near_zero_and_prime.push(bytes);
    }
    for bytes in near_zero_and_prime {
        let known = PublicKey::from_bytes(bytes).is_low_order();
        assert_eq!(known, !contributory(bytes), "{bytes:?}");
        low_order += usize::from(known);
    }
    assert_eq!(low_order, 14, "seven, and each with the sign bit that is ignored");
}

#[test]
fn prefixes_lose_their_host_bits_as_in_wg() {
    let written = |text: &str| text.parse::<Prefix>().map(|prefix| prefix.to_string()).ok();
    assert_eq!(written("10.1.2.3/8").as_deref(), Some("10.0.0.0/8"));
    assert_eq!(written("10.1.2.3").as_deref(), Some("10.1.2.3/32"));
    assert_eq!(written("0.0.0.0/0").as_deref(), Some("0.0.0.0/0"));
    assert_eq!(written("255.255.255.255/1").as_deref(), Some("128.0.0.0/1"));
    assert_eq!(written("fd00:1:2:3::4/48").as_deref(), Some("fd00:1:2::/48"));
    assert_eq!(written("::1").as_deref(), Some("::1/128"));
    assert_eq!(written("ffff::/0").as_deref(), Some("::/0"));
    for text in
        ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1", "/8", "a/8"]
    {
        assert_eq!(written(text), None, "{text:?}");
    }
}

/// Private and public key of the first test vector of RFC 7748 section 6.1.
const ALICE: (&str, &str) =
    ("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=", "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
