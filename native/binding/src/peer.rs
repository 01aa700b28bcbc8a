//! Peers as they are added and changed.

use std::net::SocketAddr;

use napi::Either;
use napi::bindgen_prelude::{Null, Uint8Array};
use napi_derive::napi;
use warren_engine::{PeerChanges, PeerConfig, Prefix, PresharedKey, PublicKey};

use crate::errors::{Code, Result, invalid};
use crate::paths::canonical;

/// A peer as it is added.
#[napi(object, object_to_js = false)]
pub struct DriverPeer {
    /// In base64.
    pub public_key: String,
    /// Addresses, resolved, best first: `ip:port`, `[v6]:port` or `[v6%number]:port`.
    pub endpoints: Vec<String>,
    /// 32 bytes.
    pub preshared_key: Option<Uint8Array>,
    /// Prefixes of the addresses that are the peer's.
    #[napi(js_name = "allowedIPs")]
    pub allowed_ips: Vec<String>,
    /// Seconds.
    pub persistent_keepalive: Option<u16>,
}

/// Changes to a peer: an absent option stays as it is, `null` takes it away.
#[napi(object, object_to_js = false)]
pub struct DriverPeerChanges {
    /// Addresses, resolved, best first.
    pub endpoints: Option<Vec<String>>,
    /// 32 bytes.
    pub preshared_key: Option<Either<Uint8Array, Null>>,
    /// Prefixes of the addresses that are the peer's.
    #[napi(js_name = "allowedIPs")]
    pub allowed_ips: Option<Vec<String>>,
    /// Seconds.
    pub persistent_keepalive: Option<Either<u16, Null>>,
    /// Take prefixes from the peers that have them.
    pub replace: Option<bool>,
}

impl TryFrom<DriverPeer> for PeerConfig {
    type Error = napi::Error<Code>;

    fn try_from(peer: DriverPeer) -> Result<Self> {
        Ok(Self {
            public_key: public_key(&peer.public_key)?,
            preshared_key: peer.preshared_key.map(|key| preshared_key(&key)).transpose()?,
            endpoints: endpoints(&peer.endpoints)?,
            allowed_ips: prefixes(&peer.allowed_ips)?,
            persistent_keepalive: peer.persistent_keepalive,
        })
    }
}

impl TryFrom<DriverPeerChanges> for PeerChanges {
    type Error = napi::Error<Code>;

    fn try_from(changes: DriverPeerChanges) -> Result<Self> {
        let preshared_key = match changes.preshared_key {
            None => None,
            Some(Either::A(key)) => Some(Some(preshared_key(&key)?)),
            Some(Either::B(Null)) => Some(None),
        };
        let persistent_keepalive = match changes.persistent_keepalive {
            None => None,
            Some(Either::A(seconds)) => Some(Some(seconds)),
            Some(Either::B(Null)) => Some(None),
        };
        Ok(Self {
            endpoints: changes.endpoints.map(|texts| endpoints(&texts)).transpose()?,
            preshared_key,
            allowed_ips: changes.allowed_ips.map(|texts| prefixes(&texts)).transpose()?,
            replace: changes.replace.unwrap_or(false),
            persistent_keepalive,
        })
    }
}

pub(crate) fn public_key(text: &str) -> Result<PublicKey> {
    PublicKey::from_base64(text).map_err(|error| invalid("publicKey", error))
}

fn preshared_key(bytes: &[u8]) -> Result<PresharedKey> {
    PresharedKey::try_from(bytes).map_err(|error| invalid("presharedKey", error))
}

fn endpoints(texts: &[String]) -> Result<Vec<SocketAddr>> {
    let endpoint = |text: &String| text.parse().map(canonical).map_err(|error| invalid("endpoint", error));
    texts.iter().map(endpoint).collect()
}

fn prefixes(texts: &[String]) -> Result<Vec<Prefix>> {
    texts.iter().map(|text| text.parse().map_err(|error| invalid("allowedIPs", error))).collect()
}
