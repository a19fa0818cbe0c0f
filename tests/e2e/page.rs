//! The page is readable by everybody, in every light, and hostile names do nothing on it. In a real browser.

use std::collections::BTreeSet;

use portcullis::{
    plan::{FileProblem, FindingKind, HoldName, Status},
    serve::{Board, Freeze, Health, JournalView, Options, Pause, SourceView, TreeProblem},
};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    stage::{self, Stage, ago, board, calm, now, view},
};

/// Starts a browser or ends the test.
macro_rules! browser {
    () => {
        match Browser::start().await {
            Some(browser) => browser,
            None => return,
        }
    };
}

const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";
/// A page that does not load itself anew in the middle of a test.
fn still(stage: &Stage, path: &str) -> String {
    stage.url(&format!("{path}?refresh=off"))
}

const PAGES: [&str; 2] = ["/", "/targets/s2-production"];

/// 200 targets, most of them in sync.
fn crowd() -> Board {
    let board = board();
    for number in 0..180 {
        board.set_target(calm(&format!("s2-team-{number:03}"), "s2"));
    }
    for number in 0..20 {
        let rows = vec![stage::row(Status::Change, "access_token", "service/x", "service/x")];
        board.set_target(view(&format!("s2-drift-{number:02}"), "s2", Health::OutOfSync, rows));
    }
    board
}

/// Everything at once that can stand in the way.
fn troubled() -> Board {
    let board = board();
    board.set_pause(Some(Pause {
        since: Some(ago(600)),
        until: None,
        because: "SEC-77, we look into a leak".to_owned(),
    }));
    board.set_freezes(vec![
        Freeze {
            target: None,
            window: "0 18 * * FRI, for 62h, Europe/Zurich".to_owned(),
            until: now() + jiff::SignedDuration::from_hours(43),
        },
        Freeze {
            target: Some("s2-production".into()),
            window: "0 6 * * SAT, for 7h, UTC".to_owned(),
            until: now() + jiff::SignedDuration::from_mins(60),
        },
    ]);
    board.set_journal(JournalView { place: "/var/lib/journal.db".into(), failing: Some("the disk is full".into()) });
    board.set_source(SourceView {
        failing: Some(TreeProblem {
            since: ago(300),
            what: "the fetch failed: timed out".into(),
            advice: "see that git.example.com answers".into(),
        }),
        problems: (1..=12)
            .map(|line| FileProblem {
                file: "policies/data/s2.yaml".to_owned(),
                line,
                column: 3,
                message: "`expiry` is no field of `access_tokens`".to_owned(),
                hint: Some("did you mean `expires`?".to_owned()),
            })
            .collect(),
        bad_since: Some(ago(900)),
        ..board.source()
    });
    board
}

