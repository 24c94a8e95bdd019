//! The currencies of ISO 4217 and how many digits each has after the point.
//!
//! What is surprising: codes that were withdrawn since 2023 are still known, because bookings of those years are
//! still passed on; metals, funds and test codes are not, they have no minor unit.

use super::shown;
use crate::flow::suggest;

/// Codes by digits after the point (ISO 4217, list one, and what was withdrawn since 2023).
const CURRENCIES: [(u32, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF \
         CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD \
         HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK \
         MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB \
         SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD \
         USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

fn codes() -> impl Iterator<Item = (u32, &'static str)> {
    CURRENCIES.iter().flat_map(|(digits, codes)| codes.split_ascii_whitespace().map(|code| (*digits, code)))
}

/// The digits after the point of a currency.
pub(super) fn digits(code: &str) -> Result<u32, String> {
    let found = codes().find(|(_, known)| *known == code).map(|(digits, _)| digits);
    found.ok_or_else(|| {
        format!("there is no currency {}; it is written as in ISO 4217: EUR", shown(&code.into()))
    })
}

/// Why a currency that is written out is none. Looking for the one that is meant takes a while.
pub(super) fn check(code: &str) -> Result<(), String> {
    digits(code).map(drop).map_err(|why| match suggest(code, codes().map(|(_, known)| known)) {
        Some(near) => format!("there is no currency {}; did you mean `{near}`?", shown(&code.into())),
        None => why,
    })
}
