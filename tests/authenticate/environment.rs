//! What the environment sets up. Variables are a whole process's, so each service runs in one of its own:
//! this test binary again, told to run [`all_of_it_set_the_service_is_complete`] alone, which then is
//! [the service](be_the_service).

use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    process::Command,
    time::Duration,
};

use http::{Request, Response};
use http_body_util::Empty;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_clerk::{
    AuthenticateLayer, ConfigError, Instance, Policy, PublishableKey, Rejection, Session,
    SessionResolver,
    testing::{Operation, SessionsApi},
};

const FRONTEND_API: &str = "CLERK_FRONTEND_API_URL";
const PROXY: &str = "CLERK_PROXY_URL";
const PARTIES: &str = "CLERK_AUTHORIZED_PARTIES";
const URL: &str = "CLERK_API_URL";
const PEM: &str = "CLERK_JWT_KEY";
const PUBLISHABLE: &str = "CLERK_PUBLISHABLE_KEY";
const SECRET: &str = "CLERK_SECRET_KEY";
const LOG: &str = "TOWER_CLERK_REDIS_URL";

/// Which constructor the child is to use, and the header that it is to send itself.
const SET_UP: &str = "TEST_SET_UP";
const HEADER: &str = "TEST_HEADER";

/// What a process with these variables, and no others of Clerk's, said.
#[derive(Debug)]
struct Said {
    answer: Value,
    warnings: Vec<String>,
    everything: String,
}

#[derive(Debug, Clone)]
struct Variables(Vec<(&'static str, OsString)>);

impl Variables {
    /// Of a service of this instance.
    fn of(clerk: &SessionsApi) -> Self {
        Self(Vec::new())
            .with(SECRET, clerk.secret_key())
            .with(PUBLISHABLE, clerk.publishable_key())
            .with(URL, clerk.base_url())
            .with(PARTIES, "https://app.example.com")
    }

    fn with(&self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        let mut variables = self.without(name);
        variables.0.push((name, value.as_ref().to_owned()));
        variables
    }

    fn without(&self, name: &'static str) -> Self {
        Self(self.0.iter().filter(|(other, _)| *other != name).cloned().collect())
    }

    /// Starts the service, sends it a request with this header, and gives what it said.
    fn ask(&self, header: &str) -> Said {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "environment::all_of_it_set_the_service_is_complete",
            "--nocapture",
        ]);
        for name in
            [SECRET, PUBLISHABLE, PEM, URL, FRONTEND_API, PROXY, PARTIES, LOG, "CLERK_API_VERSION"]
        {
            child.env_remove(name);
        }
        child.env(HEADER, header).envs(self.0.iter().cloned());
        let output = child.output().unwrap();
        let everything = [output.stdout, output.stderr].concat();
        let everything = String::from_utf8(everything).unwrap();
        let answer = everything.lines().find_map(|line| line.split_once("ANSWER "));
        let answer = answer.unwrap_or_else(|| panic!("{everything}")).1;
        let warnings = everything.lines().filter(|line| line.contains(" WARN "));
        Said {
            answer: serde_json::from_str(answer).unwrap(),
            warnings: warnings.map(str::to_owned).collect(),
            everything: everything.clone(),
        }
    }

    /// What is wrong with them.
    #[track_caller]
    fn refused(&self) -> String {
        let said = self.ask("");
        for (name, value) in &self.0 {
            let value = value.to_string_lossy();
            let secret = *name == SECRET && value.trim().len() > "sk_test_".len();
            assert!(!secret || !said.everything.contains(value.trim()), "{}", said.everything);
        }
        said.answer["error"].as_str().unwrap_or_else(|| panic!("{self:?}: {said:?}")).to_owned()
    }
}

async fn be_the_service(header: &str) {
    tracing_subscriber::fmt().with_ansi(false).init();
    let answer = match layer() {
        Ok(layer) => answer(layer, header).await,
        Err(error) => json!({ "error": error.to_string() }),
    };
    println!("\nANSWER {answer}");
}

fn layer() -> Result<AuthenticateLayer, ConfigError> {
    match std::env::var(SET_UP).as_deref() {
        Ok("resolver") => AuthenticateLayer::new(SessionResolver::from_env()?),
        Ok("instance") => AuthenticateLayer::new(SessionResolver::new(&Instance::from_env()?)?),
        Ok("lookup") => {
            let instance = Instance::from_lookup(|name| std::env::var(name).ok())?;
            AuthenticateLayer::new(SessionResolver::builder(&instance).build()?)
        }
        Ok("policy") => {
            let hasty = Policy::new().max_age(Duration::from_secs(3600));
            AuthenticateLayer::from_env()?.policy(hasty)
        }
        _ => AuthenticateLayer::from_env(),
    }
}

