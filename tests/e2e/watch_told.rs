//! People are told what happens, each once, and never a secret.

use std::collections::BTreeMap;

use portcullis::sandbox::{Fault, Mutation, System, Trouble};
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::{
    daemon::{Daemon, watching},
    house::House,
    letterbox::Letterbox,
    push_hook::signature,
    service::{AT_ONCE, appears, house, strays},
    wait::Wait,
};

/// Everything that must not be read anywhere.
const SLACK_WORD: &str = "T0B0-the-secret-of-the-address";
const WEBHOOK_SECRET: &str = "the-secret-of-the-receiver";
const TOKEN: &str = "the-token-of-the-listener-0123";
const CREDENTIAL: &str = "s2-full";

/// A daemon that tells two servers and a program, within an interval of an hour.
struct Told {
    house: House,
    slack: Letterbox,
    webhook: Letterbox,
    daemon: Daemon,
}

impl Told {
    fn start(slack: ResponseTemplate) -> Self {
        let house = house(8, 0, AT_ONCE);
        let (slack, webhook) = (Letterbox::answering(slack), Letterbox::open());
        let program = format!("cat >> {0}; echo >> {0}", house.path("told").display());
        watching(
            &house,
            &format!(
                "interval: 1h, max_backoff: 1s, token: {{ env: TOKEN }}, notify: [{{ slack: {{ env: SLACK }} }}, {{ webhook: \
                 \"{}\", secret: {{ env: SECRET }} }}, {{ command: [sh, \"-c\", \"{program}\"] }}]",
                webhook.url("/hook")
            ),
        );
        let mut command = Daemon::command(&house, &["-v"]);
        command.env("SLACK", slack.url(&format!("/services/{SLACK_WORD}")));
        command.env("SECRET", WEBHOOK_SECRET).env("TOKEN", TOKEN);
        let mut daemon = Daemon::of(command).with_token(TOKEN);
        daemon.until_health("s2", "in_sync");
        Self { house, slack, webhook, daemon }
    }

    /// Waits until the webhook was told of this sort so many times, by looks that go on.
    fn until(&mut self, about: &str, times: usize) {
        let webhook = &self.webhook;
        self.daemon.until(&format!("{about} is told"), |_| webhook.news(about).len() >= times);
    }

    /// What the program was given, message by message.
    fn program(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.house.path("told")).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty()).filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// How many news of each sort the webhook got.
    fn sorts(&self) -> BTreeMap<&'static str, usize> {
        let all = ["changes", "revocations", "refusals", "failures", "recoveries"];
        all.into_iter().map(|about| (about, self.webhook.news(about).len())).collect()
    }

    /// Everything that anybody could read.
    fn everything(&mut self) -> String {
        let mut all = self.daemon.log();
        for path in
            ["/", "/targets/s2", "/v1/state", "/v1/targets/s2", "/v1/targets/s2/plan", "/v1/journal", "/metrics"]
        {
            all.push_str(&self.daemon.get(path).text);
        }
        for letter in self.slack.letters().iter().chain(&self.webhook.letters()) {
            all.push_str(&String::from_utf8_lossy(&letter.body));
            all.push_str(&format!("{:?}", letter.headers));
        }
        all.push_str(&std::fs::read_to_string(self.house.path("told")).unwrap_or_default());
        all
    }

    fn keeps_its_secrets(&mut self) {
        let all = self.everything();
        for secret in [SLACK_WORD, WEBHOOK_SECRET, TOKEN, CREDENTIAL] {
            assert!(!all.contains(secret), "{secret}\n{all}");
        }
    }
}

fn vanish(house: &House, id: &str) {
    let mutation = Mutation::Remove { kind: "access_token".into(), id: id.into() };
    house.sandbox.mutate(System::S2, &mutation).unwrap();
}

