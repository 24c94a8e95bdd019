//! The edges of functions: what `docs/mapping.md` does not show.

use serde_json::{Value, json};

use super::{check, invalid, refused, rendered};

#[test]
fn misuse_that_is_written_out_has_a_place() {
    invalid(
        "é ${timestamp(event.x).inZone('Europe/Berln')}",
        "`t.inZone(zone)`: there is no time zone \"Europe/Berln\"; did you mean `Europe/Berlin`?",
        "'Europe/Berln'",
    );
    invalid(
        "${money.toMinor(event.x, 'EURO')}",
        "`money.toMinor(x, currency[, rounding])`: there is no currency \"EURO\"; did you mean `EUR`?",
        "'EURO'",
    );
    invalid(
        "${decimal.round(event.x, 2, 'bankers')}",
        "`decimal.round(x, places, rounding)`: there is no rounding \"bankers\"; there is: half-even, half-up, half-down, up, down, ceiling, floor",
        "'bankers'",
    );
    invalid(
        "${phone.normalize(event.x, 'de')}",
        "`phone.normalize(s[, country])`: there is no country \"de\"; it is written as in ISO 3166, in capitals: DE",
        "'de'",
    );
    invalid("${regex.extract(event.x, '(')}", "not a pattern: unclosed group", "'('");
    invalid(
        "${regex.extract(event.x, event.y)}",
        "the pattern of regex.extract() is written out, not computed",
        "event.y",
    );
    invalid(
        "${get(event, 'a/b')}",
        "`get(x, pointer[, default])`: \"a/b\" is no JSON Pointer; it starts with /: /items/0",
        "'a/b'",
    );
    invalid(
        "${jsonPath(event, '$[?@.a]')}",
        "`jsonPath(x, path)`: \"$[?@.a]\" is no JSONPath: there are no filters; write list.filter(x, …)",
        "'$[?@.a]'",
    );
    invalid(
        "${event.x.normalize('nfc')}",
        "`s.normalize(form)`: there is no form \"nfc\"; there is: NFC, NFD, NFKC, NFKD",
        "'nfc'",
    );
    invalid(
        "${uuid.v5('web', event.x)}",
        "`uuid.v5(namespace, name)`: \"web\" is no namespace; it is dns, url, oid, x500 or a UUID",
        "'web'",
    );
    invalid("${event.x.padStart('3')}", "`s.padStart(n[, c])`: n is a string, not an integer", "'3'");
    invalid("${event.x.truncate(-1)}", "`s.truncate(n[, ending])`: n is -1, not an integer from 0", "1");
    invalid(
        "${math.rond(1.5)}",
        "unknown function `math.rond`; did you mean `math.round`?",
        "math.rond(1.5)",
    );
    invalid("${math.round(1.5, 2)}", "`math.round` is written math.round(x)", "math.round(1.5, 2)");
    invalid("${ {'a': 1, 'a': 2} }", "the object has two keys `a`", "'a'");
    invalid("${ {1: 2} }", "the key of an object is a string, not an integer", "1");
}

#[test]
fn a_variable_hides_a_namespace() {
    check("${[{'round': 'x'}].map(math, math.round)}", json!(["x"]));
    check("${[' x '].map(regex, regex.trim())}", json!(["x"]));
}

#[test]
fn tables_name_what_they_do_not_know() {
    refused(
        "${table(event.title, {'open': 1, 'closed': 2})}",
        "`table(x, table[, default])`: the table has no \"Crash on start\"; it has \"open\", \"closed\"; a third argument says what stands for others",
    );
    refused(
        "${table('opne', event.a)}",
        "`table(x, table[, default])`: the table has no \"opne\"; it has \"b\"; a third argument says what stands for others",
    );
    check("${table(event.number, {'7': 'seven'})} ${table(event.done, {'true': 'yes'})}", "seven yes");
    check("${table('x', {'x': null})}", Value::Null);
    refused(
        "${table(event.none, {'x': 1})}",
        "`table(x, table[, default])`: x is null, not a string, an integer or a boolean",
    );
    refused("${invert({'a': 'x', 'b': 'x'})}", "`invert(table)`: \"a\" and \"b\" both have \"x\"");
    check("${tableOr(null, {'x': 1}, 'none')} ${tableOr('x', {'x': 1}, 'none')}", "none 1");
}