async fn answer(layer: AuthenticateLayer, header: &str) -> Value {
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let mut response = Response::new(Empty::<bytes::Bytes>::new());
        response.extensions_mut().insert(request.extensions().get::<Session>().unwrap().clone());
        Ok::<_, Infallible>(response)
    }));
    let mut request = Request::builder();
    if let Some((name, value)) = header.split_once(": ") {
        request = request.header(name, value);
    }
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    json!({
        "status": response.status().as_u16(),
        "user": response.extensions().get().map(|session: &Session| session.user_id().to_string()),
        "reason": response.extensions().get().map(Rejection::reason),
    })
}

fn ada() -> Value {
    json!({ "status": 200, "user": "user_ada", "reason": null })
}

fn refused(reason: &str) -> Value {
    json!({ "status": 401, "user": null, "reason": reason })
}

/// A front end's token of `user_ada`.
fn token(clerk: &SessionsApi) -> String {
    let session = clerk.sign_in("user_ada");
    clerk.mint(&session).authorized_party("https://app.example.com").sign()
}

#[tokio::test]
async fn all_of_it_set_the_service_is_complete() {
    if let Ok(header) = std::env::var(HEADER) {
        return be_the_service(&header).await;
    }
    let clerk = SessionsApi::start().await;
    let variables = Variables::of(&clerk);
    let token = token(&clerk);
    let key: PublishableKey = clerk.publishable_key().parse().unwrap();
    let suffix = key.cookie_suffix();

    let said = variables.ask(&format!("authorization: Bearer {token}"));
    assert_eq!(said.answer, ada());
    assert_eq!(said.warnings, [""; 0]);
    assert_eq!(variables.ask(&format!("cookie: __session_{suffix}={token}")).answer, ada());
    assert_eq!(variables.ask(&format!("cookie: __session={token}")).answer, ada());
    assert_eq!(variables.ask("").answer, refused("session-token-missing"));

    let session = clerk.sign_in("user_ada");
    let elsewhere = clerk.mint(&session).authorized_party("https://evil.example.com").sign();
    let nowhere = clerk.token(&session);
    for token in [elsewhere, nowhere] {
        let said = variables.ask(&format!("authorization: Bearer {token}"));
        assert_eq!(said.answer, refused("token-invalid-authorized-parties"));
    }
}

#[tokio::test]
async fn parties_are_separated_by_commas() {
    let clerk = SessionsApi::start().await;
    let parties = " https://www.example.com , https://app.example.com,";
    let variables = Variables::of(&clerk).with(PARTIES, parties);
    let said = variables.ask(&format!("authorization: Bearer {}", token(&clerk)));
    assert_eq!(said.answer, ada());
}

#[tokio::test]
async fn with_no_more_than_the_secret_key_it_works_and_warns_of_what_is_not_checked() {
    let clerk = SessionsApi::start().await;
    let variables = Variables::of(&clerk).without(PUBLISHABLE).without(PARTIES);
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).claim("iss", "https://proxied.example.com").sign();

    for variables in [variables.clone(), variables.with(PUBLISHABLE, "").with(PARTIES, "")] {
        let said = variables.ask(&format!("cookie: __session={token}"));
        assert_eq!(said.answer, ada());
        assert_eq!(said.warnings.len(), 2, "{:?}", said.warnings);
        assert!(said.warnings.iter().any(|warning| warning.contains(PUBLISHABLE)));
        assert!(said.warnings.iter().any(|warning| warning.contains(PARTIES)));
    }
    let key: PublishableKey = clerk.publishable_key().parse().unwrap();
    let suffixed = variables.ask(&format!("cookie: __session_{}={token}", key.cookie_suffix()));
    assert_eq!(suffixed.answer, refused("session-token-missing"));
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_log_that_cannot_be_reached_stops_no_service_and_one_that_is_none_is_named() {
    let clerk = SessionsApi::start().await;
    let variables = Variables::of(&clerk);
    let credential = format!("authorization: Bearer {}", token(&clerk));
    for unreachable in ["unix:///nowhere/at/all", "redis://127.0.0.1:1"] {
        assert_eq!(variables.with(LOG, unreachable).ask(&credential).answer, ada());
    }
    assert_eq!(variables.with(LOG, "").ask(&credential).answer, ada(), "empty is unset");
    assert!(variables.with(LOG, "http://redis.internal").refused().contains(LOG));
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn without_the_feature_a_log_is_refused_by_the_feature_to_enable() {
    let clerk = SessionsApi::start().await;
    let refused = Variables::of(&clerk).with(LOG, "redis://127.0.0.1").refused();
    assert!(refused.contains(LOG) && refused.contains("feature `redis`"), "{refused}");
}

#[tokio::test]
async fn the_publishable_key_gives_the_issuer() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).claim("iss", "https://proxied.example.com").sign();
    let variables = Variables::of(&clerk).without(PARTIES);
    let said = variables.ask(&format!("authorization: Bearer {token}"));
    assert_eq!(said.answer, refused("token-invalid-issuer"));
}

