//! Command lines and console sessions in Markdown, as far as our own documents need it.

/// The mark before a console block that needs no server: where it runs. It is replayed by a test.
const MARK: &str = "<!-- runs in ";

/// One call of the binary.
#[derive(Debug)]
pub struct Command {
    /// What was typed, word by word, the name of the binary first.
    pub words: Vec<String>,
}

/// A console block that a test replays.
pub struct Session {
    pub dir: String,
    pub steps: Vec<Step>,
}

/// A command of a session and what it shows.
pub struct Step {
    pub typed: String,
    /// `# exit N` after the command; 0 where it says nothing.
    pub exit: i32,
    pub shown: Vec<String>,
}

impl Command {
    /// Every call of the binary in shell text: pipes and lists are taken apart, redirections and comments dropped.
    pub fn all_of(text: &str) -> Vec<Self> {
        let joined = text.replace("\\\n", " ");
        let mut calls = Vec::new();
        for line in joined.lines() {
            for mut words in split(line) {
                // Variables that are set for the call, and what runs it from the source tree.
                while words.first().is_some_and(|word| word.contains('=')) {
                    words.remove(0);
                }
                if words.iter().map(String::as_str).take(2).eq(["cargo", "run"]) {
                    let own = words.iter().position(|word| word == "--").map_or(words.len(), |at| at + 1);
                    words.splice(..own, ["portcullis".to_owned()]);
                }
                if words.first().is_some_and(|word| word == "portcullis") && words.len() > 1 {
                    calls.push(Self { words });
                }
            }
        }
        calls
    }
}

/// The simple commands of a line of shell.
fn split(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote, mut begun, mut redirected) = (String::new(), None, false, false);
    let end = |word: &mut String, begun: &mut bool, redirected: &mut bool, commands: &mut Vec<Vec<String>>| {
        let whole = std::mem::take(word);
        if std::mem::take(begun) && !std::mem::take(redirected) {
            commands.last_mut().unwrap().push(whole);
        }
    };
    let mut rest = line.chars().peekable();
    while let Some(next) = rest.next() {
        match (quote, next) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(next), true),
            (None, '#') if !begun => break,
            (None, '|' | ';' | '&') => {
                end(&mut word, &mut begun, &mut redirected, &mut commands);
                commands.push(Vec::new());
            }
            (None, '>' | '<') => {
                end(&mut word, &mut begun, &mut redirected, &mut commands);
                while rest.peek().is_some_and(|more| matches!(more, '>' | ' ')) {
                    rest.next();
                }
                redirected = true;
            }
            (None, ' ') => end(&mut word, &mut begun, &mut redirected, &mut commands),
            _ => {
                begun = true;
                word.push(next);
            }
        }
    }
    end(&mut word, &mut begun, &mut redirected, &mut commands);
    commands
}

/// Every call of the binary in a Markdown text: in console blocks after `$ `, in shell blocks, and between backticks.
pub fn command_lines(markdown: &str) -> Vec<Command> {
    let mut calls = Vec::new();
    let mut fence: Option<&str> = None;
    let mut typed = String::new();
    for line in markdown.lines() {
        let trimmed = line.trim_start();
        if let Some(info) = trimmed.strip_prefix("```") {
            calls.extend(Command::all_of(&std::mem::take(&mut typed)));
            fence = if fence.is_some() { None } else { Some(info.trim()) };
            continue;
        }
        match fence {
            Some("console") => {
                if let Some(command) = trimmed.strip_prefix("$ ") {
                    typed.push_str(command);
                    typed.push('\n');
                }
            }
            Some("sh") => {
                typed.push_str(line);
                typed.push('\n');
            }
            Some(_) => {}
            None => {
                let spans = line.split('`').skip(1).step_by(2);
                calls.extend(spans.filter(|span| span.starts_with("portcullis ")).flat_map(Command::all_of));
            }
        }
    }
    calls
}

/// The console blocks that are marked to be replayed.
pub fn sessions(markdown: &str) -> Vec<Session> {
    let mut sessions = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let Some(dir) = line.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        assert_eq!(lines.next(), Some("```console"), "a console block follows {line}");
        let mut steps: Vec<Step> = Vec::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if let Some(typed) = line.strip_prefix("$ ") {
                let exit = typed.split_once("# exit ").map_or(0, |(_, code)| code.trim().parse().unwrap());
                steps.push(Step { typed: typed.to_owned(), exit, shown: Vec::new() });
            } else {
                steps.last_mut().expect("a command comes first").shown.push(line.to_owned());
            }
        }
        sessions.push(Session { dir: dir.to_owned(), steps });
    }
    sessions
}

impl Step {
    /// Whether it is what was said. A line of `...` stands for any lines, `[..]` within a line for any text.
    pub fn shows(&self, said: &str) -> bool {
        let said: Vec<&str> = said.trim_end().lines().collect();
        let shown: Vec<&str> = self.shown.iter().map(String::as_str).collect();
        fits(&shown, &said)
    }
}

fn fits(shown: &[&str], said: &[&str]) -> bool {
    match shown {
        [] => said.is_empty(),
        [dots, rest @ ..] if dots.trim() == "..." => (0..=said.len()).any(|skipped| fits(rest, &said[skipped..])),
        [line, rest @ ..] => said.split_first().is_some_and(|(first, later)| same(line, first) && fits(rest, later)),
    }
}

fn same(shown: &str, said: &str) -> bool {
    let mut parts = shown.trim_end().split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| said.trim_end().strip_prefix(first)) else { return false };
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    open || rest.is_empty()
}

#[test]
fn a_session_that_shows_something_else_does_not_fit() {
    let step = |shown: &[&str]| Step {
        typed: String::new(),
        exit: 0,
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert!(step(&["a", "...", "read [..] ago"]).shows("a\nb\nc\nread 2 days ago\n"));
    for other in ["a\nread 2 days\n", "a\nread 2 days ago\nmore\n", "read 2 days ago\n", ""] {
        assert!(!step(&["a", "...", "read [..] ago"]).shows(other), "{other:?}");
    }
}

#[test]
fn calls_are_found_in_shell_text() {
    let words =
        |text: &str| Command::all_of(text).into_iter().map(|call| call.words[1..].join(" ")).collect::<Vec<_>>();
    assert_eq!(words("A=b portcullis plan --out \"x y\" > plan.md # why"), ["plan --out x y"]);
    assert_eq!(words("cd a && portcullis init; portcullis plan \\\n  --strict | head"), ["init", "plan --strict"]);
    assert_eq!(words("cargo run --release -- demo"), ["demo"]);
    assert_eq!(words("echo portcullis"), [""; 0]);
}