/// Names that an API could give, each of which would like to do harm.
fn hostile_names() -> Vec<String> {
    [
        "<script>window.pwned = 1</script>",
        "\"><img src=x onerror=\"window.pwned = 1\">",
        "'><svg onload=window.pwned=1>",
        "</style></title></bdi></body><script>window.pwned = 1</script>",
        "javascript:window.pwned=1",
        "\u{202e}gnp.evil\u{2066}\u{200b}\u{feff}",
        "`code` & <b>bold</b> &lt;i&gt; {{7*7}}",
        "\u{0}\u{1b}[2J\r\n\u{7f}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627} 名前",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([format!("<script>window.pwned=1</script>{}", "W".repeat(10_000)), "Z\u{340}".repeat(200)])
    .collect()
}

fn hostile() -> Board {
    let board = troubled();
    for (number, name) in hostile_names().into_iter().enumerate() {
        let mut change = stage::row(Status::Change, "access_token", &name, &format!("title {name}"));
        change.principal = Some(name.as_str().into());
        change.why.clone_from(&name);
        change.live = name.clone();
        change.declared = format!("{name}\nmore");
        change.remarks = vec![name.clone()];
        change.origin.as_mut().unwrap().file.clone_from(&name);
        let held = stage::held("access_token", &name, &name, HoldName::Notice, &name, Some(&name));
        let flight = stage::finding(FindingKind::InFlight, "access_token", &name, &name);
        // Target names are the operator's; they must not matter either.
        let target = if number == 0 { "hostile".to_owned() } else { format!("hostile {name}") };
        let mut view = view(&target, "s2", Health::OutOfSync, vec![change, held, flight]);
        view.why = Some(name.clone());
        view.advice = Some(name.clone());
        view.ended = vec![portcullis::serve::Ended {
            at: now(),
            kind: "access_token".into(),
            id: name.as_str().into(),
            title: name.clone(),
            cause: portcullis::access::Cause::Absent,
            end: "done".into(),
            detail: name.clone(),
        }];
        view.upcoming = vec![portcullis::plan::Upcoming {
            at: now(),
            what: portcullis::plan::UpcomingKind::NoticeEnds,
            kind: "access_token".into(),
            id: name.as_str().into(),
            title: name.clone(),
            principal: Some(name.as_str().into()),
            origin: None,
        }];
        board.set_target(view);
    }
    board
}

/// Records in which the names stand.
fn hostile_records() -> Vec<portcullis::journal::Record> {
    let intent = |(number, name): (u64, String)| {
        stage::record(number, ago(60), Some("hostile"), stage::intent(&name, portcullis::access::Cause::Absent))
    };
    (1..).zip(hostile_names()).map(intent).collect()
}

#[tokio::test]
async fn hostile_names_are_shown_and_do_nothing() {
    let browser = browser!();
    let stage = Stage::with(hostile(), Options::default(), hostile_records()).await;
    for path in ["/", "/targets/hostile"] {
        browser.look(1_000, 900, "light").await;
        browser.open(&still(&stage, path)).await;
        let seen = browser
            .run(
                "const all = [...document.querySelectorAll('*')];
                return {
                    pwned: typeof window.pwned,
                    strange: all.filter(e => ['script', 'img', 'iframe', 'object', 'form', 'b-'].includes(e.localName)).length,
                    handlers: all.filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
                    links: [...document.links].map(a => a.protocol + a.host).filter(l => l !== location.protocol + location.host),
                    text: document.body.innerText,
                    source: document.documentElement.outerHTML.length,
                }",
            )
            .await;
        assert_eq!(seen["pwned"], "undefined", "{path}");
        assert_eq!((&seen["strange"], &seen["handlers"], &seen["links"]), (&json!(0), &json!(0), &json!([])), "{path}");
        let text = seen["text"].as_str().unwrap();
        assert!(text.contains("<script>window.pwned = 1</script>"), "the name is shown as it is written");
        assert!(text.contains("\\u{202e}gnp.evil\\u{2066}"), "what turns text around is spelled out");
        assert!(text.contains("(10031 characters)"), "what is long is cut, and says so");
        let raw = |c: char| {
            c != '\n'
                && c != '\t'
                && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c))
        };
        assert!(!text.contains(raw), "{path}");
        browser.draw(&format!("hostile-{}", path.trim_matches('/').replace('/', "-"))).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "no rule of the page was broken");
}

#[tokio::test]
async fn no_script_would_run_even_if_one_stood_in_the_page() {
    let browser = browser!();
    let stage = Stage::of(board()).await;
    browser.open(&still(&stage, "/")).await;
    browser
        .run(
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,x\" onerror=\"window.pwned = 1\"><p style=\"color:red\">x</p>');
             const script = document.createElement('script');
             script.textContent = 'window.pwned = 1';
             document.body.append(script);",
        )
        .await;
    // The image's error comes after the script's end; a turn of the page's own loop is enough.
    let pwned = browser.run("return new Promise(done => setTimeout(() => done(typeof window.pwned), 50))").await;
    assert_eq!(pwned, "undefined");
    let complaints = browser.complaints().await.join("\n");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
}

