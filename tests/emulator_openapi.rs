//! Every answer of the emulator is what Clerk's OpenAPI file of that version says it is.

use std::{collections::BTreeSet, error::Error};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tower_clerk::{
    SessionId,
    testing::{Membership, SessionsApi},
};

type Outcome = Result<(), Box<dyn Error>>;

const VERSIONS: [(&str, &str); 6] = [
    ("2021-02-05", include_str!("openapi/2021-02-05.json")),
    ("2024-10-01", include_str!("openapi/2024-10-01.json")),
    ("2025-03-12", include_str!("openapi/2025-03-12.json")),
    ("2025-04-10", include_str!("openapi/2025-04-10.json")),
    ("2025-11-10", include_str!("openapi/2025-11-10.json")),
    ("2026-05-12", include_str!("openapi/2026-05-12.json")),
];

const LIST: &str = "/sessions";
const GET: &str = "/sessions/{session_id}";
const REVOKE: &str = "/sessions/{session_id}/revoke";
const VERIFY: &str = "/sessions/{session_id}/verify";
const REFRESH: &str = "/sessions/{session_id}/refresh";
const TOKENS: &str = "/sessions/{session_id}/tokens";
const TEMPLATE: &str = "/sessions/{session_id}/tokens/{template_name}";

/// One version of the API, asked over a socket.
struct Checker<'a> {
    api: &'a SessionsApi,
    http: &'a Client,
    version: &'static str,
    document: Value,
    seen: BTreeSet<(&'static str, String, u16)>,
}

