//! A request signed by a manifest's recipe.

use hmac::{Hmac, Mac};
use wharf_model::{
    egress::Settings,
    manifest::{Context, HashAlgorithm, SignatureRecipe},
};

use super::{
    Credentials, PlaceError,
    outgoing::Outgoing,
    plan::Field,
    render::{Filled, Now, Values},
    text,
};

/// A recipe, ready.
pub(crate) struct Signature {
    recipe: SignatureRecipe,
    sign: Vec<Filled>,
    fields: Vec<Field>,
}

impl Signature {
    pub(super) fn new(recipe: &SignatureRecipe, settings: Settings<'_>) -> Result<Self, PlaceError> {
        let part = |text: &String| Filled::new(text, Context::Signed, settings);
        Ok(Self {
            sign: recipe.sign.iter().map(part).collect::<Result<_, _>>()?,
            fields: Field::all(&recipe.fields, Context::SignatureField, settings)?,
            recipe: recipe.clone(),
        })
    }

    /// Places what the signature covers, signs, and places the signature.
    pub(super) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
    ) -> Result<(), PlaceError> {
        let (signed, plain): (Vec<&Field>, Vec<&Field>) =
            self.fields.iter().partition(|field| field.value.has_signature());
        for field in plain {
            field.place(secrets, now, outgoing, "")?;
        }
        let signature = self.sign(&Values { secrets, now, outgoing, signature: "" })?;
        for field in signed {
            field.place(secrets, now, outgoing, &signature)?;
        }
        Ok(())
    }

    fn sign(&self, values: &Values<'_>) -> Result<String, PlaceError> {
        let slot = &self.recipe.key;
        let key = text::key(values.secrets.need(slot)?, self.recipe.key_encoding).ok_or_else(|| {
            PlaceError::Key {
                slot: slot.clone(),
                problem: "it is not written in the encoding that the manifest says",
            }
        })?;
        let made = match self.recipe.algorithm {
            HashAlgorithm::Sha1 => self.mac::<Hmac<sha1::Sha1>>(&key, values)?,
            HashAlgorithm::Sha256 => self.mac::<Hmac<sha2::Sha256>>(&key, values)?,
            HashAlgorithm::Sha512 => self.mac::<Hmac<sha2::Sha512>>(&key, values)?,
        };
        Ok(text::encode(&made, self.recipe.encoding))
    }

    fn mac<M: Mac + hmac::digest::KeyInit>(
        &self,
        key: &[u8],
        values: &Values<'_>,
    ) -> Result<Vec<u8>, PlaceError> {
        let unusable = |_| PlaceError::Key { slot: self.recipe.key.clone(), problem: "its length" };
        let mut mac = <M as Mac>::new_from_slice(key).map_err(unusable)?;
        for (index, part) in self.sign.iter().enumerate() {
            if index > 0 {
                mac.update(self.recipe.join.as_bytes());
            }
            part.feed(values, &mut |bytes| mac.update(bytes))?;
        }
        Ok(mac.finalize().into_bytes().to_vec())
    }
}