/// Keys are those that are there: nothing is inherited, no dot and no `~` is read as a path.
#[test]
fn fe_18_keys_are_own_keys() {
    check(
        "${get(event, '/__proto__')} ${get(event, '/a.b')} ${get(event, '/a/b')} ${get(event, '/')}",
        "own dotted nested empty key",
    );
    check("${get({'a/b': {'m~n': 1}}, '/a~1b/m~0n')}", 1);
    check(
        "${jsonPath(event, \"$['a.b']\")[0]} ${jsonPath(event, '$.a.b')[0]} ${jsonPath(event, \"$['']\")[0]}",
        "dotted nested empty key",
    );
    check("${jsonPath(event, '$.constructor')}", json!([]));
    check(
        "${table('constructor', {'a': 1}, 'none')} ${table('__proto__', {'__proto__': 'own'})}",
        "none own",
    );
    check("${keys(pick(event, ['__proto__', 'a.b', 'constructor']))}", json!(["__proto__", "a.b"]));
    check("${event.labels.groupBy(l, '__proto__')}", json!({ "__proto__": ["bug", "ui"] }));
    check("${merge({'__proto__': 1}, {'__proto__': {'a': 1}})}", json!({ "__proto__": { "a": 1 } }));
    check(
        "${fromEntries([{'key': '', 'value': 1}, {'key': 'a.b', 'value': 2}])}",
        json!({ "": 1, "a.b": 2 }),
    );
    refused(
        "${fromEntries([{'key': 'a', 'value': 1}, {'key': 'a', 'value': 2}])}",
        "`fromEntries(list)`: two entries have the key \"a\"",
    );
}

#[test]
fn fe_16_what_functions_give_is_not_evaluated() {
    let hostile = "${steps.shape.text} ${1+1} {{x}} $${y}";
    check("${event.hostile.trim()}", hostile);
    check("${json(event.hostile)}", json!(hostile).to_string());
    check("${parseJson(json(event.hostile))}", hostile);
    check("${[event.hostile].joinText(' ')}", hostile);
    check("${regex.replace(event.hostile, 'x', '$${y}')}", "${steps.shape.te$${y}t} ${1+1} {{$${y}}} $${y}");
    check("${base64.decode(base64.encode(event.hostile))}", hostile);
    check("${table('k', {'k': event.hostile})}", hostile);
    check("${url.decode('%24%7Bevent%7D')}", "${event}");
}

#[test]
fn fe_19_text_passes_whole() {
    for path in ["event.rtl", "event['e\\u0301']", "'😀\\u200d\\u0000'"] {
        check(format!("${{{path} == string({path})}} ${{parseJson(json({path})) == {path}}}"), "true true");
        check(
            format!(
                "${{base64.decode(base64.encode({path})) == {path}}} ${{url.decode(url.encode({path})) == {path}}}"
            ),
            "true true",
        );
        check(
            format!(
                "${{hex.decode(hex.encode({path})) == {path}}} ${{{path}.reverse().reverse() == {path}}}"
            ),
            "true true",
        );
        check(
            format!("${{{path}.split('').join() == {path}}} ${{{path}.substring(0) == {path}}}"),
            "true true",
        );
    }
    check(
        "${event['e\\u0301'].normalize('NFD') == 'nfd'} ${'e\\u0301'.normalize('NFC') in event}",
        "true true",
    );
    assert!(rendered(&"${parseJson('\"\\\\ud800\"')}".into()).is_err());
    check("${'\u{fb01}'.normalize('NFKC')} ${'é'.normalize('NFKD').size()}", "fi 2");
}

