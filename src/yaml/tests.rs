//! What is refused, and where.

use proptest::prelude::*;

use super::{Bounds, Fields, Problem, get, parse};

/// Every problem of a text as `line:column message`.
fn problems(text: &[u8]) -> Vec<String> {
    let document = parse("f.yaml", text, &Bounds::POLICY);
    document
        .reporter
        .into_problems()
        .iter()
        .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message))
        .collect()
}

#[test]
fn an_escape_names_whatever_a_system_has_and_never_stands_in_a_text_of_ours() {
    let mut document = parse("f.yaml", b"\"\\e[0m\"", &Bounds::POLICY);
    let root = document.root.take().unwrap();
    assert_eq!(get::name(&root, "`id`", &mut document.reporter), Some("\u{1b}[0m"));
    assert_eq!(get::text(&root, "`team`", &mut document.reporter), None);
    let problems = document.reporter.into_problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].message, "`team` holds the control character U+001B");
}

#[test]
fn every_trap_is_refused_at_its_place() {
    let table: &[(&[u8], &[&str])] = &[
        (b"a: 1\nb: \xff", &["2:4 the file is not UTF-8 from here on"]),
        (b"a: x\x1b", &["1:5 the control character U+001B may not stand in a file"]),
        (
            "a: \u{202e}x".as_bytes(),
            &["1:4 the invisible or direction-changing character U+202E may not stand in a file"],
        ),
        (b"\"\\e[0m\": x", &["1:1 the key holds the control character U+001B"]),
        (
            "a: x\u{3164}".as_bytes(),
            &["1:5 the invisible or direction-changing character U+3164 may not stand in a file"],
        ),
        ("a: 名\u{3000}前 نمی\u{200c}خواهم".as_bytes(), &[]),
        (b"a: &x 1\nb: *x", &["1:4 anchors are refused", "2:4 aliases are refused"]),
        (b"a: *x", &["1:4 aliases are refused"]),
        (b"a: {<<: {b: 1}}", &["1:5 merge keys are refused"]),
        (b"a: !!str b", &["1:4 tags are refused"]),
        (b"a: !x [b]", &["1:4 tags are refused"]),
        (
            b"a: 1\nb: 2\na: 3\na: 4",
            &["3:1 the key `a` stands twice, first in line 1", "4:1 the key `a` stands twice, first in line 1"],
        ),
        (b"no: 1", &["1:1 some readers take the key `no` for a truth value"]),
        (b"[a]: 1", &["1:1 a key has to be a single word"]),
        (b": 1", &["1:1 a key is missing here"]),
        (b"---\na: 1\n---\nb: 1", &["3:1 a second document begins here, and a file holds one"]),
        (b"%YAML 1.1\n---\na: 1", &["1:1 not readable as YAML: YAML directives are disallowed"]),
        (b"", &["0:0 the file is empty"]),
        (b"# nothing\n", &["0:0 the file is empty"]),
        (b"[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]", &["1:17 more than 16 levels within each other"]),
        (b"a: [1", &["1:4 not readable as YAML: unclosed bracket '['"]),
    ];
    for (text, expected) in table {
        assert_eq!(problems(text), *expected, "{}", String::from_utf8_lossy(text));
    }
    let bounds = Bounds { bytes: 10, nodes: 3, ..Bounds::POLICY };
    let messages = |text: &[u8]| parse("f", text, &bounds).reporter.into_problems().remove(0).message;
    assert_eq!(messages(b"aaaaaaaaaaa"), "the file has 11 bytes, the limit is 10");
    assert_eq!(messages(b"[a, b, c]"), "the file has more than 3 values");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let document = parse("f", "\u{feff}a: x\r\nb: y\r\n".as_bytes(), &Bounds::POLICY);
    let root = document.root.unwrap();
    assert!(root.get("a").unwrap().is_word("x") && root.get("b").unwrap().is_word("y"));
    assert_eq!(root.get("b").unwrap().at.line, 2);
    assert!(document.reporter.is_clean());
}

#[test]
fn what_stood_before_an_error_of_syntax_is_kept() {
    let document = parse("f", b"target: x\nlist:\n  - [a, b\n", &Bounds::POLICY);
    assert!(!document.whole && !document.reporter.is_clean());
    assert!(document.root.unwrap().get("target").unwrap().is_word("x"));
}