#[test]
fn what_can_be_counted_stands_at_nothing_before_the_first_time() {
    let house = house(8, 0, AT_ONCE);
    let receiver = format!("{{ webhook: \"{}\", secret: {{ env: SECRET }} }}", Letterbox::open().url("/hook"));
    watching(&house, &format!("interval: 1h, notify: [{receiver}]"));
    let mut command = Daemon::command(&house, &[]);
    command.env("SECRET", WEBHOOK_SECRET);
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    let denials = ["malformed", "no_token", "wrong_token", "not_local", "cross_site", "unknown_hook", "no_proof"];
    let denials = denials.into_iter().chain(["wrong_proof", "too_large", "too_many_connections"]);
    let mut zeros: Vec<String> = denials.map(|why| format!("listener_denials_total{{reason=\"{why}\"}}")).collect();
    for result in ["sent", "failed", "dropped"] {
        zeros.push(format!("notifications_total{{receiver=\"1\",to=\"webhook\",result=\"{result}\"}}"));
    }
    for outcome in ["done", "gone", "failed", "refused"] {
        zeros.push(format!("revocations_total{{target=\"s2\",cause=\"expired\",outcome=\"{outcome}\"}}"));
    }
    zeros.push("guard_refusals_total{target=\"s2\",guard=\"share\"}".to_owned());
    zeros.push("triggers_total{trigger=\"webhook\"}".to_owned());
    for series in zeros {
        assert_eq!(daemon.metric(&format!("portcullis_{series}")), Some(0.0), "{series}");
    }
    // A receiver that is configured later has them from then on.
    let second = format!("{receiver}, {{ command: [\"true\"] }}");
    house.edit("portcullis.yaml", &receiver, &second);
    let series = "portcullis_notifications_total{receiver=\"2\",to=\"command\",result=\"failed\"}";
    let wait = Wait::begin();
    while daemon.metric(series) != Some(0.0) {
        assert!(wait.goes_on(), "{series}");
    }
}

#[test]
fn changes_revocations_refusals_and_recoveries_are_told_once_each_to_everybody() {
    let mut told = Told::start(ResponseTemplate::new(200));
    appears(&told.house, "service/stray-00");
    told.daemon.looked_anew("s2");
    assert_eq!(told.house.removed_tokens(), strays(1));
    told.until("revocations", 1);
    let line = &told.webhook.news("revocations")[0]["lines"][0];
    assert_eq!(line, "access token service/stray-00 (undeclared, irreversible): done");
    for id in &strays(7)[1..] {
        appears(&told.house, id);
    }
    told.daemon.looked_anew("s2");
    told.until("refusals", 1);
    told.daemon.looked_anew("s2");
    for id in &strays(7)[1..] {
        vanish(&told.house, id);
    }
    told.daemon.looked_anew("s2");
    told.until("recoveries", 1);
    told.daemon.looked_anew("s2");
    assert_eq!(told.house.writes(), 1);

    // What follows is only told once all before it was: nothing comes twice.
    appears(&told.house, "service/stray-09");
    told.daemon.looked_anew("s2");
    told.until("revocations", 2);
    // What was sent is not told as what is still to go.
    let sorts =
        BTreeMap::from([("changes", 1), ("failures", 0), ("recoveries", 1), ("refusals", 1), ("revocations", 2)]);
    assert_eq!(told.sorts(), sorts, "{:#?}", told.webhook.documents());
    let refused = told.webhook.news("refusals").remove(0);
    assert_eq!((&refused["target"], &refused["title"]), (&Value::from("s2"), &Value::from("s2: refused")));
    let line = refused["lines"][0].as_str().unwrap();
    for part in ["share refused ", "the limit is ", "to go on: ", "portcullis expect s2 "] {
        assert!(line.contains(part), "{line}");
    }

    for letter in told.webhook.letters() {
        let said = letter.headers["portcullis-signature"].to_str().unwrap();
        let (time, proof) = said.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let signed = [format!("{time}.").as_bytes(), &letter.body].concat();
        assert_eq!(proof, signature(WEBHOOK_SECRET, &signed));
        assert!(letter.headers.contains_key("idempotency-key"));
    }
    let (slack, program) = (&told.slack, told.house.path("told"));
    let count = |text: &str, word: &str| text.matches(word).count();
    let words = || slack.documents().iter().map(|letter| letter["text"].to_string()).collect::<String>();
    told.daemon.until("Slack is told of all", |_| count(&words(), "Revoked") + count(&words(), "revocation sent") >= 2);
    assert!(count(&words(), "Refused by a guard") >= 1, "{}", words());
    told.daemon.until("the program is told of all", |_| {
        let text = std::fs::read_to_string(&program).unwrap_or_default();
        count(&text, "\"about\":\"revocations\"") == 2
    });
    assert!(told.program().iter().all(|document| document["version"] == 1 && document["news"].is_array()));
    told.keeps_its_secrets();
}

