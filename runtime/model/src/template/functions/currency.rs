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

/// The digits after the point of a currency.
pub(super) fn digits(code: &str) -> Result<u32, String> {
    let known = |codes: &'static str| codes.split_ascii_whitespace();
    let found = CURRENCIES.iter().find(|(_, codes)| known(codes).any(|one| one == code));
    found.map(|(digits, _)| *digits).ok_or_else(|| {
        let near = suggest(code, CURRENCIES.iter().flat_map(|(_, codes)| known(codes)));
        let hint = near.map_or_else(
            || "it is written as in ISO 4217: EUR".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        format!("there is no currency {}; {hint}", shown(&code.into()))
    })
}