#[tokio::test]
async fn a_variable_that_holds_something_else_is_told_what_it_seems_to_be_by_its_name() {
    let clerk = SessionsApi::start().await;
    let private = clerk.jwt_key().replace("PUBLIC KEY", "PRIVATE KEY");
    for (name, value, said) in [
        (PEM, private, "a private key"),
        (PEM, clerk.secret_key().to_owned(), "the secret key"),
        (SECRET, format!("\"{}\"", clerk.secret_key()), "quotes"),
        (SECRET, clerk.publishable_key().to_owned(), "a publishable key"),
        (PUBLISHABLE, format!("'{}'", clerk.publishable_key()), "quotes"),
        (PUBLISHABLE, clerk.secret_key().to_owned(), "a secret key"),
        (PARTIES, "https://app.example.com:443".to_owned(), "write `https://app.example.com`"),
        (PARTIES, "\"https://app.example.com\"".to_owned(), "quotes"),
    ] {
        let answer = Variables::of(&clerk).with(name, value).ask("").answer;
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(&format!("`{name}`")) && error.contains(said), "{error}");
        assert!(!error.contains(clerk.secret_key()), "{error}");
    }
    let secret = format!(" {}\n", clerk.secret_key());
    let header = format!("authorization: Bearer {}", token(&clerk));
    assert_eq!(Variables::of(&clerk).with(SECRET, secret).ask(&header).answer, ada());
}

#[tokio::test]
async fn with_the_pem_no_keys_are_fetched() {
    let clerk = SessionsApi::start().await;
    let header = format!("authorization: Bearer {}", token(&clerk));
    let escaped = clerk.jwt_key().trim().replace('\n', "\\n");
    for pem in [clerk.jwt_key(), format!("\"{escaped}\""), escaped] {
        assert_eq!(Variables::of(&clerk).with(PEM, pem).ask(&header).answer, ada());
    }
    assert_eq!(clerk.requests().count(Operation::Jwks), 0);
    assert_eq!(Variables::of(&clerk).with(PEM, "").ask(&header).answer, ada());
    assert_eq!(clerk.requests().count(Operation::Jwks), 1);
}

#[tokio::test]
async fn the_url_is_an_origin_however_it_is_written() {
    let clerk = SessionsApi::start().await;
    let header = format!("authorization: Bearer {}", token(&clerk));
    for end in ["", "/", "/v1", "/v1/"] {
        let url = format!("{}{end}", clerk.base_url());
        assert_eq!(Variables::of(&clerk).with(URL, url).ask(&header).answer, ada(), "{end}");
    }
}

#[tokio::test]
async fn clerks_variable_for_another_version_is_not_read() {
    let clerk = SessionsApi::start().await;
    let variables = Variables::of(&clerk).with("CLERK_API_VERSION", "v1");
    assert_eq!(variables.ask(&format!("authorization: Bearer {}", token(&clerk))).answer, ada());
    let requests = clerk.requests();
    let last = requests.last(Operation::Get).unwrap();
    assert_eq!(last.headers()["clerk-api-version"], "2026-05-12");
}

#[tokio::test]
async fn however_a_layer_is_made_it_is_as_strict_and_reads_the_same_cookies() {
    let clerk = SessionsApi::start().await;
    let key: PublishableKey = clerk.publishable_key().parse().unwrap();
    let suffix = key.cookie_suffix();
    let session = clerk.sign_in("user_ada");
    let ours = token(&clerk);
    let elsewhere = clerk.mint(&session).authorized_party("https://evil.example.com").sign();
    for set_up in ["layer", "resolver", "instance", "lookup", "policy"] {
        let variables = Variables::of(&clerk).with(SET_UP, set_up);
        for header in ["authorization: Bearer ".into(), format!("cookie: __session_{suffix}=")] {
            let said = variables.ask(&format!("{header}{ours}"));
            assert_eq!(said.answer, ada(), "{set_up}: {header}");
            assert_eq!(said.warnings, [""; 0], "{set_up}");
            let said = variables.ask(&format!("{header}{elsewhere}"));
            assert_eq!(said.answer, refused("token-invalid-authorized-parties"), "{set_up}");
        }
        let unset = variables.without(PARTIES).ask(&format!("authorization: Bearer {elsewhere}"));
        assert_eq!(unset.answer, ada(), "the negative control of {set_up}");
        assert!(variables.without(SECRET).refused().contains(SECRET));
    }
}

