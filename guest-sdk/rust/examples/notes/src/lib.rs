//! Notes: add a note.
use wharf::prelude::*;

#[input]
struct Note {
    /// Text of the note.
    text: String,
}

/// Add a note.
#[action(effect = "unsafe-write")]
fn add_note(call: &Call, note: Note) -> Result<Value> {
    call.post("https://notes.example/v1/notes").json(&note).fetch()
}

struct Notes;

impl Connector for Notes {
    const AUTH: Option<&'static str> = Some("token");

    fn manifest() -> Manifest {
        Manifest::new("notes", "0.1.0", "Notes")
            .egress(&["POST"], "https://notes.example/v1/")
            .auth("token", Auth::new("API token").slot("token", "Token").bearer("token"))
    }

    fn actions() -> Actions {
        actions![add_note]
    }
}

wharf::connector!(Notes: actions);
