//! From parser events to the tree.

use std::{borrow::Cow, collections::HashMap};

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{Key, Mark, Node, NodeValue, Reads, Reporter, Scalar, plain, quoted, reporter::small, shown};

/// How much of a file is read at most. A limit that is reached is a problem with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the file.
    pub bytes: usize,
    /// Scalars, lists and mappings.
    pub nodes: usize,
    /// Lists and mappings within each other.
    pub depth: usize,
    /// Whether problems may show the line that they mark.
    pub show_lines: bool,
}

impl Bounds {
    /// A policy or people file: 64 MiB, 10,000,000 nodes (about a million declarations), depth 16.
    pub const POLICY: Self = Self { bytes: 64 << 20, nodes: 10_000_000, depth: 16, show_lines: true };
    /// The operator's file: 1 MiB, 100,000 nodes, depth 16.
    pub const CONFIG: Self = Self { bytes: 1 << 20, nodes: 100_000, depth: 16, show_lines: true };
}

/// What could be read of a file.
#[derive(Debug)]
pub struct Document<'a> {
    /// The tree. After an error of syntax, what stood before it, so that a broken file's target is still known.
    pub root: Option<Node<'a>>,
    /// The problems so far; further ones go in here.
    pub reporter: Reporter<'a>,
    /// Whether the file was read to its end.
    pub whole: bool,
}

/// Reads a file into a tree. Never fails as a whole: problems are in the reporter.
pub fn parse<'a>(name: &str, bytes: &'a [u8], bounds: &Bounds) -> Document<'a> {
    let unread = |reporter| Document { root: None, reporter, whole: false };
    // Offsets are kept in 32 bits.
    if bytes.len() > bounds.bytes.min(u32::MAX as usize) {
        let mut reporter = Reporter::new(name, "", bounds.show_lines);
        reporter.report_file(
            format!("the file has {} bytes, the limit is {}", bytes.len(), bounds.bytes),
            Some("split it into several files".to_owned()),
        );
        return unread(reporter);
    }
    let source = match std::str::from_utf8(bytes) {
        Ok(source) => source.strip_prefix('\u{feff}').unwrap_or(source),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or("");
            let mut reporter = Reporter::new(name, good, bounds.show_lines);
            let hint = "save the file as UTF-8";
            reporter.report_with(mark_at(good, good.len()), "the file is not UTF-8 from here on", hint);
            return unread(reporter);
        }
    };
    let mut reporter = Reporter::new(name, source, bounds.show_lines);
    if let Some((offset, c)) = first_harmful(source) {
        let what = if c.is_control() { "control character" } else { "invisible or direction-changing character" };
        reporter.report_with(
            Mark { length: small(c.len_utf8()), ..mark_at(source, offset) },
            format!("the {what} U+{:04X} may not stand in a file", u32::from(c)),
            "remove it; where a name needs it, write it as an escape in double quotes",
        );
        return unread(reporter);
    }
    Builder::new(reporter, bounds).run(source)
}

/// The first character that could make the file look other than it is read. Tabs and line breaks are fine.
fn first_harmful(source: &str) -> Option<(usize, char)> {
    // Whole chunks are judged at once; only a chunk that has a suspect byte is looked at by character.
    const CHUNK: usize = 256;
    let suspect = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte >= 0x7f;
    let clean =
        source.as_bytes().chunks(CHUNK).take_while(|chunk| !chunk.iter().fold(false, |bad, &b| bad | suspect(b)));
    let mut start = clean.count() * CHUNK;
    while start > 0 && !source.is_char_boundary(start.min(source.len())) {
        start -= 1;
    }
    let rest = source.get(start..)?;
    rest.char_indices().find(|&(_, c)| shown::is_unsafe(c) && !is_written(c)).map(|(offset, c)| (start + offset, c))
}

/// What honest sentences are written with, though it has no shape of its own: joiners within words, the wide space. Names and
/// keys are judged where they are read.
fn is_written(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{200c}' | '\u{200d}' | '\u{3000}')
}

/// The place of a byte offset.
fn mark_at(source: &str, offset: usize) -> Mark {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Mark { line: small(line), column: small(column), offset: small(offset), length: 0 }
}