#[tokio::test]
async fn it_fits_every_width() {
    let browser = browser!();
    let (crowd, hostile) =
        (Stage::of(crowd()).await, Stage::with(hostile(), Options::default(), hostile_records()).await);
    for (stage, name) in [(&crowd, "crowd"), (&hostile, "hostile")] {
        for width in [320, 360, 800, 1_440] {
            browser.look(width, 900, "light").await;
            for path in PAGES {
                browser.open(&still(stage, path)).await;
                browser.run("document.querySelectorAll('details').forEach(d => d.open = true)").await;
                let over = browser
                    .run(
                        "const wide = document.documentElement.clientWidth;
                         const over = [...document.querySelectorAll('body *')].filter(e => !e.closest('.hidden, thead, .skip'))
                             .filter(e => e.getBoundingClientRect().right > wide + 1).map(e => e.outerHTML.slice(0, 120));
                         return [document.documentElement.scrollWidth > wide, over.slice(0, 3)]",
                    )
                    .await;
                assert_eq!(over, json!([false, []]), "{name}{path} at {width}");
            }
        }
    }
}

/// Every text's contrast against what is behind it; returns those that are too weak for WCAG 2.2 AA.
const WEAK: &str = "
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const parse = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data };
    const light = ([r, g, b]) => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b) };
    const behind = element => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; if (c[3] !== 0) return null; } return null };
    const weak = [], seen = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !e.checkVisibility()) continue;
        count++;
        const style = getComputedStyle(e), ground = behind(e), ink = parse(style.color);
        if (!ground || ink[3] !== 255) { weak.push('not opaque: ' + e.outerHTML.slice(0, 100)); continue; }
        const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < (large ? 3 : 4.5)) weak.push(ratio.toFixed(2) + ': ' + e.outerHTML.slice(0, 100));
    }
    return [count, weak];";

#[tokio::test]
async fn every_text_can_be_read_in_the_light_and_in_the_dark() {
    let browser = browser!();
    let (stage, empty) = (Stage::of(troubled()).await, Stage::of(Board::new(now())).await);
    let mut grounds = BTreeSet::new();
    for scheme in ["light", "dark"] {
        browser.look(1_200, 900, scheme).await;
        for (stage, path) in [(&stage, PAGES[0]), (&stage, PAGES[1]), (&empty, "/")] {
            browser.open(&still(stage, path)).await;
            browser.run("document.querySelectorAll('details').forEach(d => d.open = true)").await;
            let found = browser.run(WEAK).await;
            assert!(found[0].as_u64().unwrap() > 10, "texts were looked at");
            assert_eq!(found[1], json!([]), "{path} {scheme}");
        }
        grounds.insert(browser.run("return getComputedStyle(document.body).backgroundColor").await.to_string());
    }
    assert_eq!(grounds.len(), 2, "light and dark differ");
}

#[tokio::test]
async fn a_keyboard_reaches_everything_in_reading_order() {
    let browser = browser!();
    let stage = Stage::of(troubled()).await;
    for path in PAGES {
        browser.look(1_200, 900, "light").await;
        browser.open(&still(&stage, path)).await;
        let wanted = browser
            .run(
                "return [...document.querySelectorAll('a[href], summary, pre[tabindex=\"0\"]')]
                     .filter(e => e.checkVisibility()).map(e => e.textContent)",
            )
            .await;
        let wanted = wanted.as_array().unwrap();
        for (number, wanted) in wanted.iter().enumerate() {
            browser.press(TAB).await;
            let at = "const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
                return [e.textContent, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, r.width > 0 && r.top >= 0]";
            assert_eq!(browser.run(at).await, json!([wanted, true, true]), "{path}: stop {number}");
        }
        assert!(wanted.len() > 8, "{wanted:?}");
    }
    // The first stop leads past what stands on every page.
    browser.open(&still(&stage, "/")).await;
    browser.press(TAB).await;
    browser.press(ENTER).await;
    browser.until("return document.activeElement.id", &json!("main")).await;
}

/// The nodes of the accessibility tree that are spoken.
async fn spoken(browser: &Browser) -> Vec<(String, String, Value)> {
    browser.devtools("Accessibility.enable", json!({})).await;
    let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let told = |node: &&Value| node["ignored"] != true;
    let of = |node: &Value| {
        let text = |part: &str| node[part]["value"].as_str().unwrap_or_default().to_owned();
        (text("role"), text("name"), node["properties"].clone())
    };
    tree["nodes"].as_array().unwrap().iter().filter(told).map(of).collect()
}

