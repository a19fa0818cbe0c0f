//! The main facts of each API, over real HTTP.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{Deed, Fault, Mutation, Right, Sandbox, System, Trouble, World, accessowl, s2};

struct Caller {
    http: Client,
    base: String,
    token: String,
}

impl Caller {
    fn new(sandbox: &Sandbox, system: System, word: &str) -> Self {
        let token = format!("{}-{word}", system.name());
        Self { http: Client::new(), base: sandbox.url(system).to_owned(), token }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn delete(&self, path: &str) -> (StatusCode, String) {
        let answer = self.request(Method::DELETE, path).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

async fn start(world: World) -> Sandbox {
    Sandbox::start(world).await.unwrap()
}

fn rows<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap()
}

#[tokio::test]
async fn s2_lists_pages_revokes_and_checks_the_callers_scope() {
    let mut world = World::empty();
    for id in ["a/1", "a/2", "b c#é"] {
        world.s2.issue(s2::Token::new(id, s2::Scope::default()));
    }
    let sandbox = start(world).await;
    let s2 = Caller::new(&sandbox, System::S2, "full");

    let (_, page) = s2.get("/access-tokens?prefix=a/&limit=1").await;
    assert_eq!((page["access_tokens"][0]["id"].as_str(), page["has_more"].as_bool()), (Some("a/1"), Some(true)));
    let (_, page) = s2.get("/access-tokens?prefix=a/&start_after=a/1").await;
    assert_eq!((rows(&page, "/access_tokens").len(), &page["has_more"]), (1, &json!(false)));
    assert!(page["access_tokens"][0]["scope"]["op_groups"]["basin"]["read"] == json!(false), "scopes are in full form");
    assert_eq!(s2.get("/access-tokens?limit=-1").await.1["code"], "bad_query");
    assert_eq!(s2.request(Method::GET, "/access-tokens/a%2F1").send().await.unwrap().status(), 405);

    let (status, body) = s2.delete("/access-tokens/a/1").await;
    assert_eq!((status.as_u16(), body.as_str()), (404, ""), "a bare slash is another route");
    assert_eq!(s2.delete("/access-tokens/a%2F1").await.0, 204);
    let (status, body) = s2.delete("/access-tokens/a%2F1").await;
    assert!(status == 404 && body.contains("access_token_not_found"));
    assert_eq!(s2.delete("/access-tokens/b%20c%23%C3%A9").await.0, 204);
    assert_eq!(s2.delete(&format!("/access-tokens/{}", "x".repeat(97))).await.0, 400);

    assert_eq!(Caller::new(&sandbox, System::S2, "wrong").get("/access-tokens").await.0, 401);
    assert_eq!(Caller::new(&sandbox, System::S2, "nothing").get("/access-tokens").await.0, 403);
    assert_eq!(Caller::new(&sandbox, System::S2, "readonly").delete("/access-tokens/a%2F2").await.0, 403);
    assert_eq!(
        rows(&Caller::new(&sandbox, System::S2, "foreign").get("/access-tokens").await.1, "/access_tokens").len(),
        1
    );

    assert_eq!(s2.delete("/access-tokens/portcullis%2Freconciler").await.0, 204, "nothing forbids to revoke oneself");
    assert_eq!(s2.get("/access-tokens").await.0, 401);
    let removed = sandbox.record().removed(System::S2, "access_token");
    assert_eq!(removed, ["a/1", "b c#é", "portcullis/reconciler"]);
}

#[tokio::test]
async fn s2_serves_many_tokens_from_pages_rendered_before_and_keeps_them_right() {
    let sandbox = start(World::s2_tokens(2_500)).await;
    let s2 = Caller::new(&sandbox, System::S2, "full");
    let walk = async || {
        let (mut start, mut ids) = (String::new(), Vec::new());
        loop {
            let (_, page) = s2.get(&format!("/access-tokens?start_after={start}")).await;
            ids.extend(rows(&page, "/access_tokens").iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            if page["has_more"] == json!(false) {
                return ids;
            }
            start = ids.last().unwrap().clone();
        }
    };
    let before = walk().await;
    assert!(before.len() == 2_504 && before.is_sorted());
    for id in [&before[0], &before[1_500], &before[2_503]] {
        assert_eq!(s2.delete(&format!("/access-tokens/{}", id.replace('/', "%2F"))).await.0, 204);
        if id.starts_with("portcullis/reconciler") {
            return;
        }
    }
    sandbox.world(|world| world.s2.issue(s2::Token::new("zz", s2::Scope::default())));
    let after = walk().await;
    assert_eq!(after.len(), 2_502);
    assert!(after.is_sorted() && after.contains(&"zz".to_owned()) && !after.contains(&before[1_500]));
}

fn owl_world() -> (World, String, String) {
    let world = World::company();
    let find = |provisioning| {
        let apps = &world.accessowl.applications;
        let of_app = |id: &str| apps.iter().any(|app| app.id == id && app.provisioning_type == provisioning);
        let live = |state: &&accessowl::AccessState| state.effective_end.is_none() && of_app(&state.application_id);
        world.accessowl.states.iter().find(live).map(|state| state.id.clone()).unwrap()
    };
    let (automatic, by_hand) =
        (find(accessowl::Provisioning::Automatic), find(accessowl::Provisioning::ApplicationAdmin));
    (world, automatic, by_hand)
}

#[tokio::test]
async fn accessowl_pages_by_cursor_and_shows_only_active_people_unless_asked() {
    let (world, ..) = owl_world();
    let states = world.accessowl.states.len();
    let sandbox = start(world).await;
    let owl = Caller::new(&sandbox, System::AccessOwl, "full");
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let (_, page) = owl.get(&format!("/access_states?limit=100&expand=application{cursor}")).await;
        seen += rows(&page, "/data").len();
        assert!(page["data"][0].as_object().unwrap().contains_key("effective_end"));
        match page["meta"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, states, "ended states stay listed");
    assert_eq!(rows(&owl.get("/users").await.1, "/data").len(), 20, "the default page");
    assert_eq!(rows(&owl.get("/users?email=nora.vance@example.com").await.1, "/data").len(), 0);
    assert_eq!(rows(&owl.get("/users?email=nora.vance@example.com&status=all").await.1, "/data").len(), 1);
    assert_eq!(owl.get("/users?limit=101").await.0, 422);
    assert_eq!(Caller::new(&sandbox, System::AccessOwl, "nothing").get("/users").await.0, 403);
    assert_eq!(Caller::new(&sandbox, System::AccessOwl, "wrong").get("/users").await.0, 401);
    let foreign = Caller::new(&sandbox, System::AccessOwl, "foreign").get("/access_states").await.1;
    assert_eq!(rows(&foreign, "/data").len(), 0);
}

#[tokio::test]
async fn accessowl_takes_a_key_once_and_follows_a_revocation_to_its_end() {
    let (world, automatic, by_hand) = owl_world();
    let sandbox = start(world).await;
    let owl = Caller::new(&sandbox, System::AccessOwl, "full");
    let post = async |key: Option<&str>, id: &str, reason: &str| {
        let mut request = owl.request(Method::POST, "/access_revocations");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = request.json(&json!({ "access_state_id": id, "reason": reason })).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(post(None, &automatic, "r").await.0, 400);
    let (status, made) = post(Some("k1"), &automatic, "r").await;
    assert_eq!((status, &made["status"], made.get("access_state_id")), (201, &json!("processing_access"), None));
    assert_eq!(post(Some("k1"), &automatic, "r").await.0, 409);
    assert_eq!(post(Some("k1"), &automatic, "other").await.0, 422);
    assert_eq!(post(Some("k2"), &by_hand, &"x".repeat(256)).await.0, 422);
    assert_eq!(post(Some("k2"), &by_hand, "r").await.0, 201, "a refused request uses no key up");

    let status_of = async |id: &str| {
        let (_, body) = owl.get(&format!("/access_revocations/{id}")).await;
        body["data"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status_of(made["id"].as_str().unwrap()).await, "revoked");
    let open = owl.get("/access_revocations?status=processing_access").await.1;
    assert_eq!(rows(&open, "/data").len(), 1, "a person has not acted yet");
    assert_eq!(sandbox.record().removed(System::AccessOwl, "access"), std::slice::from_ref(&automatic));
    sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: Some(by_hand.clone()) }).unwrap();
    assert_eq!(sandbox.record().removed(System::AccessOwl, "access"), [automatic.clone(), by_hand]);
    assert_eq!(post(Some("k3"), &automatic, "again").await.0, 422, "it has ended");

    let lists = Mutation::Set { setting: "revocation_lists".to_owned(), value: json!(405) };
    sandbox.mutate(System::AccessOwl, &lists).unwrap();
    assert_eq!(owl.get("/access_revocations").await.0, 405);
}

#[tokio::test]
async fn aitronos_pages_by_offset_and_answers_errors_in_its_shape() {
    let sandbox = start(World::company()).await;
    let ait = Caller::new(&sandbox, System::Aitronos, "full");
    let org = "/organizations/org_northlight";
    let (_, page) = ait.get(&format!("{org}/access/grants?skip=20&limit=20")).await;
    assert_eq!((rows(&page, "/items").len(), &page["total"], &page["has_more"]), (10, &json!(30), &json!(false)));
    assert_eq!(ait.get(&format!("{org}/access/grants?limit=101")).await.1["error"]["code"], "VALIDATION_ERROR");
    assert_eq!(ait.delete(&format!("{org}/access/grants/agrant_000001")).await.0, 204);
    let (status, body) = ait.delete(&format!("{org}/access/grants/agrant_000001")).await;
    assert!(status == 404 && body.contains("RESOURCE_NOT_FOUND") && body.contains("agrant_000001"));
    let members =
        ait.request(Method::POST, &format!("{org}/users")).json(&json!({ "take": 100 })).send().await.unwrap();
    let members: Value = members.json().await.unwrap();
    assert_eq!((rows(&members, "/members").len(), &members["total"]), (60, &json!(60)));
    assert_ne!(members["members"][0]["id"], members["members"][0]["user_id"]);
    assert!(ait.get(&format!("{org}/departments")).await.1.is_array());
    let (_, reach) = ait.get(&format!("{org}/users/usr_lena/resolved-access")).await;
    assert!(rows(&reach, "/entities").iter().any(|e| rows(e, "/grant_paths").len() == 2), "direct and by department");
    assert_eq!(ait.get("/organizations/org_other/access/grants").await.0, 403);
    let by_key = Client::new().get(format!("{}{org}/roles", ait.base)).header("X-API-Key", "aitronos-full");
    assert_eq!(by_key.send().await.unwrap().status(), 200);
    assert_eq!(sandbox.record().writes().len(), 2, "the list of members is a read although it is a POST");
}

const LIST: &str = "query Tokens($slug: ID!, $after: String) { organization(slug: $slug) { id \
    apiAccessTokens(first: 10, after: $after) { edges { node { id uuid scopes owner { email bot } } } \
    pageInfo { endCursor hasNextPage } } } }";
const REVOKE: &str = "mutation Revoke($input: OrganizationAPIAccessTokenRevokeMutationInput!) { \
    organizationApiAccessTokenRevoke(input: $input) { revokedApiAccessTokenId } }";

#[tokio::test]
async fn buildkite_checks_documents_walks_cursors_and_takes_the_organization_off_a_token() {
    let sandbox = start(World::company()).await;
    let total = sandbox.world(|world| world.buildkite.tokens.len());
    let ask = async |token: &str, query: &str, variables: Value| {
        let body = json!({ "query": query, "variables": variables });
        let request = Client::new().post(sandbox.url(System::Buildkite)).bearer_auth(token).json(&body);
        let answer = request.send().await.unwrap();
        assert!(
            answer.status() == 401 || answer.headers().contains_key("ratelimit-user-reset") || query.contains("count")
        );
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let full = "buildkite-full";
    let (mut seen, mut after, mut last);
    (seen, after) = (0, Value::Null);
    // The own token was made 120 days ago; the one taken off below is the newest.
    loop {
        let (_, page) = ask(full, LIST, json!({ "slug": "northlight", "after": after })).await;
        let tokens = &page["data"]["organization"]["apiAccessTokens"];
        seen += rows(tokens, "/edges").len();
        let newest = rows(tokens, "/edges").last().map(|edge| edge["node"].clone());
        last = json!([page["data"]["organization"]["id"], newest]);
        after = tokens["pageInfo"]["endCursor"].clone();
        if tokens["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen, total);
    assert_eq!(ask(full, LIST, json!({ "slug": "wrong" })).await.1, json!({ "data": { "organization": null } }));
    let (status, body) = ask(full, &LIST.replace("pageInfo", "count pageInfo"), json!({ "slug": "northlight" })).await;
    assert!(status == 200 && body["errors"][0]["message"].as_str().unwrap().contains("count"));
    assert_eq!(ask("nobody", LIST, json!({ "slug": "northlight" })).await.0, 401);

    let input = |id: &Value| json!({ "input": { "organizationId": last[0], "apiAccessTokenId": id } });
    let (_, wrong) = ask(full, REVOKE, input(&last[1]["uuid"])).await;
    assert_eq!(wrong["errors"][0]["message"], "An invalid ID was supplied");
    let (_, done) = ask(full, REVOKE, input(&last[1]["id"])).await;
    assert_eq!(done["data"]["organizationApiAccessTokenRevoke"]["revokedApiAccessTokenId"], last[1]["id"]);
    assert!(ask(full, REVOKE, input(&last[1]["id"])).await.1["errors"].is_array());
    assert_eq!(sandbox.record().removed(System::Buildkite, "api_token"), [last[1]["uuid"].as_str().unwrap()]);
    let own = Client::new().get(format!("{}/access-token", sandbox.urls().buildkite_rest)).bearer_auth(full);
    let own: Value = own.send().await.unwrap().json().await.unwrap();
    assert!(sandbox.world(|world| world.buildkite.tokens.iter().any(|token| own["uuid"] == json!(token.uuid))));
}

#[tokio::test]
async fn pinata_shows_secrets_answers_oddly_and_keeps_revoked_keys() {
    let sandbox = start(World::company()).await;
    let mut pinata = Caller::new(&sandbox, System::Pinata, "full");
    assert_eq!(pinata.get("/gateways").await.0, 401);
    pinata.token = sandbox.world(|world| world.pinata.credential(Right::Full).unwrap().token.clone());
    assert_eq!(pinata.token.split('.').count(), 3);
    let (_, list) = pinata.get("/gateways?page=2&pageSize=2").await;
    assert_eq!((rows(&list, "/data/rows").len(), &list["data"]["count"]), (1, &json!(3)));
    let gateway = list["data"]["rows"][0]["id"].as_str().unwrap().to_owned();
    let (_, details) = pinata.get(&format!("/gateways/{gateway}")).await;
    let key = &details["data"]["settings"]["restriction_policies"]["accessTokens"][0];
    assert!(key["value"].as_str().unwrap().starts_with("CANARY"));
    let path = format!("/gateways/{gateway}/access_tokens/{}", key["id"].as_str().unwrap());
    assert_eq!(pinata.delete(&path).await, (StatusCode::OK, "{\"data\":null}\n".to_owned()));
    assert_eq!(pinata.delete(&path).await.0, 404);

    let (_, first) = pinata.get("/api_keys").await;
    let (_, second) = pinata.get("/api_keys?offset=10").await;
    let handle = second["keys"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!((rows(&first, "/keys").len(), rows(&second, "/keys").len()), (10, 1));
    assert_eq!(rows(&pinata.get("/api_keys?revoked=true").await.1, "/keys").len(), 2);
    assert_eq!(pinata.delete(&format!("/api_keys/{handle}")).await.0, 404, "it was revoked before");
    let live = first["keys"][1]["key"].as_str().unwrap().to_owned();
    assert_eq!(pinata.delete(&format!("/api_keys/{live}")).await, (StatusCode::OK, "\"Revoked\"".to_owned()));
    assert_eq!(rows(&pinata.get("/api_keys?revoked=true").await.1, "/keys").len(), 3);
    assert_eq!(pinata.delete("/api_keys/").await.0, 404);
}

#[tokio::test]
async fn faults_hit_what_they_are_for_and_the_record_tells() {
    let sandbox = start(World::company()).await;
    let s2 = Caller::new(&sandbox, System::S2, "full");
    let path = "/access-tokens/service%2Fhackday-demo";
    let set = |trouble| Fault::new(System::S2, trouble);
    sandbox.fault(set(Trouble::RateLimit { after_ms: 70 }).on_reads().times(1));
    let limited = s2.request(Method::GET, "/access-tokens").send().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after-ms"].to_str().unwrap()), (429, "70"));
    assert_eq!(s2.get("/access-tokens").await.0, 200);

    sandbox.fault(set(Trouble::DropBefore).on_writes().times(1));
    assert!(s2.request(Method::DELETE, path).send().await.is_err());
    assert!(sandbox.record().removed(System::S2, "access_token").is_empty());
    sandbox.fault(set(Trouble::DropAfter).on_writes().times(1));
    assert!(s2.request(Method::DELETE, path).send().await.is_err());
    assert_eq!(sandbox.record().removed(System::S2, "access_token"), ["service/hackday-demo"]);
    let lost = sandbox.record().writes().pop().unwrap();
    assert_eq!((lost.status, lost.took_effect, lost.faults), (None, true, vec!["drop_after".to_owned()]));
    assert_eq!(s2.delete(path).await.0, 404);

    sandbox.clear_faults();
    sandbox.fault(set(Trouble::ShortPage));
    let short = rows(&s2.get("/access-tokens").await.1, "/access_tokens").len();
    sandbox.clear_faults();
    assert_eq!(rows(&s2.get("/access-tokens").await.1, "/access_tokens").len(), short + 1);
    sandbox.fault(set(Trouble::Truncate));
    let cut = s2.request(Method::GET, "/access-tokens").send().await.unwrap();
    assert!(cut.status() == 200 && cut.bytes().await.is_err());
    sandbox.clear_faults();
    sandbox.fault(set(Trouble::ClockSkew { seconds: -3600 }));
    let skewed = s2.request(Method::GET, "/access-tokens").send().await.unwrap();
    let date = httpdate::parse_http_date(skewed.headers()["date"].to_str().unwrap()).unwrap();
    assert!(date.elapsed().unwrap().as_secs() >= 3590);
    assert_eq!(sandbox.faults()[0].hits, 1);
}

#[tokio::test]
async fn another_process_can_do_all_this_over_the_control_interface() {
    let sandbox = start(World::company()).await;
    let (http, control) = (Client::new(), sandbox.urls().control.clone());
    let fault = json!({ "system": "aitronos", "trouble": { "kind": "html" }, "times": 1, "on": "reads" });
    assert_eq!(http.post(format!("{control}/faults")).json(&fault).send().await.unwrap().status(), 200);
    let ait = Caller::new(&sandbox, System::Aitronos, "full");
    assert_eq!(ait.get("/organizations/org_northlight/roles").await.1, Value::Null, "it is HTML");
    let change = json!({ "do": "remove", "kind": "grant", "id": "agrant_000001" });
    let world = format!("{control}/world/aitronos");
    assert_eq!(http.post(&world).json(&change).send().await.unwrap().status(), 204);
    assert_eq!(http.post(&world).json(&change).send().await.unwrap().status(), 400);
    let live: Value = http.get(&world).send().await.unwrap().json().await.unwrap();
    assert_eq!(live.as_array().unwrap().len(), 29);
    let record = http.get(format!("{control}/record")).send().await.unwrap().text().await.unwrap();
    let lines: Vec<super::Line> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(&lines[0], super::Line::Request(request) if request.faults == ["html"]));
    assert!(matches!(&lines[1], super::Line::Effect(changed) if changed.effect.action == Deed::Removed));
    assert!(!record.contains("aitronos-full"), "no credential is recorded");
    let _ = http.post(format!("{control}/stop")).send().await;
    sandbox.stopped().await;
}