#[test]
fn a_failure_and_its_end_are_told_once_each() {
    let mut told = Told::start(ResponseTemplate::new(200));
    told.house.sandbox.fault(Fault::new(System::S2, Trouble::Status { status: 500, after_effect: false }));
    told.daemon.looked_anew("s2");
    told.until("failures", 1);
    told.daemon.looked_anew("s2");
    told.house.sandbox.clear_faults();
    told.daemon.looked_anew("s2");
    told.until("recoveries", 1);
    // Something later arrives, and nothing of the failure a second time.
    appears(&told.house, "service/stray-00");
    told.daemon.looked_anew("s2");
    told.until("revocations", 1);
    let sorts = told.sorts();
    assert_eq!((sorts["failures"], sorts["recoveries"]), (1, 1), "{:#?}", told.webhook.documents());
    told.keeps_its_secrets();
}

#[test]
fn who_asked_for_failures_alone_hears_of_each_one() {
    let house = house(8, 0, AT_ONCE);
    let letters = Letterbox::open();
    let hook = format!("webhook: \"{}\", secret: {{ env: SECRET }}, about: [failures]", letters.url("/hook"));
    watching(&house, &format!("interval: 1h, max_backoff: 1s, notify: [{{ {hook} }}]"));
    let mut command = Daemon::command(&house, &[]);
    command.env("SECRET", WEBHOOK_SECRET);
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    for times in 1..=2 {
        house.sandbox.fault(Fault::new(System::S2, Trouble::Status { status: 500, after_effect: false }));
        daemon.looked_anew("s2");
        daemon.until("the failure is told", |_| letters.news("failures").len() == times);
        house.sandbox.clear_faults();
        daemon.looked_anew("s2");
        daemon.until_health("s2", "in_sync");
    }
    assert_eq!(letters.news("recoveries"), Vec::<Value>::new());
}

#[test]
fn who_takes_the_place_of_a_receiver_is_told_what_that_one_was_not() {
    let house = house(8, 0, AT_ONCE);
    let (wrong, right) = (Letterbox::answering(ResponseTemplate::new(503)), Letterbox::open());
    let hook = |letters: &Letterbox| format!("webhook: \"{}\", secret: {{ env: SECRET }}", letters.url("/hook"));
    watching(&house, &format!("interval: 1h, notify: [{{ {} }}]", hook(&wrong)));
    let mut command = Daemon::command(&house, &[]);
    command.env("SECRET", WEBHOOK_SECRET);
    let mut daemon = Daemon::of(command);
    appears(&house, "service/stray-00");
    daemon.looked_anew("s2");
    daemon.until("it is tried", |_| !wrong.news("revocations").is_empty());
    house.edit("portcullis.yaml", &hook(&wrong), &hook(&right));
    daemon.until("the other one is told", |_| right.news("revocations").len() == 1);
}

#[test]
fn an_endpoint_that_refuses_is_logged_without_its_address() {
    let mut told = Told::start(ResponseTemplate::new(404).set_body_string("no_service"));
    appears(&told.house, "service/stray-00");
    told.daemon.looked_anew("s2");
    told.until("revocations", 1);
    told.daemon.until("the log tells of it", |daemon| {
        daemon.lines().iter().any(|line| line["message"].as_str().unwrap_or_default().contains("no_service"))
    });
    assert!(
        told.daemon.metric("portcullis_notifications_total{receiver=\"1\",to=\"slack\",result=\"failed\"}").unwrap()
            >= 1.0
    );
    told.keeps_its_secrets();
}