#[test]
fn scalars_are_what_they_are_meant_to_be_or_refused() {
    let read = |text: &str, getter: fn(&super::Node<'_>, &mut super::Reporter<'_>) -> Option<String>| {
        let source = format!("a: {text}");
        let mut document = parse("f", source.as_bytes(), &Bounds::POLICY);
        let root = document.root.unwrap();
        let got = getter(root.get("a").unwrap(), &mut document.reporter);
        assert_eq!(got.is_some(), document.reporter.is_clean(), "{text}: refused is reported");
        got
    };
    for text in ["no", "010", "1.10", "12:30", "2027-01-31", "~", "null", "''", "' '", "[x]", "{}", "5", ""] {
        assert_eq!(read(text, |node, r| get::text(node, "a", r).map(str::to_owned)), None, "{text}");
    }
    assert_eq!(read("'010'", |node, r| get::text(node, "a", r).map(str::to_owned)).as_deref(), Some("010"));
    for text in ["yes", "True", "'true'", "1", "~", "[]"] {
        assert_eq!(read(text, |node, r| get::boolean(node, "a", r).map(|b| b.to_string())), None, "{text}");
    }
    for text in ["01", "'1'", "101", "-1", "1.0", "1_0", "99999999999"] {
        assert_eq!(read(text, |node, r| get::integer(node, "a", 1, 100, r).map(|n| n.to_string())), None, "{text}");
    }
    for (text, seconds) in [("90s", 90), ("30m", 1800), ("20h", 72_000), ("2d", 172_800), ("1w", 604_800), ("0h", 0)] {
        assert_eq!(get::parse_duration(text).unwrap().as_secs(), seconds, "{text}");
    }
    for text in ["", "h", "1", "-1h", "1.5h", "1 h", "1é", "99999999999999999999d", "40000d", "1mo"] {
        assert_eq!(get::parse_duration(text), None, "{text}");
    }
    for (text, end) in [
        ("2027-01-31", "2027-02-01T00:00:00Z"),
        ("2026-12-31", "2027-01-01T00:00:00Z"),
        ("2027-01-31T18:00:00+02:00", "2027-01-31T16:00:00Z"),
    ] {
        assert_eq!(get::parse_end(text).unwrap().to_string(), end, "{text}");
    }
    for text in ["2027-02-30", "2027-1-31", "31.01.2027", "2027-01-31T18:00:00", "2027-01-31 18:00Z", "9999-12-31x", ""]
    {
        assert_eq!(get::parse_end(text), None, "{text}");
    }
}

#[test]
fn a_problem_shows_its_line_harmlessly_and_marks_the_place() {
    let text =
        "expire: \"\u{9}\u{200d}x\"\nlong: [".to_owned() + &"x, ".repeat(100) + "no, " + &"w, ".repeat(100) + "z]\n";
    let mut document = parse("a\u{1b}/f.yaml", text.as_bytes(), &Bounds::POLICY);
    let root = document.root.unwrap();
    let fields = Fields::of(&root, "the file", &["expires", "long"], &mut document.reporter).unwrap();
    let items = get::texts(fields.get("long").unwrap(), "`long`", &mut document.reporter).unwrap();
    assert_eq!(items.len(), 201);
    let rendered: Vec<String> = document.reporter.into_problems().into_iter().map(|p| p.rendered()).collect();
    insta::assert_snapshot!(rendered.join("\n\n"), @r#"
    error: `expire` is not a field of the file
     --> a\u{1b}/f.yaml:1:1
      |
    1 | expire: " \u{200d}x"
      | ^^^^^^
      |
      = help: did you mean `expires`?

    error: `long` has to be text, and some readers take `no` for a truth value
     --> a\u{1b}/f.yaml:2:308
      |
    2 | …x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, no, w, w, w, w, w, w, w, w, w, w, w, w, w, w, w…
      |                                               ^^
      |
      = help: put it in quotes: "no"
    "#);
}

proptest! {
    #[test]
    fn nothing_panics_and_places_lie_in_the_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let document = parse("f", &bytes, &Bounds::POLICY);
        prop_assert!(document.root.is_some() || !document.reporter.is_clean());
    }

    #[test]
    fn yaml_like_text_never_panics(text in r"([a-c~:?&*!|>'{}\[\],# \n\r\t\-]|é|\\u|no|<<|---|%){0,80}") {
        let document = parse("f", text.as_bytes(), &Bounds { depth: 4, nodes: 20, ..Bounds::POLICY });
        for problem in document.reporter.into_problems() {
            prop_assert!(problem.line as usize <= text.lines().count() + 1 + text.matches('\r').count());
        }
    }
}

#[test]
fn what_people_read_of_a_problem_follows_its_parts() {
    let mut problem = Problem::of_file("a.yaml", "it is \u{1b}broken", Some("mend it"));
    problem.file = "policies/a\u{202e}.yaml".into();
    assert_eq!(problem.rendered(), "error: it is \\u{1b}broken\n--> policies/a\\u{202e}.yaml\n = help: mend it");
    problem.hint = None;
    assert!(!problem.rendered().contains("mend it"));
}