#[tokio::test]
async fn a_screen_reader_finds_its_way() {
    let browser = browser!();
    let stage = Stage::of(troubled()).await;
    for path in PAGES {
        for width in [360, 1_200] {
            browser.look(width, 900, "light").await;
            browser.open(&still(&stage, path)).await;
            browser.run("document.querySelectorAll('details').forEach(d => d.open = true)").await;
            let nodes = spoken(&browser).await;
            let with =
                |role: &str| nodes.iter().filter(|node| node.0 == role).map(|node| node.1.as_str()).collect::<Vec<_>>();
            for role in ["banner", "main", "contentinfo"] {
                assert_eq!(with(role).len(), 1, "{path}: {role}");
            }
            for role in
                ["link", "region", "table", "navigation", "heading", "columnheader", "rowheader", "DisclosureTriangle"]
            {
                assert!(with(role).iter().all(|name| !name.trim().is_empty()), "{path}: {role}: {:?}", with(role));
            }
            assert!(
                !with("table").is_empty() && !with("columnheader").is_empty() && !with("rowheader").is_empty(),
                "{path} {width}"
            );
            let regions = with("region");
            assert_eq!(regions.iter().collect::<BTreeSet<_>>().len(), regions.len(), "{path}: {regions:?}");
            let level = |node: &(String, String, Value)| {
                let properties = node.2.as_array().cloned().unwrap_or_default();
                properties.iter().find(|one| one["name"] == "level").and_then(|one| one["value"]["value"].as_u64())
            };
            let levels: Vec<u64> = nodes.iter().filter(|node| node.0 == "heading").filter_map(level).collect();
            assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{path}: {levels:?}");
            assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{path}: {levels:?}");
            // A state is told in words, not by colour or drawing alone.
            let text = browser.run("return document.body.innerText").await;
            let words: &[&str] = if path == "/" {
                &["Unreadable", "Blocked", "Refused", "Out of sync", "In sync", "Starting"]
            } else {
                &["Out of sync"]
            };
            assert!(words.iter().all(|word| text.as_str().unwrap().contains(word)), "{path}");
        }
    }
}

#[tokio::test]
async fn it_works_without_javascript_and_takes_nothing_from_elsewhere() {
    let browser = browser!();
    let stage = Stage::of(board()).await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open(&still(&stage, "/")).await;
    let titles: Vec<String> =
        spoken(&browser).await.into_iter().filter(|node| node.0 == "heading").map(|node| node.1).collect();
    assert!(
        titles.contains(&"3 of 7 targets need you".to_owned()) && titles.contains(&"s2-production".to_owned()),
        "{titles:?}"
    );
    browser.draw("without-script").await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
    browser.open(&still(&stage, "/")).await;
    let loaded = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)").await;
    assert_eq!(loaded, json!([]), "one document, and nothing besides");
}

#[tokio::test]
async fn it_is_drawn_to_be_looked_at() {
    let browser = browser!();
    let boards = [("board", board()), ("troubled", troubled()), ("crowd", crowd()), ("empty", Board::new(now()))];
    let quiet = Board::new(ago(86_400));
    quiet.set_source(board().source());
    for number in 0..12 {
        quiet.set_target(calm(&format!("s2-team-{number:03}"), "s2"));
    }
    for (name, board) in boards.into_iter().chain([("quiet", quiet)]) {
        let stage = Stage::of(board).await;
        for (scheme, width) in [("light", 1_440), ("dark", 1_440), ("light", 360), ("dark", 800)] {
            browser.look(width, 900, scheme).await;
            browser.open(&still(&stage, "/")).await;
            browser.draw(&format!("{name}-{width}-{scheme}")).await;
            if name == "board" {
                browser.open(&still(&stage, "/targets/s2-production")).await;
                browser.draw(&format!("target-{width}-{scheme}")).await;
            }
        }
    }
}

