//! Telephone numbers and mail addresses, written in one way so that two systems mean the same person.
//!
//! What is surprising: the part of an address before the `@` is kept letter by letter, because only its own server
//! may say that case does not matter (RFC 5321, 2.4).

use serde_json::Value;

use super::{arguments::Arguments, entries, phone, shown};
use crate::template::purse::Fault;

type Result<T = Value> = std::result::Result<T, Fault>;

/// An address is at most this long (RFC 5321, 4.5.3.1.3, without the brackets).
const MAX_ADDRESS_BYTES: usize = 254;

entries! {
    /// Functions of telephone numbers and mail addresses.
    CONTACTS:
    "phone.normalize" Global (s: Text) [country: Country] Plain phone_normalize, "A telephone number in E.164: `+49301234567`. The country (ISO 3166, `DE`) says how a number without `+` is read.";
    "phone.isValid" Global (s: Text) [country: Country] Plain phone_is_valid, "Whether `phone.normalize` takes it: calling code and size, not whether it is assigned.";
    "phone.callingCode" Global (s: Text) [country: Country] Plain phone_calling_code, "The calling code, without the `+`: `49`.";
    "email.normalize" Global (s: Text) [] Plain email_normalize, "An address without white space around it, its domain in lower case and ASCII (IDNA); what stands before the `@` stays.";
    "email.isValid" Global (s: Text) [] Plain email_is_valid, "Whether `email.normalize` takes it (RFC 5321, RFC 6531): its form, not whether it receives mail.";
    "email.local" Global (s: Text) [] Plain email_local, "What stands before the `@`.";
    "email.domain" Global (s: Text) [] Plain email_domain, "The domain, as `email.normalize` writes it.";
    "email.withoutTag" Global (s: Text) [] Plain email_without_tag, "The address as `email.normalize` writes it, without `+tag` before the `@`. Not every provider means the same box.";
}

fn number(a: &Arguments<'_>) -> std::result::Result<phone::Number, String> {
    let country = if a.has(1) {
        let name = a.text(1).map_err(|fault| fault.message().to_owned())?;
        Some(phone::country(name)?)
    } else {
        None
    };
    phone::read(a.any(0).as_str().unwrap_or_default(), country)
}

fn phone_normalize(a: &Arguments<'_>) -> Result {
    a.purse.step(50)?;
    number(a).map(|number| number.to_string().into()).map_err(|why| a.wrong(why))
}

fn phone_is_valid(a: &Arguments<'_>) -> Result {
    a.purse.step(50)?;
    Ok(number(a).is_ok().into())
}

fn phone_calling_code(a: &Arguments<'_>) -> Result {
    a.purse.step(50)?;
    number(a).map(|number| number.calling.into()).map_err(|why| a.wrong(why))
}

/// An address, taken apart.
struct Address<'t> {
    local: &'t str,
    /// In ASCII and lower case.
    domain: String,
}

fn address(text: &str) -> std::result::Result<Address<'_>, String> {
    let text = text.trim();
    let not = |why: &str| format!("{} is no mail address: {why}", shown(&text.into()));
    if text.len() > MAX_ADDRESS_BYTES {
        return Err(not("it has more than 254 bytes"));
    }
    if text.contains(['<', '>']) {
        return Err(not("it has a name or brackets around it; take them off"));
    }
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| not("it has no @"))?;
    if local.is_empty() || local.len() > 64 {
        return Err(not("1 to 64 bytes stand before the @"));
    }
    if !dotted(local) && !quoted(local) {
        return Err(not("what stands before the @ has a character, dot or quote that does not belong there"));
    }
    if domain.starts_with('[') {
        return Err(not("an address in brackets instead of a domain"));
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| not("its domain is no host name"))?;
    Ok(Address { local, domain })
}

/// RFC 5321's Dot-string, with the letters of RFC 6531.
fn dotted(local: &str) -> bool {
    let fits = |letter: char| {
        letter.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(letter)
            || (!letter.is_ascii() && !letter.is_control() && !letter.is_whitespace())
    };
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(fits))
}

/// RFC 5321's Quoted-string.
fn quoted(local: &str) -> bool {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut chars = inner.chars();
    while let Some(next) = chars.next() {
        let fits = match next {
            '\\' => chars.next().is_some_and(|escaped| (' '..='~').contains(&escaped)),
            '"' => false,
            other => !other.is_control(),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Reads the address that a call is about.
fn read<'a>(a: &Arguments<'a>) -> Result<Address<'a>> {
    a.purse.step(50)?;
    address(a.text(0)?).map_err(|why| a.wrong(why))
}

fn email_normalize(a: &Arguments<'_>) -> Result {
    let Address { local, domain } = read(a)?;
    Ok(format!("{local}@{domain}").into())
}

fn email_is_valid(a: &Arguments<'_>) -> Result {
    a.purse.step(50)?;
    Ok(address(a.text(0)?).is_ok().into())
}

fn email_local(a: &Arguments<'_>) -> Result {
    Ok(read(a)?.local.into())
}

fn email_domain(a: &Arguments<'_>) -> Result {
    Ok(read(a)?.domain.into())
}

fn email_without_tag(a: &Arguments<'_>) -> Result {
    let Address { local, domain } = read(a)?;
    let bare = match local.split_once('+') {
        Some((bare, _)) if !bare.is_empty() && !local.starts_with('"') => bare,
        _ => local,
    };
    Ok(format!("{bare}@{domain}").into())
}
