//! Telephone numbers: from what people write to E.164, by calling code and national prefix.
//!
//! What is surprising: it knows the calling codes of the ITU and each country's national prefix, and nothing of its
//! numbering plan. So it tells a number that is too long for E.164 from one that may be right, not whether it rings.

use std::{fmt, sync::LazyLock};

use super::shown;

/// ISO 3166 code, calling code, national prefix (`-`: none), international prefix (left out: `00`; `-`: several).
const COUNTRIES: &str = "\
AC:247:- AD:376:- AE:971:0 AF:93:0 AG:1:1:011 AI:1:1:011 AL:355:0 AM:374:0 AO:244:- AR:54:0 AS:1:1:011 AT:43:0 \
AU:61:0:0011 AW:297:- AX:358:0 AZ:994:0 BA:387:0 BB:1:1:011 BD:880:0 BE:32:0 BF:226:- BG:359:0 BH:973:- BI:257:- \
BJ:229:- BL:590:0 BM:1:1:011 BN:673:- BO:591:0 BQ:599:- BR:55:0:- BS:1:1:011 BT:975:- BW:267:- BY:375:8:810 \
BZ:501:- CA:1:1:011 CC:61:0:0011 CD:243:0 CF:236:- CG:242:- CH:41:0 CI:225:- CK:682:- CL:56:-:- CM:237:- CN:86:0 \
CO:57:0:- CR:506:- CU:53:0:119 CV:238:- CW:599:- CX:61:0:0011 CY:357:- CZ:420:- DE:49:0 DJ:253:- DK:45:- \
DM:1:1:011 DO:1:1:011 DZ:213:0 EC:593:0 EE:372:- EG:20:0 EH:212:0 ER:291:0 ES:34:- ET:251:0 FI:358:0 FJ:679:- \
FK:500:- FM:691:- FO:298:- FR:33:0 GA:241:- GB:44:0 GD:1:1:011 GE:995:0 GF:594:0 GG:44:0 GH:233:0 GI:350:- \
GL:299:- GM:220:- GN:224:- GP:590:0 GQ:240:- GR:30:- GT:502:- GU:1:1:011 GW:245:- GY:592:-:001 HK:852:-:001 \
HN:504:- HR:385:0 HT:509:- HU:36:06 ID:62:0:- IE:353:0 IL:972:0 IM:44:0 IN:91:0 IO:246:- IQ:964:0 IR:98:0 \
IS:354:- IT:39:- JE:44:0 JM:1:1:011 JO:962:0 JP:81:0:010 KE:254:0:000 KG:996:0 KH:855:0:001 KI:686:0 KM:269:- \
KN:1:1:011 KP:850:0 KR:82:0:- KW:965:- KY:1:1:011 KZ:7:8:810 LA:856:0 LB:961:0 LC:1:1:011 LI:423:0 LK:94:0 \
LR:231:0 LS:266:- LT:370:0 LU:352:- LV:371:- LY:218:0 MA:212:0 MC:377:0 MD:373:0 ME:382:0 MF:590:0 MG:261:0 \
MH:692:1:011 MK:389:0 ML:223:- MM:95:0 MN:976:0:001 MO:853:- MP:1:1:011 MQ:596:0 MR:222:- MS:1:1:011 MT:356:- \
MU:230:- MV:960:- MW:265:0 MX:52:- MY:60:0 MZ:258:- NA:264:0 NC:687:- NE:227:- NF:672:- NG:234:0:009 NI:505:- \
NL:31:0 NO:47:- NP:977:0 NR:674:- NU:683:- NZ:64:0 OM:968:- PA:507:- PE:51:0 PF:689:- PG:675:- PH:63:0 PK:92:0 \
PL:48:- PM:508:0 PR:1:1:011 PS:970:0 PT:351:- PW:680:-:011 PY:595:0 QA:974:- RE:262:0 RO:40:0 RS:381:0 RU:7:8:810 \
RW:250:0 SA:966:0 SB:677:- SC:248:- SD:249:0 SE:46:0 SG:65:-:- SH:290:- SI:386:0 SJ:47:- SK:421:0 SL:232:0 \
SM:378:- SN:221:- SO:252:0 SR:597:- SS:211:0 ST:239:- SV:503:- SX:1:1:011 SY:963:0 SZ:268:- TA:290:- TC:1:1:011 \
TD:235:- TG:228:- TH:66:0:- TJ:992:-:810 TK:690:- TL:670:- TM:993:8:810 TN:216:- TO:676:- TR:90:0 TT:1:1:011 \
TV:688:- TW:886:0:- TZ:255:0:000 UA:380:0 UG:256:0:000 US:1:1:011 UY:598:0 UZ:998:- VA:39:- VC:1:1:011 VE:58:0 \
VG:1:1:011 VI:1:1:011 VN:84:0 VU:678:- WF:681:- WS:685:- XK:383:0 YE:967:0 YT:262:0 ZA:27:0 ZM:260:0 ZW:263:0";