fn mark_of(span: &Span) -> Mark {
    let range = span.byte_range().unwrap_or(0..0);
    Mark {
        line: small(span.start.line()),
        column: small(span.start.col() + 1),
        offset: small(range.start),
        length: small(range.end.saturating_sub(range.start)),
    }
}

/// A list or mapping that has begun. Finished children wait on a common stack, from `start` on.
enum Frame<'a> {
    List { at: Mark, start: usize },
    Map { at: Mark, start: usize, key: Slot<'a> },
}

/// Where a mapping stands between its keys and values.
enum Slot<'a> {
    Key,
    Value(Key<'a>),
    // The key was refused: its value is read and dropped.
    Dropped,
}

struct Builder<'a, 'b> {
    reporter: Reporter<'a>,
    bounds: &'b Bounds,
    frames: Vec<Frame<'a>>,
    items: Vec<Node<'a>>,
    entries: Vec<(Key<'a>, Node<'a>)>,
    root: Option<Node<'a>>,
    nodes: usize,
}

/// Why the reading of a file ended before its end.
struct Stopped;

impl<'a, 'b> Builder<'a, 'b> {
    fn new(reporter: Reporter<'a>, bounds: &'b Bounds) -> Self {
        Self { reporter, bounds, frames: Vec::new(), items: Vec::new(), entries: Vec::new(), root: None, nodes: 0 }
    }

    fn run(mut self, source: &'a str) -> Document<'a> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            disallow_directives: true,
            flow_nesting_limit: self.bounds.depth + 1,
            block_nesting_limit: self.bounds.depth + 1,
        };
        let mut parser = Parser::new_from_str_with_options(source, options);
        let mut whole = true;
        while let Some(next) = parser.next_event() {
            let taken = match next {
                Ok((event, span)) => self.take(event, &span),
                Err(error) => {
                    let marker = error.marker();
                    let at = Mark {
                        line: small(marker.line()),
                        column: small(marker.col() + 1),
                        offset: marker.byte_offset().map_or(small(source.len()), small),
                        length: 0,
                    };
                    self.reporter.report(at, format!("not readable as YAML: {}", error.info()));
                    Err(Stopped)
                }
            };
            if taken.is_err() {
                whole = false;
                self.close_all();
                break;
            }
        }
        if self.root.is_none() && self.reporter.is_clean() {
            self.reporter.report_file("the file is empty", None);
        }
        Document { root: self.root, reporter: self.reporter, whole }
    }

    fn take(&mut self, event: Event<'a>, span: &Span) -> Result<(), Stopped> {
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.count(span)?;
                self.refuse_tag(tag.as_deref(), span);
                self.scalar(text, style, span);
            }
            Event::SequenceStart(_, _, tag) => {
                self.open(tag.as_deref(), span)?;
                self.frames.push(Frame::List { at: mark_of(span), start: self.items.len() });
            }
            Event::MappingStart(_, _, tag) => {
                self.open(tag.as_deref(), span)?;
                self.frames.push(Frame::Map { at: mark_of(span), start: self.entries.len(), key: Slot::Key });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.count(span)?;
                self.reporter.report_with(mark_of(span), "aliases are refused", "write the value out");
                self.place(Node { value: NodeValue::Null, at: mark_of(span) });
            }
            Event::Anchor(..) => {
                self.reporter.report_with(mark_of(span), "anchors are refused", "write the value out where it is used");
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                let hint = "put each document into a file of its own";
                self.reporter.report_with(mark_of(span), "a second document begins here, and a file holds one", hint);
                return Err(Stopped);
            }
            // Anything else holds no node.
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, span: &Span) -> Result<(), Stopped> {
        self.nodes += 1;
        if self.nodes <= self.bounds.nodes {
            return Ok(());
        }
        let message = format!("the file has more than {} values", self.bounds.nodes);
        self.reporter.report_with(mark_of(span), message, "split it into several files");
        Err(Stopped)
    }

    fn open(&mut self, tag: Option<&Tag>, span: &Span) -> Result<(), Stopped> {
        self.count(span)?;
        self.refuse_tag(tag, span);
        if self.frames.len() < self.bounds.depth {
            return Ok(());
        }
        self.reporter.report(mark_of(span), format!("more than {} levels within each other", self.bounds.depth));
        Err(Stopped)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, span: &Span) {
        if tag.is_some() {
            let at = span.tag_span().map_or_else(|| mark_of(span), |span| mark_of(&span));
            self.reporter.report_with(at, "tags are refused", "leave the `!…` out; quote what has to be text");
        }
    }

    fn scalar(&mut self, text: Cow<'a, str>, style: ScalarStyle, span: &Span) {
        let at = mark_of(span);
        let quoted = style != ScalarStyle::Plain;
        let value = if !quoted && matches!(text.len(), 0 | 1 | 4) && plain::reads_as(&text) == Reads::Nothing {
            NodeValue::Null
        } else {
            NodeValue::Scalar(Scalar { text, quoted })
        };
        self.place(Node { value, at });
    }

    fn close(&mut self) {
        let node = match self.frames.pop() {
            Some(Frame::List { at, start }) => Node { value: NodeValue::List(self.items.drain(start..).collect()), at },
            Some(Frame::Map { at, start, .. }) => {
                report_duplicates(self.entries.get(start..).unwrap_or(&[]), &mut self.reporter);
                Node { value: NodeValue::Map(self.entries.drain(start..).collect()), at }
            }
            None => return,
        };
        self.place(node);
    }

    /// Ends every list and mapping that an error cut off.
    fn close_all(&mut self) {
        while !self.frames.is_empty() {
            self.close();
        }
    }

    fn place(&mut self, node: Node<'a>) {
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { .. }) => self.items.push(node),
            Some(Frame::Map { key, .. }) => match std::mem::replace(key, Slot::Key) {
                Slot::Value(key) => self.entries.push((key, node)),
                Slot::Dropped => {}
                Slot::Key => *key = checked_key(node, &mut self.reporter).map_or(Slot::Dropped, Slot::Value),
            },
        }
    }
}