impl Checker<'_> {
    /// Asks, expects the status, and compares the answer with the file.
    async fn ask(
        &mut self,
        (method, path): (Method, &'static str),
        session: &str,
        query: &str,
        body: Value,
        expected: u16,
    ) -> Result<Value, Box<dyn Error>> {
        self.ask_with_key(self.api.secret_key(), (method, path), session, query, body, expected)
            .await
    }

    async fn ask_with_key(
        &mut self,
        key: &str,
        (method, path): (Method, &'static str),
        session: &str,
        query: &str,
        body: Value,
        expected: u16,
    ) -> Result<Value, Box<dyn Error>> {
        let concrete = path.replace("{session_id}", session).replace("{template_name}", "hasura");
        let url = format!("{}/v1{concrete}{query}", self.api.base_url());
        let answer = self
            .http
            .request(method.clone(), url)
            .bearer_auth(key)
            .header("clerk-api-version", self.version)
            .json(&body)
            .send()
            .await?;
        let context = format!("{} {method} {concrete}{query} {body}", self.version);
        let status = answer.status().as_u16();
        assert_eq!(answer.headers()["content-type"], "application/json", "{context}");
        let body: Value = answer.json().await?;
        assert_eq!(status, expected, "{context}: {body}");
        let method = method.as_str().to_lowercase();
        if body.get("total_count").is_some() {
            // The files do not know the paginated form: its sessions must be what the list's are.
            self.validate(path, &method, status, &body["data"], &context);
        } else {
            self.validate(path, &method, status, &body, &context);
        }
        self.seen.insert((path, method, status));
        Ok(body)
    }

    fn validate(&self, path: &str, method: &str, status: u16, body: &Value, context: &str) {
        let status = status.to_string();
        let reference = match self.document["paths"][path][method].get(&status) {
            Some(_) => format!(
                "#/paths/{}/{method}/{status}",
                path.replace('/', "~1").replace('{', "%7B").replace('}', "%7D")
            ),
            // An error that the file does not foresee has the form of those it does.
            None if status.starts_with('4') => "#/components/schemas/ClerkErrors".to_owned(),
            None => panic!("{context}: {status} is not in the file"),
        };
        let mut schema = self.document.clone();
        schema["$ref"] = json!(reference);
        let validator = jsonschema::draft202012::new(&schema).expect("the extract is a schema");
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{error}")).collect();
        assert!(errors.is_empty(), "{context}: {body}: {errors:?}");
    }

    /// That each answer in the file was met.
    fn assert_complete(&self) {
        let Value::Object(paths) = &self.document["paths"] else { panic!("no paths") };
        for (path, methods) in paths {
            for (method, statuses) in methods.as_object().expect("methods") {
                for status in statuses.as_object().expect("statuses").keys() {
                    // What nobody knows how to provoke, or what this version answers 422 or 404 for.
                    let unprovoked = status == "400"
                        && ([GET, REVOKE].contains(&path.as_str())
                            || (path, method.as_str()) == (&LIST.to_owned(), "get"));
                    let elsewhere = path == VERIFY && status == "410";
                    let number: u16 = status.parse().expect("a status");
                    let met =
                        self.seen.iter().any(|(p, m, s)| p == path && m == method && *s == number);
                    assert!(
                        met || unprovoked || elsewhere,
                        "{}: {method} {path} {status} not met",
                        self.version
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_answer_is_valid_in_every_version() -> Outcome {
    let http = Client::new();
    for (version, document) in VERSIONS {
        let api = SessionsApi::builder().user("user_1").template("hasura").start().await?;
        let document = serde_json::from_str(document)?;
        let mut checker =
            Checker { api: &api, http: &http, version, document, seen: BTreeSet::new() };
        let pending_is_known = version >= "2025-03-12";
        sessions(&mut checker, pending_is_known).await?;
        tokens(&mut checker).await?;
        verification(&mut checker, version < "2025-04-10").await?;
        wrong_keys(&mut checker).await?;
        checker.assert_complete();
    }
    Ok(())
}

async fn sessions(checker: &mut Checker<'_>, pending_is_known: bool) -> Outcome {
    let (get, post) = (Method::GET, Method::POST);
    let none = || json!({});
    let create = json!({ "user_id": "user_1", "active_organization_id": "org_1" });
    let created = checker.ask((post.clone(), LIST), "", "", create, 200).await?;
    let id = created["id"].as_str().ok_or("no id")?.to_owned();
    checker.ask((post.clone(), LIST), "", "", none(), 422).await?;
    checker.ask((post.clone(), LIST), "", "", json!([]), 400).await?;
    checker.ask((post.clone(), LIST), "", "", json!({ "user_id": "user_2" }), 404).await?;

    let odd = odd_session(checker.api);
    for session in [&id, odd.as_str()] {
        checker.ask((get.clone(), GET), session, "", none(), 200).await?;
    }
    for status in ["pending", "ended", "expired", "removed", "abandoned", "replaced", "revoked"] {
        checker.api.set_status(&odd, status);
        let is_there = pending_is_known || status != "pending";
        let expected = if is_there { 200 } else { 404 };
        checker.ask((get.clone(), GET), odd.as_str(), "", none(), expected).await?;
        let listed = checker.ask((get.clone(), LIST), "", "", none(), 200).await?;
        assert_eq!(listed.as_array().map(Vec::len), Some(1 + usize::from(is_there)));
        checker.ask((get.clone(), LIST), "", "?paginated=true&limit=1", none(), 200).await?;
    }
    checker.ask((get.clone(), LIST), "", "?limit=501", none(), 422).await?;
    checker.ask((get, GET), "sess_none", "", none(), 404).await?;
    checker.ask((post.clone(), REVOKE), &id, "", none(), 200).await?;
    checker.ask((post, REVOKE), "sess_none", "", none(), 404).await?;
    Ok(())
}

/// A session with everything that a session can have.
fn odd_session(api: &SessionsApi) -> SessionId {
    let id = api.sign_in("user_1");
    api.edit(&id, |session| {
        session.actor = Some(json!({ "sub": "user_admin" }));
        session.organization = "org_1".parse().ok().map(Membership::new);
        session.tasks = vec!["choose-organization".to_owned()];
    });
    id
}

async fn tokens(checker: &mut Checker<'_>) -> Outcome {
    let post = || Method::POST;
    let session = checker.api.sign_in("user_1");
    for path in [TOKENS, TEMPLATE] {
        let lifetime = json!({ "expires_in_seconds": 30 });
        checker.ask((post(), path), session.as_str(), "", lifetime, 200).await?;
        let lifetime = json!({ "expires_in_seconds": 29 });
        checker.ask((post(), path), session.as_str(), "", lifetime, 422).await?;
        checker.ask((post(), path), "sess_none", "", Value::Null, 404).await?;
    }
    let token = checker.api.mint(&session).expired().sign();
    let refresh_token = checker.api.refresh_token(&session);
    for (format, refresh_token, expected) in [
        (json!("token"), refresh_token.as_str(), 200),
        (json!("cookie"), &refresh_token, 200),
        (json!(null), &refresh_token, 200),
        (json!("xml"), &refresh_token, 400),
        (json!("token"), "rt_none", 401),
    ] {
        let body = json!({
            "expired_token": token, "refresh_token": refresh_token,
            "request_origin": "https://app.example.com", "format": format,
        });
        checker.ask((post(), REFRESH), session.as_str(), "", body, expected).await?;
    }
    checker.ask((Method::GET, "/jwks"), "", "", Value::Null, 200).await?;
    Ok(())
}

async fn verification(checker: &mut Checker<'_>, exists: bool) -> Outcome {
    let session = checker.api.sign_in("user_1");
    let own = json!({ "token": checker.api.token(&session) });
    let other = checker.api.sign_in("user_1");
    let foreign = json!({ "token": checker.api.token(&other) });
    let gone = |status| if exists { status } else { 410 };
    let verify = || (Method::POST, VERIFY);
    checker.ask(verify(), session.as_str(), "", own, gone(200)).await?;
    checker.ask(verify(), session.as_str(), "", foreign, gone(400)).await?;
    checker.api.set_status(&session, "ended");
    checker.ask(verify(), session.as_str(), "", json!({}), gone(404)).await?;
    Ok(())
}

async fn wrong_keys(checker: &mut Checker<'_>) -> Outcome {
    for (method, path) in [
        (Method::GET, LIST),
        (Method::POST, LIST),
        (Method::GET, GET),
        (Method::POST, REVOKE),
        (Method::POST, VERIFY),
        (Method::POST, REFRESH),
        (Method::POST, TOKENS),
        (Method::POST, TEMPLATE),
        (Method::GET, "/jwks"),
    ] {
        let key = "sk_test_wrong";
        checker.ask_with_key(key, (method, path), "sess_1", "", json!({}), 401).await?;
    }
    Ok(())
}

#[test]
fn the_check_itself_refuses_what_the_file_forbids() -> Outcome {
    let mut schema: Value = serde_json::from_str(VERSIONS[0].1)?;
    schema["$ref"] = json!("#/components/schemas/Session");
    let validator = jsonschema::draft202012::new(&schema)?;
    let good = json!({
        "object": "session", "id": "sess_1", "user_id": "user_1", "client_id": "client_1",
        "status": "active", "actor": null, "last_active_at": 1, "expire_at": 1, "abandon_at": 1,
        "updated_at": 1, "created_at": 1,
    });
    assert!(validator.is_valid(&good));
    for (name, value) in [
        ("status", json!("pending")),
        ("tasks", json!([])),
        ("expire_at", json!("1")),
        ("created_at", json!(1.5)),
        ("user_id", json!(null)),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!validator.is_valid(&bad), "{bad}");
    }
    Ok(())
}