/// What needs no browser to be seen.
#[tokio::test]
async fn a_reader_can_stop_the_page_from_loading_anew() {
    let stage = Stage::of(board()).await;
    for path in PAGES {
        let fresh = stage.get(path).await.text().await.unwrap();
        assert!(
            fresh.contains("http-equiv=\"refresh\"")
                && fresh.contains(&format!("href=\"{}?refresh=off\"", path.replace('-', "%2D"))),
            "{fresh}"
        );
        let still = stage.get(&format!("{path}?refresh=off")).await.text().await.unwrap();
        assert!(!still.contains("http-equiv=\"refresh\""));
        assert!(
            path != "/" || still.contains("href=\"/targets/s2%2Dproduction?refresh=off\""),
            "the choice goes along"
        );
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_everything_is_said_first() {
    let stage = Stage::of(troubled()).await;
    let page = stage.get("/").await.text().await.unwrap();
    for said in [
        "Paused: nothing is sent",
        "SEC-77, we look into a leak",
        "the disk is full",
        "the fetch failed: timed out",
        "The policy files have 12 problems",
        "policies/data/s2.yaml:1:3",
        "And 2 more",
    ] {
        let (at, main) = (page.find(said), page.find("<main"));
        assert!(at.is_some() && at < main, "{said}");
    }
}

#[tokio::test]
async fn what_of_the_configuration_is_not_in_force_is_on_the_page() {
    let stage = Stage::of(board()).await;
    let calm = stage.get("/").await.text().await.unwrap();
    assert!(!calm.contains("The listener does not") && !calm.contains("looked for instead of told"));
    let mut source = stage.board.source();
    source.polling = Some("no <b>more</b> watches".to_owned());
    stage.board.set_source(source);
    let problems = vec!["`watch: token:`: the file is gone: create it".to_owned()];
    stage.board.set_listener(portcullis::serve::ListenerView { problems: problems.clone() });
    let page = stage.get("/").await.text().await.unwrap();
    assert!(
        page.contains("The listener does not go by its configuration") && page.contains("the file is gone"),
        "{page}"
    );
    assert!(page.contains("looked for instead of told: <bdi>no &lt;b&gt;more") && !page.contains("<b>more"), "{page}");
    let state = stage.json(200, "/v1/state").await;
    assert_eq!(state["listener"]["problems"], serde_json::json!(problems));
    assert_eq!(state["source"]["polling"], "no <b>more</b> watches");
    let metrics = stage.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("portcullis_listener_problems 1"), "{metrics}");
}

#[tokio::test]
async fn rows_in_flight_stand_open_though_their_target_is_in_sync() {
    let board = Board::new(now());
    board.set_target(calm("pinata", "pinata"));
    board.set_target(calm("s2", "s2"));
    let flight = stage::finding(FindingKind::InFlight, "access", "state-1", "AWS / root (Admin)");
    board.set_target(view("accessowl", "accessowl", Health::InSync, vec![flight]));
    board.set_target(view("aitronos", "aitronos", Health::OutOfSync, Vec::new()));
    let page = Stage::of(board).await.get("/").await.text().await.unwrap();
    let (open, folded) = page.split_once("<details").unwrap();
    assert!(open.contains("AWS / root (Admin)"), "{page}");
    assert!(!folded.contains("/targets/accessowl") && folded.contains("/targets/s2"), "{page}");
}

#[tokio::test]
async fn what_comes_stands_before_what_was_and_every_row_says_why_it_waits() {
    let page = Stage::of(board()).await.get("/").await.text().await.unwrap();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    assert!(place("Comes next") < place("Revoked lately"));
    let row = &page[place("Person 0: GitHub, member")..place("Person 1: GitHub, member")];
    assert!(row.contains("nothing declares it") && row.contains("Held by ceiling"), "{row}");
}

#[tokio::test]
async fn before_the_first_tree_the_page_says_that_the_policies_are_being_read() {
    let board = Board::new(now());
    let empty = Stage::of(board).await.get("/").await.text().await.unwrap();
    assert!(empty.contains("The policies are being read") && !empty.contains("The first look at"), "{empty}");
    let board = Board::new(now());
    board.set_source(SourceView { loaded_at: Some(now()), ..SourceView::default() });
    let loaded = Stage::of(board).await.get("/").await.text().await.unwrap();
    assert!(loaded.contains("The first look at the targets is under way"), "{loaded}");
}

#[tokio::test]
async fn what_is_far_off_is_folded_but_for_the_next_few() {
    let days = |all: &[i64]| {
        let board = board();
        for (number, days) in all.iter().enumerate() {
            let mut view = calm(&format!("far-{number}"), "s2");
            view.upcoming[0].at = now() + jiff::SignedDuration::from_hours(24 * days);
            view.upcoming[0].title = format!("token {days}");
            board.set_target(view);
        }
        for name in ["s2-production", "aitronos-acme", "pinata-media"] {
            board.change_target(name, |view| view.upcoming.clear());
        }
        board
    };
    let coming = async |board: Board| {
        let page = Stage::of(board).await.get("/").await.text().await.unwrap();
        let (_, rest) = page.split_once("Comes next").unwrap();
        rest.split_once("Revoked lately").unwrap().0.to_owned()
    };
    let page = coming(days(&[79, 80, 81, 82, 84])).await;
    let (open, folded) = page.split_once("<details").unwrap();
    assert!(["token 79", "token 80", "token 81"].iter().all(|token| open.contains(token)), "{page}");
    assert!(["token 82", "token 84", "2 more, the first "].iter().all(|text| folded.contains(text)), "{page}");
    let page = coming(days(&[1, 2, 3, 4, 7, 8])).await;
    let (open, folded) = page.split_once("<details").unwrap();
    assert!(open.contains("token 7") && folded.contains("token 8"), "{page}");
    assert!(!coming(days(&[1, 80, 90])).await.contains("<details"), "three are always shown");
}

#[tokio::test]
async fn what_holds_every_target_is_said_once_in_full() {
    let board = troubled();
    let held = |tail: &str| format!("the policies cannot be taken since today: the fetch failed: timed out{tail}");
    let tail = "; until then nothing can be said of its entries";
    for (target, tail) in [("one", ""), ("other", tail)] {
        let row = stage::held("access_token", "x", "x", HoldName::BadTree, &held(tail), None);
        let mut view = view(target, "s2", Health::Blocked, vec![row]);
        view.why = Some(held(tail));
        view.advice = Some("see that git.example.com answers".to_owned());
        board.set_target(view);
    }
    let stage = Stage::of(board).await;
    let page = stage.get("/").await.text().await.unwrap();
    let said = |text: &str| page.matches(text).count();
    assert_eq!((said("the fetch failed: timed out"), said("see that git.example.com answers")), (1, 1), "{page}");
    assert_eq!((said("Held by the policies that cannot be read, see above"), said(tail)), (2, 1), "{page}");
    assert!(page.contains("<code>policies/media/pinata.yaml</code> is broken"), "a cause of its own stays: {page}");
    let own = stage.get("/targets/one").await.text().await.unwrap();
    assert!(own.contains("the policies cannot be taken since today"), "{own}");
    let state = stage.json(200, "/v1/state").await;
    assert!(state["targets"].as_array().unwrap().iter().any(|target| target["why"] == held("")), "{state}");
}

#[tokio::test]
async fn a_freeze_window_stands_on_the_pages_on_which_it_bears() {
    let stage = Stage::of(troubled()).await;
    let page = async |path: &str| stage.get(path).await.text().await.unwrap();
    let all = page("/").await;
    assert!(all.contains("2 freeze windows are open") && all.contains("in 43 hours"), "{all}");
    let own = page("/targets/s2-production").await;
    assert!(own.contains("0 6 * * SAT, for 7h, UTC") && own.contains("All targets until"), "{own}");
    let other = page("/targets/pinata-media").await;
    assert!(other.contains("A freeze window is open: nothing goes") && !other.contains("0 6 * * SAT"), "{other}");
}

#[tokio::test]
async fn a_banner_promises_no_end_of_a_good_tree_that_nobody_knows() {
    for still_acts in [true, false] {
        let board = troubled();
        board.set_source(SourceView { still_acts, ..board.source() });
        let page = Stage::of(board).await.get("/").await.text().await.unwrap();
        assert_eq!(page.contains("of the last good tree still acts"), still_acts, "{page}");
    }
}
