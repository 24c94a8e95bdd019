//! What hostile text and hostile expressions cannot do.

use serde_json::{Value, json};

use super::{check, invalid};
use crate::template::{Scope, Template};

/// An event with much of everything.
fn large() -> Value {
    json!({ "l": (0..20_000).collect::<Vec<_>>(), "s": "a".repeat(50_000) })
}

#[track_caller]
fn bounded(expression: &str, expected: &str) {
    let template = Template::parse(&format!("${{{expression}}}").into()).unwrap();
    let event = large();
    let found = template.render(&Scope::new(&event, [], "r", "f"));
    assert_eq!(found.map_err(|error| error.message), Err(expected.to_owned()), "{expression}");
}

#[test]
fn what_would_run_or_grow_without_end_is_stopped() {
    let steps = "it takes more than 500000 steps; loop over less";
    let bytes = "it builds more than 8 MiB";
    bounded("event.l.map(x, event.l.map(y, y))", steps);
    bounded("event.l.map(x, event.l)", bytes);
    bounded("event.l.exists(x, event.l.all(y, y >= 0 || x > 0) && false) || true", steps);
    bounded("event.l.all(x, event.l == event.l)", steps);
    bounded("event.l.all(x, !(-1 in event.l))", steps);
    bounded("event.l.all(x, size(event.s) > 0)", steps);
    bounded("event.l.all(x, event.s.matches('(a+)+$'))", steps);
    bounded("event.l.map(x, event.s)", bytes);
    bounded(&format!("[event.s]{}", ".map(a, a + a)".repeat(25)), bytes);
    bounded(&format!("[[1]]{}", ".map(a, [a, a])".repeat(25)), bytes);
    bounded("event.s.replace('a', event.s)", bytes);
    bounded("event.l.map(x, '').join(event.s)", bytes);
    check("${'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.matches('^(a+)+$')}", false);
}

/// Whatever a function is given, it pays for its work and looks into the purse before it builds.
#[test]
fn fe_17_no_function_is_a_way_around_the_purse() {
    let steps = "it takes more than 500000 steps; loop over less";
    let bytes = "it builds more than 8 MiB";
    bounded("'ab'.repeat(1000000000)", bytes);
    bounded("'ab'.padStart(1000000000, 'é')", bytes);
    bounded("lists.range(1000000)", steps);
    bounded("lists.range(9223372036854775807)", steps);
    bounded("event.s.split('').split('')", "`s.split(t[, n])`: s is a list, not a string");
    bounded("event.l.map(x, event.s.split(''))", bytes);
    bounded("event.l.map(x, event.s.upper())", steps);
    bounded("event.l.all(x, event.s.lower() != '')", steps);
    bounded("event.l.all(x, event.s.slug() != '')", steps);
    bounded("event.l.all(x, event.s.normalize('NFKD') != '')", steps);
    bounded("event.l.all(x, event.s.lastIndexOf('b') < 0)", steps);
    bounded("event.l.all(x, event.s.substring(40000) != '')", steps);
    bounded("event.l.all(x, hash.sha256(event.s) != '')", steps);
    bounded("event.l.all(x, stableId(event.l) != '')", steps);
    bounded("event.l.all(x, regex.extract(event.s, '(a+)+$') != null)", steps);
    bounded("event.l.map(x, regex.extractAll(event.s, 'a'))", steps);
    bounded(&format!("regex.replace(event.s, 'a', '{}')", "x".repeat(1000)), steps);
    bounded(
        "regex.replace(event.s, '(a+)', event.s + r'\\1\\1' + event.s).size() > 0 && event.l.map(x, event.s) == []",
        bytes,
    );
    bounded("event.l.all(x, event.l.sort().size() > 0)", steps);
    bounded("event.l.all(x, event.l.distinct().size() > 0)", steps);
    bounded("event.l.sortBy(x, event.l.sum()).size()", steps);
    bounded("event.l.map(x, event.l.chunk(1))", bytes);
    bounded("event.l.map(x, event.l.zip(event.l))", steps);
    bounded("event.l.map(x, event.l.reverse())", steps);
    bounded("event.l.map(x, jsonPath(event, '$..*'))", steps);
    bounded("jsonPath([event.l, event.l, event.l], '$..*..*..*').size()", steps);
    bounded("event.l.map(x, merge(event, {'a': x}))", steps);
    bounded("event.l.map(x, parseJson(json(event.l)))", steps);
    bounded("event.l.map(x, entries({'a': event.s}))", bytes);
    bounded("event.l.map(x, fromEntries([{'key': 'a', 'value': event.s}]))", bytes);
    bounded("event.l.map(x, pick({'a': event.s}, ['a', 'a', 'a']))", bytes);
    bounded("event.l.map(x, event.s.truncate(49999))", steps);
    bounded(
        "event.l.all(x, timestamp(x).plus('P1M', 'Europe/Berlin').format('%A', 'Asia/Tokyo') != '')",
        steps,
    );
    bounded("event.l.exists(x, timestamp(x).inZone('Europe/Berln' + string(x)) == '')", steps);
    bounded("event.l.exists(x, event.nope == x)", steps);
    bounded("event.l.map(x, event.nope == x || true)", steps);
    bounded("event.l.groupBy(x, event.s)", bytes);
    bounded("event.l.map(x, html.escape(event.s))", steps);
    bounded("event.l.map(x, base64.encode(event.s))", bytes);
    bounded("event.l.map(x, url.query({'a': event.s}))", bytes);
}