#[tokio::test]
async fn the_frontend_api_and_its_proxy_are_issuers_beside_the_publishable_keys() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let of = |issuer: &str| {
        let token = clerk.mint(&session).authorized_party("https://app.example.com");
        format!("authorization: Bearer {}", token.claim("iss", issuer).sign())
    };
    let (proxy, frontend_api) = ("https://app.example.com/__clerk", "https://clerk.example.com");
    let all = Variables::of(&clerk).with(PROXY, proxy).with(FRONTEND_API, frontend_api);
    for issuer in [clerk.issuer(), proxy, frontend_api] {
        assert_eq!(all.ask(&of(issuer)).answer, ada(), "{issuer}");
    }
    let other = refused("token-invalid-issuer");
    assert_eq!(all.ask(&of("https://other.example.com")).answer, other);
    assert_eq!(all.without(PROXY).ask(&of(proxy)).answer, other);

    let alone = all.without(PUBLISHABLE).without(PROXY);
    let said = alone.ask(&of(frontend_api));
    assert_eq!((said.answer, said.warnings), (ada(), Vec::new()));
    assert_eq!(alone.ask(&of(clerk.issuer())).answer, other);
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_start_up_with_its_cause() {
    let clerk = SessionsApi::start().await;
    let good = Variables::of(&clerk);
    let live = clerk.publishable_key().replace("pk_test_", "pk_live_");

    assert!(good.without(SECRET).refused().contains(SECRET));
    for (name, value, cause) in [
        (SECRET, "", SECRET),
        (SECRET, " ", SECRET),
        (SECRET, "sk_test_", SECRET),
        (SECRET, "sk_test_a b", SECRET),
        (SECRET, "sk_test_a\nbc", SECRET),
        (SECRET, "sk_prod_abc", SECRET),
        (SECRET, clerk.publishable_key(), SECRET),
        (SECRET, "sk_live_abcdef", "different instances"),
        (PUBLISHABLE, &live, "different instances"),
        (PUBLISHABLE, "pk_test_", PUBLISHABLE),
        (PUBLISHABLE, "pk_test_!!", PUBLISHABLE),
        (PUBLISHABLE, "nonsense", PUBLISHABLE),
        (PUBLISHABLE, " ", PUBLISHABLE),
        (PUBLISHABLE, clerk.secret_key(), PUBLISHABLE),
        (PEM, "nonsense", PEM),
        (PEM, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", PEM),
        (PEM, "-----BEGIN PUBLIC KEY-----", PEM),
        (PEM, " ", PEM),
        (PEM, clerk.publishable_key(), PEM),
        (URL, "http://api.clerk.com", URL),
        (URL, "http://127.0.0.1.example.com", URL),
        (URL, "ftp://127.0.0.1", URL),
        (URL, "api.clerk.com", URL),
        (URL, "https://me:secret@api.clerk.com", URL),
        (URL, "https://api.clerk.com/v2", URL),
        (URL, "https://api.clerk.com/?x", URL),
        (URL, "https://", URL),
        (URL, " ", URL),
        (PARTIES, "app.example.com", "origin"),
        (PARTIES, "https://app.example.com/", "origin"),
        (PARTIES, "https://app.example.com/app", "origin"),
        (PARTIES, "https://app.example.com https://www.example.com", "origin"),
        (PARTIES, "https://app.example.com,nonsense", "origin"),
        (PARTIES, "https://*.example.com", "origin"),
        (PARTIES, "*", "origin"),
        (PARTIES, ",", PARTIES),
        (PARTIES, " , ", PARTIES),
        (PARTIES, " ", PARTIES),
        (FRONTEND_API, "clerk.example.com", FRONTEND_API),
        (FRONTEND_API, "https://clerk.example.com/", FRONTEND_API),
        (PROXY, "/__clerk", PROXY),
        (PROXY, " ", PROXY),
    ] {
        let error = good.with(name, value).refused();
        assert!(error.contains(cause), "{name}={value}: {error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_variable_that_is_not_unicode_is_named() {
    use std::os::unix::ffi::OsStrExt;

    let clerk = SessionsApi::start().await;
    for name in [SECRET, PUBLISHABLE, PEM, URL, FRONTEND_API, PROXY, PARTIES] {
        let error = Variables::of(&clerk).with(name, OsStr::from_bytes(b"\xff\xfe")).refused();
        assert!(error.contains(name) && error.contains("Unicode"), "{error}");
    }
}
