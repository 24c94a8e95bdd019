//! YAML as a tree of JSON-like values that know where they stand.
//!
//! What is surprising: only what JSON can say is read. Anchors, aliases, tags, merge keys, several
//! documents, `.nan` and whole numbers that mean two things (`0123`) are refused with their place, so that a
//! file is never larger, or other, than it looks. Plain scalars follow the core schema of YAML 1.2.2 (10.3.2).

mod scalar;

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use serde_json::{Map, Number, Value};

use super::{
    Problem, Span,
    problem::{is_bidi, suggest},
};

/// The largest file that is read.
pub(super) const MAX_BYTES: usize = 256 << 10;
/// Lists and objects in each other.
const MAX_DEPTH: usize = 64;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) data: Data,
    pub(super) span: Span,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(bool) => Value::Bool(*bool),
            Data::Number(number) => Value::Number(number.clone()),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Self::to_value).collect(),
            Data::Map(entries) => {
                let entries = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// What it is called in messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "an object",
        }
    }

    /// The value at a JSON Pointer (RFC 6901), or the last one on the way.
    pub(super) fn at(&self, pointer: &str) -> &Self {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &node.data {
                Data::List(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)),
                Data::Map(entries) => {
                    entries.iter().find(|entry| entry.key == token).map(|entry| &entry.value)
                }
                Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

/// Reads one document. Problems that leave a tree are put into `problems`; without a tree there is none.
pub(super) fn read(source: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    if source.len() > MAX_BYTES {
        let message =
            format!("a file of {} KiB; at most {} KiB are read", source.len() >> 10, MAX_BYTES >> 10);
        problems.push(Problem::error(Span { line: 1, column: 1, len: 1 }, message));
        return None;
    }
    if let Some(problem) = hidden(source) {
        problems.push(problem);
        return None;
    }
    let lines: Vec<&str> = source.split('\n').collect();
    let mut reader = Reader { parser: Parser::new_from_str(source), lines, problems, ahead: None };
    match reader.document() {
        Ok(node) => node,
        Err(Stop(problem)) => {
            problems.push(problem);
            None
        }
    }
}

/// Characters that cannot be seen, or that make others look like something else.
fn hidden(source: &str) -> Option<Problem> {
    for (number, line) in source.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let found = line
            .chars()
            .enumerate()
            .find(|(_, character)| (character.is_control() && *character != '\t') || is_bidi(*character));
        if let Some((column, character)) = found {
            let at = Span { line: counted(number + 1), column: counted(column + 1), len: 1 };
            let code = u32::from(character);
            let problem = Problem::error(at, format!("an invisible character, U+{code:04X}"));
            return Some(problem.help(format!("write it as \"\\u{code:04x}\" in double quotes")));
        }
    }
    None
}

/// Reading cannot go on.
struct Stop(Problem);