/// Calling codes that belong to no country (ITU-T E.164, annex): freephone, networks, satellites.
const SHARED: [&str; 8] = ["800", "808", "870", "878", "881", "882", "883", "979"];

/// Digits of a number with its calling code (E.164: at most 15; fewer than 7 reach nobody from abroad).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// How numbers are written in a country.
#[derive(Clone, Copy)]
pub(super) struct Country {
    calling: &'static str,
    /// What stands before a number called from within; empty: nothing.
    trunk: &'static str,
    /// What stands before a call abroad; empty: not one that could be told.
    abroad: &'static str,
}

/// A number in E.164.
pub(super) struct Number {
    pub(super) calling: &'static str,
    national: String,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}{}", self.calling, self.national)
    }
}

/// The table, taken apart once.
static TABLE: LazyLock<Vec<(&str, Country)>> = LazyLock::new(|| {
    let country = |line: &'static str| {
        let mut parts = line.split(':').map(|part| if part == "-" { "" } else { part });
        let (code, calling, trunk) = (parts.next()?, parts.next()?, parts.next()?);
        Some((code, Country { calling, trunk, abroad: parts.next().unwrap_or("00") }))
    };
    COUNTRIES.split_ascii_whitespace().filter_map(country).collect()
});

fn countries() -> impl Iterator<Item = (&'static str, Country)> {
    TABLE.iter().copied()
}

/// The country of this ISO 3166 code.
pub(super) fn country(code: &str) -> Result<Country, String> {
    let found = countries().find(|(known, _)| *known == code).map(|(_, country)| country);
    found.ok_or_else(|| {
        format!("there is no country {}; it is written as in ISO 3166, in capitals: DE", shown(&code.into()))
    })
}

/// Reads what people write. Without a country only what starts with `+`.
pub(super) fn read(text: &str, country: Option<Country>) -> Result<Number, String> {
    let not = |why: &str| format!("{} is no telephone number: {why}", shown(&text.into()));
    if text.len() > 64 {
        return Err(not("it has more than 64 bytes"));
    }
    let written = text.trim();
    let written = written.strip_prefix("tel:").unwrap_or(written).trim_start();
    let (plus, written) = match written.strip_prefix(['+', '＋']) {
        Some(rest) => (true, rest),
        None => (false, written),
    };
    let foreign = || not("it has other characters than digits and + - . / ( )");
    // People put the national prefix in brackets: +49 (0)30 …
    let bare = digits(&written.replacen("(0)", "", 1)).ok_or_else(foreign)?;
    let digits = digits(written).ok_or_else(foreign)?;
    let abroad =
        |country: Country| digits.strip_prefix(country.abroad).filter(|_| !country.abroad.is_empty());
    let number = match (plus, country) {
        (true, _) => international(&bare)
            .filter(|number| dialled_without(number.calling))
            .or_else(|| international(&digits)),
        (false, None) => {
            return Err(not("it does not start with +; name the country that it is called from"));
        }
        (false, Some(country)) => match abroad(country) {
            Some(rest) => international(rest),
            None => {
                Some(Number { calling: country.calling, national: national(&digits, country).to_owned() })
            }
        },
    };
    let number = number.ok_or_else(|| not("it starts with no calling code"))?;
    let size = number.calling.len() + number.national.len();
    if !DIGITS.contains(&size) {
        return Err(not(&format!("it has {size} digits with its calling code, not 7 to 15")));
    }
    // Of all plans only that of North America is as simple as this.
    if number.calling == "1" && (number.national.len() != 10 || number.national.starts_with(['0', '1'])) {
        return Err(not("after +1 there are 10 digits, the first not 0 or 1"));
    }
    Ok(number)
}

/// The digits, if nothing but what people put between them stands there.
fn digits(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2010}'..='\u{2013}' => {}
            _ => return None,
        }
    }
    Some(digits)
}

fn international(digits: &str) -> Option<Number> {
    let codes = countries().map(|(_, country)| country.calling).chain(SHARED);
    // No calling code is the start of another.
    let calling = codes.into_iter().find(|code| digits.starts_with(code))?;
    Some(Number { calling, national: digits.strip_prefix(calling)?.to_owned() })
}

/// Whether the zero that is dialled within is left out from abroad; Italy's is part of the number.
fn dialled_without(calling: &str) -> bool {
    countries().any(|(_, country)| country.calling == calling && country.trunk == "0")
}

/// Without the national prefix. One that a number could start with too goes only from a number of full size.
fn national(digits: &str, country: Country) -> &str {
    let bare = digits.strip_prefix(country.trunk).filter(|_| !country.trunk.is_empty());
    match bare {
        Some(bare) if country.trunk.starts_with('0') || bare.len() == 10 => bare,
        _ => digits,
    }
}