#[test]
fn fe_20_numbers_pass_whole_or_are_refused() {
    check(
        "${math.round(event.big)} ${math.abs(event.big)} ${math.greatest(event.big, 1)} ${[event.big].sum()}",
        "9007199254740993 9007199254740993 9007199254740993 9007199254740993",
    );
    check("${decimal(event.big)} ${decimal.add(event.big, 0.5)}", "9007199254740993 9007199254740993.5");
    refused(
        "${decimal.multiply(event.huge, event.huge)}",
        "`decimal.multiply(x, y)`: the result has more than 38 digits",
    );
    check("${decimal.multiply(event.huge, 2)}", "36893488147419103230");
    check(
        "${parseJson(json(event.big))} ${parseJson('18446744073709551615')}",
        "9007199254740993 18446744073709551615",
    );
    check("${decimal(event.tenth)} ${decimal.add(event.tenth, 0.2)}", "0.1 0.3");
    check(
        "${event.labels.indexBy(l, l).bug} ${[event.big, 9007199254740992].sort()[0]}",
        "bug 9007199254740992",
    );
    check(
        "${[9007199254740993, 9007199254740992.0].distinct().size()} ${[1, 1.0, '1'].distinct().size()}",
        "2 2",
    );
    check(
        "${stableId(9007199254740993) == stableId(9007199254740992)} ${stableId(1) == stableId(1.0)}",
        "false true",
    );
    refused("${decimal(event.far)}", "`decimal(x)`: the result has more than 38 digits");
    refused(
        "${money.toMinor(event.huge, 'EUR')}",
        "`money.toMinor(x, currency[, rounding])`: 1844674407370955161500 is an overflow, integers have 64 bits",
    );
    check("${decimal('-0.00')} ${decimal(event.zero)}", "0.00 0.0");
    check("${math.floor(event.far) == event.far}", true);
}

#[test]
fn roundings() {
    let modes = ["half-even", "half-up", "half-down", "up", "down", "ceiling", "floor"];
    for (value, expected) in [
        ("2.5", ["2", "3", "2", "3", "2", "3", "2"]),
        ("-2.5", ["-2", "-3", "-2", "-3", "-2", "-2", "-3"]),
        ("3.5", ["4", "4", "3", "4", "3", "4", "3"]),
        ("2.51", ["3", "3", "3", "3", "2", "3", "2"]),
        ("-2.49", ["-2", "-2", "-2", "-3", "-2", "-2", "-3"]),
        ("2.00", ["2", "2", "2", "2", "2", "2", "2"]),
        ("0.001", ["0", "0", "0", "1", "0", "1", "0"]),
    ] {
        for (mode, expected) in modes.into_iter().zip(expected) {
            check(format!("${{decimal.round('{value}', 0, '{mode}')}}"), expected);
            check(format!("${{decimal.divide('{value}', 1, 0, '{mode}')}}"), expected);
            check(format!("${{decimal.divide(decimal.multiply('{value}', -1), -1, 0, '{mode}')}}"), expected);
        }
    }
    check("${decimal.divide(1, 3, 28, 'down')}", format!("0.{}", "3".repeat(28)));
    refused(
        "${decimal.divide(1, 0, 2, 'down')}",
        "`decimal.divide(x, y, places, rounding)`: 1 is divided by zero",
    );
    for none in ["", ".", "1.", ".5", "1,5", "0x10", "١", "1e", "--1", "NaN", " 1"] {
        let message =
            format!("`decimal(x)`: \"{none}\" is no decimal; it is written with digits and a point: -12.50");
        refused(format!("${{decimal('{none}')}}"), &message);
    }
    check("${decimal('+1.50')} ${decimal('1E-3')} ${decimal(1e21)}", "1.50 0.001 1000000000000000000000");
    refused(
        "${decimal('1e-29')}",
        "`decimal(x)`: it has more than 28 digits after the point; round it with decimal.round",
    );
}