struct Reader<'s, 'p> {
    parser: Parser<'s, StrInput<'s>>,
    lines: Vec<&'s str>,
    problems: &'p mut Vec<Problem>,
    ahead: Option<(Event<'s>, Span)>,
}

impl<'s> Reader<'s, '_> {
    fn next(&mut self) -> Result<(Event<'s>, Span), Stop> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(ahead);
        }
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let span = self.span(&span);
                Ok((event, span))
            }
            Some(Err(error)) => Err(Stop(self.scan_problem(&error))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::Nothing | Event::StreamStart | Event::DocumentEnd, _) => {}
                (Event::DocumentStart(_), at) if root.is_some() => {
                    return Err(Stop(
                        Problem::error(at, "a second document").help("one file holds one flow"),
                    ));
                }
                (Event::DocumentStart(_), _) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                (_, at) => return Err(Stop(Problem::error(at, "not the start of a document"))),
            }
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop(Problem::error(
                span,
                format!("lists and objects nest deeper than {MAX_DEPTH}"),
            )));
        }
        let (data, anchor, tagged) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (self.scalar(text, style, span), anchor, tag.is_some())
            }
            Event::SequenceStart(anchor, tag) => (self.list(depth)?, anchor, tag.is_some()),
            Event::MappingStart(anchor, tag) => (self.map(depth)?, anchor, tag.is_some()),
            Event::Alias(_) => {
                self.problems
                    .push(Problem::error(span, "an alias").help("write the value out; `*name` is not read"));
                (Data::Null, 0, false)
            }
            _ => return Err(Stop(Problem::error(span, "a value is missing here"))),
        };
        if anchor != 0 {
            self.problems
                .push(Problem::error(span, "an anchor").help("write values out; `&name` is not read"));
        }
        if tagged {
            let help = "leave it out; quotes make text, plain numbers are numbers";
            self.problems.push(Problem::error(span, "a tag").help(help));
        }
        Ok(Node { data, span })
    }

    fn list(&mut self, depth: usize) -> Result<Data, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Data::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Data, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        loop {
            let (key, key_span) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Data::Map(entries)),
                (Event::Scalar(text, style, anchor, tag), span) => {
                    if anchor != 0 || tag.is_some() {
                        self.problems
                            .push(Problem::error(span, "an anchor or tag on a key").help("leave it out"));
                    }
                    if style == ScalarStyle::Plain && text == "<<" {
                        self.problems.push(
                            Problem::error(span, "a merge key").help("write the keys out; `<<` is not read"),
                        );
                    }
                    (text.into_owned(), span)
                }
                (_, span) => {
                    return Err(Stop(Problem::error(span, "a key that is not text").help("quote it")));
                }
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            match seen.insert(key.clone(), key_span) {
                None => entries.push(Entry { key, key_span, value }),
                Some(first) => {
                    let problem = Problem::error(key_span, format!("`{key}` stands here twice"));
                    self.problems.push(problem.help(format!("it is already on line {}", first.line)));
                }
            }
        }
    }

    fn scalar(&mut self, text: Cow<'s, str>, style: ScalarStyle, span: Span) -> Data {
        if style != ScalarStyle::Plain {
            return Data::Text(text.into_owned());
        }
        match scalar::plain(&text) {
            Ok(data) => data,
            Err((why, help)) => {
                self.problems.push(Problem::error(span, format!("`{text}` {why}")).help(help));
                Data::Null
            }
        }
    }

    /// The first line of what the parser marks, without trailing blanks.
    fn span(&self, span: &saphyr_parser::Span) -> Span {
        let (start, end) = (span.start, span.end);
        let line = self.lines.get(start.line().wrapping_sub(1)).copied().unwrap_or_default();
        let size =
            if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { usize::MAX };
        let marked: String = line.chars().skip(start.col()).take(size).collect();
        let len = marked.trim_end().chars().count().max(1);
        Span { line: counted(start.line()), column: counted(start.col() + 1), len: counted(len) }
    }

    fn scan_problem(&self, error: &ScanError) -> Problem {
        let marker = error.marker();
        let line = marker.line().clamp(1, self.lines.len().max(1));
        let at = Span { line: counted(line), column: counted(marker.col() + 1), len: 1 };
        let problem = Problem::error(at, format!("not YAML: {}", error.info()));
        let text = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.lines.get(line.wrapping_sub(2)).copied().unwrap_or_default();
        if text.contains("${") || before.contains("${") {
            problem.help("quote the whole value: \"${ … }\"")
        } else if error.info().contains("tab") {
            problem.help("indent with spaces, not tabs")
        } else {
            problem
        }
    }
}

fn counted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A problem for a key that is not one of `known`.
pub(super) fn unknown_key(entry: &Entry, of: &str, known: &[&str]) -> Problem {
    let near = suggest(&entry.key, known.iter().copied());
    Problem::error(entry.key_span, format!("unknown key `{}` in {of}", entry.key))
        .did_you_mean(near)
        .note(format!("keys of {of}: {}", known.join(", ")))
}
