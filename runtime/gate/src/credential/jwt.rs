//! JSON Web Tokens that the gate signs (RFC 7519, RFC 7515), kept until shortly before they expire.

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use ring::{hmac, rand::SystemRandom, signature};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde_json::{Map, Value};
use wharf_model::{
    egress::Settings,
    manifest::{Context, Jwt, JwtAlgorithm, Position},
    time::Timestamp,
};
use zeroize::Zeroizing;

use super::{
    Credentials, PlaceError,
    outgoing::Outgoing,
    plan::Minted,
    render::{Filled, Now, Values},
    text,
};

/// A token is made anew this long before it expires, or at nine tenths of its life.
const SKEW_S: u64 = 30;

/// A signer for one connection, with its current token.
pub(crate) struct Token {
    recipe: Jwt,
    key_id: Option<Filled>,
    claims: IndexMap<String, Claim>,
    current: Mutex<Option<Current>>,
}

struct Current {
    text: Zeroizing<String>,
    until: Timestamp,
}

/// A claim whose strings are templates.
enum Claim {
    Text(Filled),
    List(Vec<Claim>),
    Object(IndexMap<String, Claim>),
    Plain(Value),
}

impl Token {
    pub(super) fn new(recipe: &Jwt, settings: Settings<'_>) -> Result<Self, PlaceError> {
        let key_id =
            recipe.key_id.as_ref().map(|text| Filled::new(text, Context::Claim, settings)).transpose()?;
        let claim = |(name, value): (&String, &Value)| Ok((name.clone(), Claim::new(value, settings)?));
        let claims = recipe.claims.iter().map(claim).collect::<Result<_, PlaceError>>()?;
        Ok(Self { recipe: recipe.clone(), key_id, claims, current: Mutex::default() })
    }