fn checked_key<'a>(node: Node<'a>, reporter: &mut Reporter<'a>) -> Option<Key<'a>> {
    let at = node.at;
    match node.value {
        NodeValue::Scalar(Scalar { text, quoted: false }) if text == "<<" => {
            reporter.report_with(at, "merge keys are refused", "write the fields out");
            None
        }
        NodeValue::Scalar(Scalar { text, quoted }) => {
            let reads = if quoted { Reads::Text } else { plain::reads_as(&text) };
            if reads != Reads::Text {
                let message = format!("some readers take the key {} for {}", super::quoted(&text), reads.what());
                reporter.report_with(at, message, "put it in quotes");
            }
            // A raw one was refused before; one more can only come out of an escape.
            if let Some(c) = super::control(&text) {
                reporter.report(at, format!("the key holds the control character U+{:04X}", u32::from(c)));
            } else if let Some(c) = text.chars().find(|&c| shown::is_unsafe(c) && !matches!(c, '\t' | '\n')) {
                let message =
                    format!("the key holds the invisible or direction-changing character U+{:04X}", u32::from(c));
                reporter.report_with(at, message, "remove it");
            }
            Some(Key { text, at })
        }
        NodeValue::Null => {
            reporter.report(at, "a key is missing here");
            None
        }
        NodeValue::List(_) | NodeValue::Map(_) => {
            reporter.report(at, "a key has to be a single word");
            None
        }
    }
}

/// Mappings up to this size are compared key by key; larger ones through a table.
const FEW: usize = 12;

fn report_duplicates(entries: &[(Key<'_>, Node<'_>)], reporter: &mut Reporter<'_>) {
    let mut report = |key: &Key<'_>, first: Mark| {
        let message = format!("the key {} stands twice, first in line {}", quoted(&key.text), first.line);
        reporter.report(key, message);
    };
    if entries.len() <= FEW {
        for (index, (key, _)) in entries.iter().enumerate() {
            let before = entries.iter().take(index);
            if let Some((first, _)) = before.into_iter().find(|(other, _)| other.text == key.text) {
                report(key, first.at);
            }
        }
        return;
    }
    let mut seen: HashMap<&str, Mark> = HashMap::with_capacity(entries.len());
    for (key, _) in entries {
        match seen.get(key.text.as_ref()) {
            Some(first) => report(key, *first),
            None => {
                seen.insert(&key.text, key.at);
            }
        }
    }
}
