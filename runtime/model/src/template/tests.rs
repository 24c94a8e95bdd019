//! Templates by table: what they give, what they refuse, and what hostile text cannot do.

use serde_json::{Value, json};

use super::{Condition, InvalidTemplate, Scope, Template};

mod clock;
mod contacts;
mod functions;
mod hostile;
mod page;

fn event() -> Value {
    json!({
        "number": 7, "title": "Crash on start", "labels": ["bug", "ui"], "author": { "login": "ada", "name": null },
        "price": 9.5, "big": 9_007_199_254_740_993_u64, "huge": u64::MAX, "tenth": 0.1, "zero": -0.0, "far": 1e308,
        "hostile": "${steps.shape.text} ${1+1} {{x}} $${y}", "__proto__": "own", "a.b": "dotted", "a": { "b": "nested" },
        "": "empty key", "e\u{301}": "nfd", "é": "nfc", "rtl": "a\u{202e}b\u{0}", "done": true, "none": null,
    })
}

fn rendered(template: &Value) -> Result<Value, String> {
    let template = Template::parse(template).map_err(|all| all[0].message.clone())?;
    let (event, shape, skipped) = (event(), json!({ "text": "shaped" }), Value::Null);
    let scope = Scope::new(&event, [("shape", &shape), ("tell", &skipped)], "01J9", "triage");
    template.render(&scope).map_err(|error| error.message)
}

#[track_caller]
fn check(template: impl Into<Value>, expected: impl Into<Value>) {
    let template = template.into();
    assert_eq!(rendered(&template), Ok(expected.into()), "{template}");
}

#[track_caller]
fn refused(template: impl Into<Value>, expected: &str) {
    let template = template.into();
    assert_eq!(rendered(&template), Err(expected.to_owned()), "{template}");
}

#[test]
fn a_whole_string_keeps_its_type() {
    check("${event.number}", 7);
    check("${event.labels}", json!(["bug", "ui"]));
    check("${event.author}", json!({ "login": "ada", "name": null }));
    check("${event.done}", true);
    check("${event.none}", Value::Null);
    check("${ {'a': [event.number, 1.5]} }", json!({ "a": [7, 1.5] }));
    check(json!({ "x": ["${event.number}", 1, null, "plain"] }), json!({ "x": [7, 1, null, "plain"] }));
}

#[test]
fn among_text_it_becomes_text() {
    check("#${event.number} ${event.title}!", "#7 Crash on start!");
    check("${event.price}/${event.done}/${event.none}/", "9.5/true//");
    check(" ${event.number}", " 7");
    check("$${event.number} costs $5", "${event.number} costs $5");
    refused(
        "x${event.labels}",
        "event.labels is a list and cannot stand in text; write json(…) or pick a field",
    );
    check("x${json(event.labels)}", "x[\"bug\",\"ui\"]");
}

#[test]
fn names_and_fields() {
    check("${run.id} ${flow.name}", "01J9 triage");
    check("${steps.shape.text}", "shaped");
    check("${steps.tell}", Value::Null);
    check("${steps}", json!({ "shape": { "text": "shaped" }, "tell": null }));
    check("${steps['shape'].text}", "shaped");
    check("${event['a.b']} ${event.a.b} ${event['']} ${event['__proto__']}", "dotted nested empty key own");
    check("${event['e\u{301}']} ${event['é']}", "nfd nfc");
    check("${event.rtl}", "a\u{202e}b\u{0}");
    check(
        "${has(event.title)} ${has(event.nope)} ${has(event.author.nope)} ${has(event.none.x)}",
        "true false false false",
    );
    check("${has(steps.shape) && !has(steps.other)}", true);
    refused(
        "${event.author.logn}",
        "event.author has no `logn`; there is: login, name; did you mean `login`?",
    );
    refused("${event.none.x}", "event.none is null, it has no `x`");
    refused("${event.title.x}", "event.title is a string, it has no `x`");
    refused("${event.constructor}", &rendered(&"${event.constructor}".into()).unwrap_err());
    refused("${event.labels[2]}", "event.labels has 2 items, none at 2 (counted from 0)");
    refused("${event.labels[-1]}", "event.labels has 2 items, none at -1 (counted from 0)");
    check("${event.labels[1]}", "ui");
    check("${[1, 2][1]}", 2);
}

#[test]
fn numbers_arrive_as_they_came() {
    check("${event.big}", 9_007_199_254_740_993_u64);
    check("${event.huge}", u64::MAX);
    check("${event.tenth}", 0.1);
    check("${event.far}", 1e308);
    assert_eq!(rendered(&"${event.zero}".into()).unwrap().to_string(), "-0.0");
    check("${event.big} ${event.tenth}", "9007199254740993 0.1");
    check("${event.big + 1}", 9_007_199_254_740_994_u64);
    check("${event.big == 9007199254740992.0}", false);
    check("${event.big > 9007199254740992.0}", true);
    check("${event.number == 7.0 && 1 in [1.0]}", true);
    check("${event.price * 2}", 19.0);
    check("${7 / 2} ${-7 / 2} ${7 % 3} ${7.0 / 2.0} ${-event.number}", "3 -3 1 3.5 -7");
    refused("${event.huge + 1}", "18446744073709551616 is an overflow, integers have 64 bits");
    refused("${event.huge * event.huge * event.huge}", "an overflow, integers have 64 bits");
    refused("${event.far * 10.0}", "the result is inf, which JSON cannot hold");
    refused("${1 / 0}", "1 is divided by zero");
    refused(
        "${event.big * 0.5}",
        "9007199254740993 has more digits than a double holds; write double(9007199254740993) to round it",
    );
    refused("${1 + 'a'}", "cannot add an integer and a string; write string(…)");
}