/// A table is looked into, not read: its size and the size of what is beside it cost nothing.
#[test]
fn looking_something_up_costs_the_same_in_a_large_table() {
    let table: serde_json::Map<String, Value> =
        (0..5000).map(|at| (at.to_string(), Value::from("a".repeat(100)))).collect();
    let event = json!({ "table": table, "l": (0..3000).collect::<Vec<_>>() });
    for expression in [
        "event.l.all(x, table(x, event.table).size() == 100)",
        "event.l.all(x, tableOr(x, event.table, event.table).size() == 100)",
        "event.l.all(x, event.get('/table/7') != '')",
        "event.l.all(x, event.l.first() == 0 && event.l.last() == 2999)",
        "event.l.all(x, coalesce(null, event.table['1'], event.table) != '')",
    ] {
        let template = Template::parse(&format!("${{{expression}}}").into()).unwrap();
        assert_eq!(template.render(&Scope::new(&event, [], "r", "f")), Ok(true.into()), "{expression}");
    }
}

#[test]
fn depth_is_bounded_before_anything_recurses() {
    let deep = |part: &str, count: usize| part.repeat(count);
    let sources = [
        format!("event{}", deep(".a", 398)),
        format!("1{}", deep("+1", 398)),
        format!("true{}", deep("&&true", 199)),
        format!("event{}", deep("[0]", 398)),
        format!("{}true", deep("!", 399)),
        format!("{}1{}", deep("(", 24), deep(")", 24)),
        format!("{}1{}", deep("[", 24), deep("]", 24)),
        format!("{}1{}", deep("true?1:", 199), ""),
    ];
    // A quarter of what a thread has at least.
    let small = std::thread::Builder::new().stack_size(512 << 10);
    let run = move || {
        for source in sources {
            // The parser itself refuses some of them.
            if let Ok(template) = Template::parse(&format!("${{{source}}}").into()) {
                let _ = template.render(&Scope::new(&Value::Null, [], "r", "f"));
                let _ = template.uses();
            }
        }
    };
    small.spawn(run).unwrap().join().unwrap();
    invalid(
        &format!("${{{}}}", deep("(", 1000)),
        "brackets nest deeper than 24; compute parts in `map` steps",
        &deep("(", 1000),
    );
    for (part, count) in [
        ("(", 10_000),
        ("(", 4000),
        ("!", 4000),
        ("-", 4000),
        (".a", 2000),
        ("[", 4000),
        ("{", 4000),
        ("1?", 2000),
    ] {
        assert!(Template::parse(&format!("${{event{}}}", part.repeat(count)).into()).is_err());
    }
}

/// What expressions are made of, and what they are not.
const TOKENS: &[&str] = &[
    "event",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    "r'",
    "b'",
    "1",
    "0x",
    "1e9",
    "u",
    "-",
    "!",
    "?",
    ":",
    "&&",
    "in",
    ".map(x,",
    "has(",
    "é",
    "\u{1f600}",
    "//",
    "\n",
    "`",
    "$",
    ",",
    "<=",
    "==",
    "'\\u00e9'",
    "'\\xff'",
    "\"\"\"",
    "null",
    "99999999999999999999",
    " ",
];

#[test]
fn no_text_makes_the_parser_panic() {
    let mut random = 1_u64;
    let mut below = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % bound
    };
    let rounds = std::env::var("WHARF_FUZZ_ROUNDS").map_or(1000, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        let source: String = (0..=below(12)).map(|_| TOKENS[below(TOKENS.len())]).collect();
        match crate::template::compile::compile(&source) {
            Ok(node) => drop(node.references()),
            Err(refused) => {
                assert!(refused.message != crate::template::compile::PANICKED, "{source:?}");
                assert!(
                    refused.start + refused.len <= source.chars().count().max(1),
                    "{source:?} {refused:?}"
                );
            }
        }
    }
}