/// Whatever is split, the parts are the amount again, and minor units come back as they were.
#[test]
fn no_cent_is_lost() {
    for amount in ["0.00", "0.01", "-0.05", "100.00", "99.99", "-12345678901234.56"] {
        for parts in [1, 2, 3, 7, 100] {
            let split = format!("money.split('{amount}', 'EUR', {parts})");
            check(format!("${{decimal.sum({split}) == '{amount}' && {split}.size() == {parts}}}"), true);
        }
        check(format!("${{money.fromMinor(money.toMinor('{amount}', 'EUR'), 'EUR')}}"), amount);
    }
    check("${money.split('-0.05', 'EUR', 2)}", json!(["-0.03", "-0.02"]));
    check("${money.fromMinor(-5, 'KWD')} ${money.format('1', 'CLF')}", "-0.005 1.0000 CLF");
    refused(
        "${money.format(event.tenth, 'JPY')}",
        "`money.format(x, currency)`: 0.1 has more than the 0 digits of JPY; name a rounding: money.round(…)",
    );
    refused("${money.split(1, 'EUR', 0)}", "`money.split(x, currency, n)`: it gives 1 to 10000 parts");
}

#[test]
fn words() {
    for (text, slug) in [
        ("Crème brûlée!", "creme-brulee"),
        ("  Straße 5/a ", "strasse-5-a"),
        ("Ærø & Łódź", "aero-lodz"),
        ("don't", "dont"),
        ("日本", ""),
        ("ﬁ ②", "fi-2"),
        ("--a--", "a"),
    ] {
        check(format!("${{\"{text}\".slug()}}"), slug);
    }
    check("${\"o'neil ÉLAN x2y\".title()}", "O'neil Élan X2y");
    check("${'abc'.truncate(3)} ${'abcd'.truncate(3, '…')} ${'abc'.truncate(0)}", "abc ab… ");
    refused(
        "${'abcd'.truncate(1, '...')}",
        "`s.truncate(n[, ending])`: the ending has more than 1 characters",
    );
    check(
        "${['abc'.split('', 2), 'a-b-c'.split('-', 2), 'a'.split('-', 0), ''.split(',')]}",
        json!([["a", "bc"], ["a", "b-c"], [], [""]]),
    );
    check(
        "${regex.replace('a1b2', '[0-9]', '<\\\\0>', 1)} ${regex.replace('aaa', 'x*', '-')}",
        "a<1>b2 -a-a-a-",
    );
    refused(
        "${regex.replace('a', 'a', '\\\\1')}",
        "`regex.replace(s, pattern, by[, n])`: the pattern has no group 1",
    );
    refused(
        "${regex.extract('ab', '(a)(b)')}",
        "`regex.extract(s, pattern)`: the pattern has 2 groups, it takes one; write (?:…) for a group that holds nothing",
    );
}

#[test]
fn paths_follow_the_rfc() {
    let of = "{'a': [0, 1, 2, 3, 4], 'b': {'c': [{'d': 1}, {'d': 2}]}}";
    for (path, expected) in [
        ("$", json!([{ "a": [0, 1, 2, 3, 4], "b": { "c": [{ "d": 1 }, { "d": 2 }] } }])),
        ("$.a[1]", json!([1])),
        ("$.a[-1]", json!([4])),
        ("$.a[9]", json!([])),
        ("$.a[1:3]", json!([1, 2])),
        ("$.a[::2]", json!([0, 2, 4])),
        ("$.a[::-1]", json!([4, 3, 2, 1, 0])),
        ("$.a[3:0:-2]", json!([3, 1])),
        ("$.a[5:1:-2]", json!([4, 2])),
        ("$.a[::0]", json!([])),
        ("$.a[0, 0, 1]", json!([0, 0, 1])),
        ("$..d", json!([1, 2])),
        ("$.b.c[*].d", json!([1, 2])),
        ("$.b.*[0]", json!([{ "d": 1 }])),
        ("$..c[0]['d']", json!([1])),
    ] {
        check(format!("${{jsonPath({of}, \"{path}\")}}"), expected);
    }
    for (path, why) in [
        ("a", "it starts with $"),
        ("$a", "after a step stands . or ["),
        ("$.", "a name after a dot starts with a letter; others stand in brackets: ['a-b']"),
        ("$[", "an empty bracket"),
        ("$[1", "a bracket has no end"),
        ("$[01]", "01 is no position"),
        ("$[9007199254740993]", "9007199254740993 is no position"),
        ("$['a", "a quote has no end"),
    ] {
        refused(
            format!("${{jsonPath(event, \"{path}\")}}"),
            &format!("`jsonPath(x, path)`: \"{}\" is no JSONPath: {why}", path.escape_debug()),
        );
    }
}

