//! `wharf audit`: what was written is checked, by the server and without it.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bed::Bed;

use super::{text, wharf};

/// Both ways to check: the server's word, and the file's.
const WAYS: [&[&str]; 2] = [&["audit", "verify", "--json"], &["audit", "verify", "--json", "--offline"]];

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_database_is_found_with_and_without_the_server() {
    let bed = Bed::slack().await;
    bed.apply("flow: note\non: manual\nsteps: [{ id: all, map: \"${event}\" }]\n").await;
    let run = bed.start("note", json!({ "a": 1 })).await;
    bed.ended(&run).await;
    let mut heads = Vec::new();
    for words in WAYS {
        let output = wharf(&bed, words, &[]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!((&answer["sound"], &answer["journals"]["runs"]), (&json!(true), &json!(1)), "{answer:#}");
        heads.push(answer["audit"]["head"].as_str().unwrap().to_owned());
    }
    assert_eq!(heads[0], heads[1]);
    let listed = text(&wharf(&bed, &["audit", "list"], &[]));
    assert!(listed.contains("connection.add") || listed.contains("connection"), "{listed}");

    let shell = Connection::open(bed.dir.path().join("data/wharf.db")).unwrap();
    shell.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let edit = format!("UPDATE journal SET entry = replace(entry, '1', '2') WHERE run = '{run}' AND seq = 0");
    shell.execute_batch(&edit).unwrap();
    for words in WAYS {
        let output = wharf(&bed, words, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["journals"]["damaged"][0]["run"], json!(run), "{answer:#}");
        assert_eq!(answer["audit"]["sound"], json!(true), "{answer:#}");
    }
    // The newest row is gone: the chain alone cannot know, the head that was noted does.
    shell.execute_batch("DELETE FROM audit WHERE n = (SELECT max(n) FROM audit)").unwrap();
    for (known, sound) in [(None, true), (Some(heads[0].as_str()), false)] {
        let words: Vec<&str> =
            WAYS[0].iter().copied().chain(known.iter().flat_map(|head| ["--known", head])).collect();
        let output = wharf(&bed, &words, &[]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["audit"]["sound"], json!(sound), "{answer:#}");
    }
    for (words, fix) in [
        (&["audit", "verify", "--known", "7"][..], "ROW:sha256:"),
        (&["audit", "verify", "--offline", "--data-dir", "nowhere"], "--data-dir"),
        (&["audit", "list", "--limit", "0"], "1..=200"),
    ] {
        let output = wharf(&bed, words, &[]);
        assert!(!output.status.success() && text(&output).contains(fix), "{words:?}: {}", text(&output));
    }
}