#[test]
fn the_end_of_what_people_carry_out_is_told_too_with_whose_it_was() {
    let house = House::company();
    let letters = Letterbox::open();
    let hook = format!("webhook: \"{}\", secret: {{ env: SECRET }}, about: [revocations]", letters.url("/hook"));
    watching(&house, &format!("interval: 1h, notify: [{{ {hook} }}]"));
    let mut command = Daemon::command(&house, &["--target", "accessowl-northlight"]);
    command.env("SECRET", WEBHOOK_SECRET);
    let mut daemon = Daemon::of(command);
    let lines = || -> Vec<String> {
        let news = letters.news("revocations");
        let lines = news.iter().flat_map(|one| one["lines"].as_array().unwrap());
        lines.map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let with = |end: &str| lines().into_iter().filter(|line| line.contains(end)).collect::<Vec<_>>();
    daemon.until("what waits for people is told", |_| with(": in flight").len() == 2);
    let begun = with("").len();
    house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
    daemon.looked_anew("accessowl-northlight");
    daemon.until("its end is told", |_| with("").len() >= begun + 2);
    daemon.looked_anew("accessowl-northlight");
    let ended: Vec<String> = with("").split_off(begun);
    assert_eq!(ended.len(), 2, "once each: {ended:?}");
    for line in with(": in flight") {
        let (whose, _) = line.split_once(": in flight").unwrap();
        assert!(whose.contains(" of ") && whose.ends_with(", lossy)"), "{line}");
        assert!(ended.contains(&format!("{whose}: done")), "{line}: {ended:?}");
    }
}

#[test]
fn a_receiver_without_its_secret_is_warned_of_and_values_in_the_log_stay_apart() {
    let house = house(8, 0, AT_ONCE);
    watching(&house, "interval: 1s, notify: [{ slack: { env: NOT_SET_ANYWHERE } }]");
    let mut daemon = Daemon::of(house.command(&["watch", "--new-journal", "--no-listen", "--log-format", "text"]));
    appears(&house, "service/stray-00 end=done detail=gone");
    daemon.until("the row to end", |daemon| daemon.log().contains("a row ended"));
    let line = |daemon: &Daemon, what: &str| {
        let said = daemon.lines().into_iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        said.into_iter().find(|line| line.contains(what)).unwrap_or_default()
    };
    let ended = line(&daemon, "a row ended");
    assert!(ended.contains("id=\"service/stray-00 end=done detail=gone\""), "{ended}");
    daemon.until("the receiver to be warned of", |daemon| daemon.log().contains("NOT_SET_ANYWHERE"));
    let warned = line(&daemon, "NOT_SET_ANYWHERE");
    assert!(warned.contains("WARN"), "{warned}");
}

#[test]
fn a_receiver_whose_secret_cannot_be_had_is_warned_of_before_there_is_news() {
    let house = house(8, 0, AT_ONCE);
    watching(&house, "interval: 1h, notify: [{ slack: { env: NOT_SET_ANYWHERE } }]");
    let mut command = Daemon::command(&house, &[]);
    command.env("SECRET", WEBHOOK_SECRET);
    let mut daemon = Daemon::of(command);
    let warned = |daemon: &Daemon, of: &str| {
        let of = |line: &&Value| line["level"] == "WARN" && line["message"].as_str().unwrap_or_default().contains(of);
        daemon.lines().iter().find(of).map(|line| line["message"].as_str().unwrap().to_owned())
    };
    daemon.until("it is warned of", |daemon| warned(daemon, "NOT_SET_ANYWHERE").is_some());
    let told = warned(&daemon, "NOT_SET_ANYWHERE").unwrap();
    assert!(told.contains("slack (number 1 under `notify:`)"), "{told}");
    daemon.until_health("s2", "in_sync");
    // And where the configuration is read anew.
    let hook = |secret: &str| format!("{{ webhook: \"http://127.0.0.1:9/\", secret: {{ {secret} }} }}");
    house.edit(
        "portcullis.yaml",
        "{ slack: { env: NOT_SET_ANYWHERE } }",
        &format!("{}, {}", hook("env: SECRET"), hook("env: NOT_SET_EITHER")),
    );
    daemon.until("the new one is warned of", |daemon| warned(daemon, "NOT_SET_EITHER").is_some());
    let told = warned(&daemon, "NOT_SET_EITHER").unwrap();
    assert!(told.contains("webhook (number 2 under `notify:`)"), "{told}");
    assert_eq!(warned(&daemon, "webhook (number 1"), None, "its secret is there");
    assert_eq!(daemon.stop().0, 0);
}
