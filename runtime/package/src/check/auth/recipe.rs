//! Recipes: that their templates can be read, that what they name is declared, and that a signature is
//! sent where one is made.

use wharf_model::manifest::{
    AuthMethod, Context, Jwt, Manifest, PlacedField, Placement, Position, SignatureRecipe, Template, Variable,
};

use super::{Findings, Pointer, header, known_slot, named, printable};
use crate::check::listed;

/// Fields of one placement, and parts of what is signed.
const MAX_PARTS: usize = 32;

/// A day: a token that lives longer is a password.
const MAX_LIFETIME_S: u32 = 86_400;

pub(super) fn check(
    findings: &mut Findings,
    manifest: &Manifest,
    method: &AuthMethod,
    placement: &Placement,
    at: &Pointer,
) {
    let ground = Ground { manifest, method };
    match placement {
        Placement::Fields { fields } => ground.fields(findings, fields, Context::Field, &at.at("fields")),
        Placement::Signature(recipe) => ground.signature(findings, recipe, at),
        Placement::Jwt(jwt) => ground.jwt(findings, jwt, at),
        Placement::AwsSigV4(aws) => {
            known_slot(findings, method, &at.at("access-key-id"), &aws.access_key_id);
            known_slot(findings, method, &at.at("secret-access-key"), &aws.secret_access_key);
            if let Some(slot) = &aws.session_token {
                known_slot(findings, method, &at.at("session-token"), slot);
            }
            for (key, text) in [("service", &aws.service), ("region", &aws.region)] {
                ground.template(findings, &at.at(key), text, Context::Name);
                if text.is_empty() {
                    findings.report(&at.at(key), "empty", "name it, or a setting `{connection.x}`");
                }
            }
        }
        Placement::OAuth1(oauth) => {
            known_slot(findings, method, &at.at("consumer-key"), &oauth.consumer_key);
            known_slot(findings, method, &at.at("consumer-secret"), &oauth.consumer_secret);
            for (key, slot) in [("token", &oauth.token), ("token-secret", &oauth.token_secret)] {
                if let Some(slot) = slot {
                    known_slot(findings, method, &at.at(key), slot);
                }
            }
            if oauth.token.is_some() != oauth.token_secret.is_some() {
                let fix = "name the slots of both `token` and `token-secret`, or of none";
                findings.report(at, "a token without its secret, or the other way round", fix);
            }
            if let Some(realm) = &oauth.realm {
                ground.template(findings, &at.at("realm"), realm, Context::Name);
            }
        }
        Placement::Bearer { .. }
        | Placement::Basic { .. }
        | Placement::Header { .. }
        | Placement::Query { .. }
        | Placement::BodyField { .. }
        | Placement::Digest { .. } => {}
    }
}

/// What a recipe may name.
struct Ground<'a> {
    manifest: &'a Manifest,
    method: &'a AuthMethod,
}

impl Ground<'_> {
    fn signature(&self, findings: &mut Findings, recipe: &SignatureRecipe, at: &Pointer) {
        known_slot(findings, self.method, &at.at("key"), &recipe.key);
        let parts = at.at("sign");
        if recipe.sign.is_empty() || recipe.sign.len() > MAX_PARTS {
            let fix =
                "list what the provider signs, in order, such as `{time.unix}` and `{body}`; up to 32 parts";
            findings.report(&parts, "nothing is signed, or too much", fix);
        }
        for (index, part) in recipe.sign.iter().enumerate() {
            self.template(findings, &parts.index(index), part, Context::Signed);
        }
        self.fields(findings, &recipe.fields, Context::SignatureField, &at.at("fields"));
        let sent = recipe.fields.iter().any(|field| field.value.contains("{signature}"));
        if !sent {
            let fix = "add a field with `{signature}`";
            findings.report(&at.at("fields"), "the signature is sent nowhere", fix);
        }
    }

    fn jwt(&self, findings: &mut Findings, jwt: &Jwt, at: &Pointer) {
        known_slot(findings, self.method, &at.at("key"), &jwt.key);
        header(findings, &at.at("header"), &jwt.header);
        printable(findings, &at.at("prefix"), &jwt.prefix);
        if jwt.lifetime_s == 0 || jwt.lifetime_s > MAX_LIFETIME_S || jwt.backdate_s >= jwt.lifetime_s {
            let fix = "give 1 to 86,400 seconds, and less than that for `backdate-s`";
            findings.report(&at.at("lifetime-s"), "a token that is never valid, or for too long", fix);
        }
        for claim in ["iat", "exp"].iter().filter(|claim| jwt.claims.contains_key(**claim)) {
            let fix = "leave it out, and set `lifetime-s`";
            findings.report(&at.at("claims").at(claim), format!("the gate sets `{claim}`"), fix);
        }
        for (text, context) in Placement::Jwt(jwt.clone()).templates() {
            self.template(findings, &at.at("claims"), text, context);
        }
    }

    fn fields(&self, findings: &mut Findings, fields: &[PlacedField], context: Context, at: &Pointer) {
        if fields.is_empty() || fields.len() > MAX_PARTS {
            findings.report(
                at,
                "nothing is placed, or too much",
                "list up to 32 headers, parameters or body fields",
            );
        }
        for (index, field) in fields.iter().enumerate() {
            let at = at.index(index);
            match field.position {
                Position::Header => header(findings, &at.at("name"), &field.name),
                Position::Query | Position::Body => named(findings, &at.at("name"), &field.name),
            }
            self.template(findings, &at.at("value"), &field.value, context);
            // What is signed cannot hold the signature of itself.
            if field.position == Position::Body && field.value.contains("{signature}") {
                let fix = "send it in a header or a query parameter";
                findings.report(&at.at("value"), "a signature inside of the body", fix);
            }
        }
    }

    fn template(&self, findings: &mut Findings, at: &Pointer, text: &str, context: Context) {
        let template = match Template::parse(text, context) {
            Ok(template) => template,
            Err(error) => {
                findings.report(at, error.to_string(), "see the reference of auth methods");
                return;
            }
        };
        if let Context::Field | Context::SignatureField = context {
            let plain = template.pieces.iter().all(|piece| match piece {
                wharf_model::manifest::Piece::Text(text) => text.bytes().all(|b| (b' '..0x7f).contains(&b)),
                wharf_model::manifest::Piece::Value(_) => true,
            });
            if !plain {
                let fix = "use printable ASCII";
                findings.report(at, "characters that a header cannot hold", fix);
            }
        }
        for slot in template.slots() {
            known_slot(findings, self.method, at, slot);
        }
        for variable in template.variables() {
            if let Variable::Setting(name) = variable {
                self.known_setting(findings, at, name);
            }
        }
    }

    fn known_setting(&self, findings: &mut Findings, at: &Pointer, name: &str) {
        let settings = self.manifest.settings.as_ref().and_then(|schema| schema.get("properties"));
        let settings = settings.and_then(serde_json::Value::as_object);
        if settings.is_none_or(|settings| !settings.contains_key(name)) {
            let known: Vec<String> =
                settings.into_iter().flat_map(|settings| settings.keys().cloned()).collect();
            let fix = format!("declare it under /settings; there are {}", listed(known.iter()));
            findings.report(at, format!("no setting `{name}`"), fix);
        }
    }
}