#[test]
fn logic_and_loops() {
    check("${'bug' in event.labels && !(event.number > 9)}", true);
    check("${event.number > 5 ? 'many' : 'few'}", "many");
    check("${event.nope == 1 || true} ${false && event.nope}", "true false");
    refused("${event.nope == 1 || false}", &rendered(&"${event.nope}".into()).unwrap_err());
    check("${event.labels.map(l, l.upperAscii())}", json!(["BUG", "UI"]));
    check("${event.labels.map(l, l != 'ui', l)}", json!(["bug"]));
    check("${event.labels.filter(l, l.startsWith('u'))}", json!(["ui"]));
    check(
        "${event.labels.exists(l, l == 'ui')} ${event.labels.all(l, l == 'ui')} ${[1, 1].exists_one(x, x == 1)}",
        "true false false",
    );
    check("${[1, 'a'].exists(x, x > 0)}", true);
    check("${event.author.map(k, k)}", json!(["login", "name"]));
    check("${[[1], [2]].map(x, x.map(y, [x, y]))}", json!([[[[1], 1]], [[[2], 2]]]));
    check("${{'a': 1, 'b': 2} == {'b': 2.0, 'a': 1}}", true);
    check("${[1] + [2] == [1, 2]} ${'login' in event.author}", "true true");
    refused("${event.title ? 1 : 2}", "event.title is a string, not true or false");
    refused("${event.number in 5}", "`in` takes a list or an object on its right, not an integer");
}

#[test]
fn functions() {
    check("${size('é')} ${size(event.labels)} ${event.author.size()}", "1 2 2");
    check("${event.title.contains('Crash')} ${event.title.endsWith('x')}", "true false");
    check(
        "${' a '.trim()}${'aXb'.lowerAscii()}${'a,b'.split(',').join('-')}${'aa'.replace('a', 'bc')}",
        "aaxba-bbcbc",
    );
    check("${'héllo'.substring(1, 3)} ${'héllo'.indexOf('l')} ${'x'.indexOf('y')}", "él 2 -1");
    check("${int('12') + int(3.9)} ${double('1.5')} ${string(1.5)} ${bool('true')}", "15 1.5 1.5 true");
    check("${event.title.matches('^Crash .* start$')}", true);
    refused("${'abc'.substring(2, 9)}", "`s.substring(from[, to])`: there is no position 9 in 3 characters");
    refused("${int('x')}", "\"x\" cannot become an integer");
    refused("${size(1)}", "`size(x)`: x is an integer, not a string, a list or an object");
}

#[track_caller]
fn invalid(template: &str, expected: &str, marked: &str) {
    let InvalidTemplate { start, len, message, .. } =
        Template::parse(&template.into()).unwrap_err().remove(0);
    let found: String = template.chars().skip(start).take(len).collect();
    assert_eq!((message.as_str(), found.as_str()), (expected, marked), "{template}");
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    invalid("a ${event.x", "this `${` has no closing `}`; write `$${` for the characters themselves", "${");
    invalid("é ${}", "an empty expression", "");
    invalid("é ${evnt.x}", "unknown name `evnt`; did you mean `event`?", "evnt");
    invalid("${'é' + env.HOME}", "unknown name `env`; an expression sees event, steps, run and flow", "env");
    invalid(
        "${event.x.lowerASCII()}",
        "unknown function `lowerASCII`; did you mean `lowerAscii`?",
        "event.x.lowerASCII()",
    );
    invalid("${size()}", "`size` is written size(x)", "size()");
    invalid("${event.x.map(1, 2)}", "the first argument of a loop is a name, such as x", "1");
    invalid(
        "${event.x.matches(event.y)}",
        "the pattern of matches() is written out, not computed",
        "event.y",
    );
    invalid("${event.x.matches('(')}", "not a pattern: unclosed group", "'('");
    invalid("${b'x'}", "there are no byte strings; leave out the b", "b'x'");
    invalid("${event.x +}", "not an expression: it ends too early", "+");
    invalid("${99999999999999999999}", "not an expression: invalid int literal", "9");
}

#[test]
fn text_from_outside_is_never_evaluated() {
    let hostile = "${steps.shape.text} ${1+1} {{x}} $${y}";
    check("${event.hostile}", hostile);
    check("a ${event.hostile} b", format!("a {hostile} b"));
    check(json!({ "x": ["${event}"] }), json!({ "x": [event()] }));
}

#[test]
fn conditions() {
    let event = event();
    let scope = Scope::new(&event, [], "r", "f");
    let holds = |source: &str| {
        Condition::parse(source)
            .map_err(|error| error.message)?
            .holds(&scope)
            .map_err(|error| error.to_string())
    };
    assert_eq!(holds("${ event.number == 7 }"), Ok(true));
    assert_eq!(holds("${event.number > 7}\n"), Ok(false));
    assert_eq!(
        holds("${event.title}"),
        Err("event.title is a string, not true or false, in `${event.title}`".to_owned())
    );
    for source in ["true", "", "x ${true}", "${true}${true}"] {
        assert_eq!(holds(source), Err("a condition is one expression: `${ … }`".to_owned()), "{source}");
    }
}