#[test]
fn objects_and_lists() {
    refused(
        "${get(event, '/labels/02')}",
        "`get(x, pointer[, default])`: /labels has 2 items, none at \"02\"; a third argument says what stands for it",
    );
    refused(
        "${get(event, '/title/x')}",
        "`get(x, pointer[, default])`: /title is a string, it has no \"x\"; a third argument says what stands for it",
    );
    check("${[get(event, '/none', 'd'), get(event, '/labels/9', 'd')]}", json!([null, "d"]));
    // RFC 7396, appendix A.
    for (target, patch, expected) in [
        ("{'a': 'b'}", "{'a': 'c'}", json!({ "a": "c" })),
        ("{'a': 'b', 'b': 'c'}", "{'a': null}", json!({ "b": "c" })),
        ("{'a': ['b']}", "{'a': 'c'}", json!({ "a": "c" })),
        ("{'a': {'b': 'c'}}", "{'a': {'b': 'd', 'c': null}}", json!({ "a": { "b": "d" } })),
        ("['a', 'b']", "['c', 'd']", json!(["c", "d"])),
        ("{'a': 'foo'}", "null", Value::Null),
        ("{'e': null}", "{'a': 1}", json!({ "e": null, "a": 1 })),
        ("[1, 2]", "{'a': 'b', 'c': null}", json!({ "a": "b" })),
        ("{}", "{'a': {'bb': {'ccc': null}}}", json!({ "a": { "bb": {} } })),
    ] {
        check(format!("${{merge({target}, {patch})}}"), expected);
    }
    check(
        "${[{'k': 2, 'v': 'a'}, {'k': 1, 'v': 'b'}, {'k': 2, 'v': 'c'}].sortBy(x, x.k).map(x, x.v)}",
        json!(["b", "a", "c"]),
    );
    check("${['b', 'é', 'a', 'B'].sort()}", json!(["B", "a", "b", "é"]));
    check(
        "${[[[1, [2]], [3]].flatten(), [[1, [2]], [3]].flatten(2), [].chunk(2), [].sort()]}",
        json!([[1, [2], 3], [1, 2, 3], [], []]),
    );
    refused(
        "${[1, 'a'].sort()}",
        "`list.sort()`: an integer and a string have no order; it takes numbers or strings",
    );
    refused("${[1, 2].groupBy(x, x)}", "it is grouped by a string, not an integer; write string(…)");
    refused("${event.labels.indexBy(x, 'k')}", "two items have the key \"k\"; write groupBy");
    refused("${[].avg()}", "`list.avg()`: an empty list has no mean; ask size(list) > 0 first");
    refused("${math.least([])}", "`math.least(x, …)`: the list is empty; ask size(list) > 0 first");
    check("${math.greatest('b', 'a')} ${math.least([2, 1.5])} ${[0.5, 1].sum()}", "b 1.5 1.5");
    check("${[1, 2, 3].slice(1, 9)}", json!([2, 3]));
}