    pub(super) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
    ) -> Result<Option<Minted>, PlaceError> {
        let (token, minted) = self.token(secrets, now, outgoing)?;
        let value = Zeroizing::new(format!("{}{}", self.recipe.prefix, token.as_str()));
        outgoing
            .put(Position::Header, &self.recipe.header, value.as_bytes())
            .map_err(|_| PlaceError::Unfit(self.recipe.key.clone()))?;
        Ok(minted)
    }

    fn token(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &Outgoing,
    ) -> Result<(Zeroizing<String>, Option<Minted>), PlaceError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = current.as_ref().filter(|current| now.at < current.until) {
            return Ok((current.text.clone(), None));
        }
        let made = self.make(secrets, now, outgoing)?;
        let life = u64::from(self.recipe.lifetime_s).saturating_sub(u64::from(self.recipe.backdate_s));
        let kept = life.saturating_sub(SKEW_S).min(life / 10 * 9) * 1000;
        let until = Timestamp(now.at.0.saturating_add(kept));
        *current = Some(Current { text: made.clone(), until });
        // Without its signature a token is worth nothing.
        let signature = made.rsplit('.').next().unwrap_or_default().to_owned();
        Ok((made, Some(Minted(Zeroizing::new(signature)))))
    }

    fn make(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &Outgoing,
    ) -> Result<Zeroizing<String>, PlaceError> {
        let values = Values { secrets, now, outgoing, signature: "" };
        let mut head = Map::new();
        head.insert("alg".to_owned(), self.recipe.algorithm.name().into());
        head.insert("typ".to_owned(), "JWT".into());
        if let Some(key_id) = &self.key_id {
            head.insert("kid".to_owned(), self.string(key_id, &values)?.into());
        }
        let mut claims = self.object(&self.claims, &values)?;
        let issued = (now.at.0 / 1000).saturating_sub(u64::from(self.recipe.backdate_s));
        claims.insert("iat".to_owned(), issued.into());
        claims.insert("exp".to_owned(), (issued + u64::from(self.recipe.lifetime_s)).into());
        let part = |part: Map<String, Value>| text::base64url(Value::Object(part).to_string().as_bytes());
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = self.sign(secrets.need(&self.recipe.key)?, signed.as_bytes())?;
        Ok(Zeroizing::new(format!("{signed}.{}", text::base64url(&signature))))
    }

    fn object(
        &self,
        claims: &IndexMap<String, Claim>,
        values: &Values<'_>,
    ) -> Result<Map<String, Value>, PlaceError> {
        let made = claims.iter().map(|(name, claim)| Ok((name.clone(), self.claim(claim, values)?)));
        made.collect()
    }

    fn claim(&self, claim: &Claim, values: &Values<'_>) -> Result<Value, PlaceError> {
        Ok(match claim {
            Claim::Text(filled) => {
                let text = self.string(filled, values)?;
                let number = filled.is_time().then(|| text.parse::<u64>().ok()).flatten();
                number.map_or_else(|| Value::from(text), Value::from)
            }
            Claim::List(items) => {
                let items = items.iter().map(|item| self.claim(item, values));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Claim::Object(members) => Value::Object(self.object(members, values)?),
            Claim::Plain(value) => value.clone(),
        })
    }

    fn string(&self, filled: &Filled, values: &Values<'_>) -> Result<String, PlaceError> {
        let bytes = filled.render(values)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| PlaceError::Unfit(filled.slot()))?;
        Ok(text.to_owned())
    }

    pub(super) fn sign(&self, secret: &[u8], signed: &[u8]) -> Result<Vec<u8>, PlaceError> {
        let bad = |problem: &'static str| PlaceError::Key { slot: self.recipe.key.clone(), problem };
        let shared = |algorithm: hmac::Algorithm| {
            let key = text::key(secret, self.recipe.key_encoding)
                .ok_or_else(|| bad("it is not written in the encoding that the manifest says"))?;
            Ok(hmac::sign(&hmac::Key::new(algorithm, &key), signed).as_ref().to_vec())
        };
        match self.recipe.algorithm {
            JwtAlgorithm::HS256 => shared(hmac::HMAC_SHA256),
            JwtAlgorithm::HS384 => shared(hmac::HMAC_SHA384),
            JwtAlgorithm::HS512 => shared(hmac::HMAC_SHA512),
            JwtAlgorithm::RS256 => rsa(secret, &signature::RSA_PKCS1_SHA256, signed).map_err(bad),
            JwtAlgorithm::PS256 => rsa(secret, &signature::RSA_PSS_SHA256, signed).map_err(bad),
            JwtAlgorithm::ES256 => ecdsa(secret, signed).map_err(bad),
        }
    }
}

impl Claim {
    fn new(value: &Value, settings: Settings<'_>) -> Result<Self, PlaceError> {
        Ok(match value {
            Value::String(text) => Self::Text(Filled::new(text, Context::Claim, settings)?),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::new(item, settings)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let member =
                    |(name, value): (&String, &Value)| Ok((name.clone(), Self::new(value, settings)?));
                Self::Object(members.iter().map(member).collect::<Result<_, PlaceError>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(value.clone()),
        })
    }
}

/// A private key in PEM. Keys are often carried through JSON, which leaves `\n` as two characters.
fn private_key(secret: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    let text = std::str::from_utf8(secret).map_err(|_| "it is not a private key in PEM")?;
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| "it is not a private key in PEM")
}

fn rsa(
    secret: &[u8],
    padding: &'static dyn signature::RsaEncoding,
    signed: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let pair = match private_key(secret)? {
        PrivateKeyDer::Pkcs8(key) => signature::RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => signature::RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("it is not an RSA key"),
    };
    let pair = pair.map_err(|_| "it is not an RSA key of at least 2048 bits")?;
    let mut made = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), signed, &mut made).map_err(|_| "signing with it failed")?;
    Ok(made)
}

fn ecdsa(secret: &[u8], signed: &[u8]) -> Result<Vec<u8>, &'static str> {
    let PrivateKeyDer::Pkcs8(key) = private_key(secret)? else {
        return Err("it is not in PKCS #8; convert it with `openssl pkcs8 -topk8 -nocrypt`");
    };
    let random = SystemRandom::new();
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der(), &random)
        .map_err(|_| "it is not a key on the curve P-256")?;
    Ok(pair.sign(&random, signed).map_err(|_| "signing with it failed")?.as_ref().to_vec())
}
