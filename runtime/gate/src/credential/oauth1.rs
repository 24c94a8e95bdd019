//! OAuth 1.0a (RFC 5849): the request signed with the consumer's and the token's secret.

use wharf_model::{
    egress::Settings,
    manifest::{Context, HashAlgorithm, Moment, OAuth1, OAuth1Method, Position},
};
use zeroize::Zeroizing;

use super::{
    Credentials, PlaceError, keyed,
    outgoing::Outgoing,
    render::{Filled, Now, sorted},
    text,
};

/// A signer for one connection.
pub(crate) struct OAuth {
    recipe: OAuth1,
    realm: Option<String>,
}

impl OAuth {
    pub(super) fn new(recipe: &OAuth1, settings: Settings<'_>) -> Result<Self, PlaceError> {
        let name = |text: &String| Filled::new(text, Context::Name, settings).map(|filled| filled.fixed());
        Ok(Self { realm: recipe.realm.as_ref().map(name).transpose()?, recipe: recipe.clone() })
    }

    pub(super) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
    ) -> Result<(), PlaceError> {
        let text_of = |slot: &String| {
            std::str::from_utf8(secrets.need(slot)?)
                .map(str::to_owned)
                .map_err(|_| PlaceError::Unfit(slot.clone()))
        };
        let own = |name: &str, value: String| (format!("oauth_{name}"), value);
        let mut protocol = vec![
            own("consumer_key", text_of(&self.recipe.consumer_key)?),
            own("signature_method", self.recipe.signature_method.name().to_owned()),
            own("timestamp", text::time(now.at, Moment::Unix)),
            own("nonce", now.nonce.clone()),
            own("version", "1.0".to_owned()),
        ];
        if let Some(slot) = &self.recipe.token {
            protocol.push(own("token", text_of(slot)?));
        }
        let base = base_string(outgoing, &protocol)?;
        let token_secret = match &self.recipe.token_secret {
            Some(slot) => secrets.need(slot)?,
            None => b"",
        };
        let consumer_secret = secrets.need(&self.recipe.consumer_secret)?;
        let key = [text::percent(consumer_secret, b""), text::percent(token_secret, b"")].map(Zeroizing::new);
        let key = Zeroizing::new(format!("{}&{}", key[0].as_str(), key[1].as_str()));
        let algorithm = match self.recipe.signature_method {
            OAuth1Method::HmacSha1 => HashAlgorithm::Sha1,
            OAuth1Method::HmacSha256 => HashAlgorithm::Sha256,
        };
        let made = keyed(algorithm, key.as_bytes(), &[base.as_bytes()]);
        protocol.push(own("signature", text::encode(&made, wharf_model::manifest::TextEncoding::Base64)));
        let realm =
            self.realm.iter().map(|realm| format!("realm=\"{}\"", text::percent(realm.as_bytes(), b" :/")));
        let fields = protocol
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", text::percent(value.as_bytes(), b"")));
        let value = format!("OAuth {}", realm.chain(fields).collect::<Vec<_>>().join(", "));
        outgoing
            .put(Position::Header, "authorization", value.as_bytes())
            .map_err(|_| PlaceError::Unfit(self.recipe.consumer_key.clone()))
    }
}

/// RFC 5849, section 3.4.1. The connector may not bring protocol parameters of its own: a server that
/// read those would judge another request than the one that was signed.
pub(super) fn base_string(outgoing: &Outgoing, protocol: &[(String, String)]) -> Result<String, PlaceError> {
    let query = outgoing.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
    let form = outgoing.form().into_iter().map(|(name, value)| (name, value.as_str().to_owned()));
    let mut parameters: Vec<(String, String)> = query.chain(form).collect();
    if let Some((name, _)) = parameters.iter().find(|(name, _)| name.starts_with("oauth_")) {
        return Err(PlaceError::Request(format!("the parameter `{name}` is the gate's to place")));
    }
    parameters.extend_from_slice(protocol);
    let place = format!("{}://{}{}", outgoing.url.scheme(), outgoing.host(), outgoing.url.path());
    let parts = [outgoing.method.as_str(), &place, &sorted(&parameters)]
        .map(|part| text::percent(part.as_bytes(), b""));
    Ok(parts.join("&"))
}
