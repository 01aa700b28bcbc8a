//! Peers as they are added and changed.

use std::net::SocketAddr;

use napi::Either;
use napi::bindgen_prelude::{Null, Uint8Array};
use napi_derive::napi;
use warren_engine::{PeerChanges, PeerConfig, Prefix, PresharedKey, PublicKey};

use crate::errors::{Code, Result, invalid};
use crate::paths::canonical;

/// `lib/driver.ts` says what each is.
#[napi(object, object_to_js = false)]
pub struct PeerOptions {
    pub public_key: String,
    pub endpoints: Vec<String>,
    pub preshared_key: Option<Uint8Array>,
    #[napi(js_name = "allowedIPs")]
    pub allowed_ips: Vec<String>,
    pub persistent_keepalive: Option<u16>,
}

/// Changes to a peer: an absent option stays as it is, `null` takes it away.
#[napi(object, object_to_js = false)]
pub struct PeerUpdate {
    pub endpoints: Option<Vec<String>>,
    pub preshared_key: Option<Either<Uint8Array, Null>>,
    #[napi(js_name = "allowedIPs")]
    pub allowed_ips: Option<Vec<String>>,
    pub persistent_keepalive: Option<Either<u16, Null>>,
    pub replace: Option<bool>,
}

impl TryFrom<PeerOptions> for PeerConfig {
    type Error = napi::Error<Code>;

    fn try_from(peer: PeerOptions) -> Result<Self> {
        Ok(Self {
            public_key: public_key(&peer.public_key)?,
            preshared_key: peer.preshared_key.map(|key| preshared_key(&key)).transpose()?,
            endpoints: endpoints(&peer.endpoints)?,
            allowed_ips: prefixes(&peer.allowed_ips)?,
            persistent_keepalive: peer.persistent_keepalive,
        })
    }
}

impl TryFrom<PeerUpdate> for PeerChanges {
    type Error = napi::Error<Code>;

    fn try_from(update: PeerUpdate) -> Result<Self> {
        let preshared_key = match update.preshared_key {
            None => None,
            Some(Either::A(key)) => Some(Some(preshared_key(&key)?)),
            Some(Either::B(Null)) => Some(None),
        };
        let persistent_keepalive = match update.persistent_keepalive {
            None => None,
            Some(Either::A(seconds)) => Some(Some(seconds)),
            Some(Either::B(Null)) => Some(None),
        };
        Ok(Self {
            endpoints: update.endpoints.map(|texts| endpoints(&texts)).transpose()?,
            preshared_key,
            allowed_ips: update.allowed_ips.map(|texts| prefixes(&texts)).transpose()?,
            replace: update.replace.unwrap_or(false),
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
