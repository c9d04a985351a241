//! Our choice among cookies beside Clerk's own: 2,000 requests with cookies, and whose session we admit with each.
//!
//! `tests/sdk/cookies.sh` has Clerk's `authenticateRequest` answer them too, and compares. By itself this checks
//! that there is something to compare: on either kind of instance each answer is given many times.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    env, fs,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, header::COOKIE, request::Parts};
use serde_json::{Value, json};
use tower_clerk::{
    AuthenticateLayer, Claims, Clock, Credential, Instance, PublishableKey, RejectionKind,
    SessionCheck, SessionId, SessionResolver,
    extract::{ExtractCredential, SessionCookie},
    testing::{SessionsApi, TokenMint},
};

#[path = "chaos/random.rs"]
#[expect(dead_code, reason = "chaos needs more of it")]
mod random;

use random::Random;

const REQUESTS: usize = 2_000;
/// `COOKIES_SEED` draws others.
const SEED: u64 = 13;
const NOW: u64 = 1_800_000_000;
const PARTY: &str = "https://app.example.com";

#[tokio::test]
async fn each_kind_of_instance_admits_by_either_pair_refuses_and_finds_nobody() {
    let seed = env::var("COOKIES_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let mut random = Random::new(seed);
    let stranger = clerk("sk_live_SomebodyElses").await;
    let apps =
        [App::new("sk_live_Ours", &stranger).await, App::new("sk_test_Ours", &stranger).await];
    let mut lines: Vec<_> = apps.iter().map(App::described).collect();
    let mut answers = BTreeMap::<_, usize>::new();
    for _ in 0..REQUESTS {
        let app = random.pick(&apps);
        let cookies = app.cookies(&mut random);
        let fields = fields(&mut random, &cookies);
        let (ours, how) = app.answer(&fields).await;
        *answers.entry((app.is_live, how)).or_default() += 1;
        lines.push(json!({
            "live": app.is_live, "cookies": cookies, "fields": fields, "ours": ours,
        }));
    }
    for is_live in [true, false] {
        for how in ["plain", "suffixed", "absent", "ambiguous", "refused"] {
            let count = answers.get(&(is_live, how)).copied().unwrap_or_default();
            assert!(count > 20, "seed {seed}: {count} times {how}: {answers:?}");
        }
    }
    if let Some(path) = env::var_os("REQUESTS") {
        let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
        fs::write(path, lines.join("\n")).unwrap();
    }
}

/// An instance, the layer in front of its app, and the tokens that may be in a browser there.
struct App {
    is_live: bool,
    clerk: SessionsApi,
    suffix: String,
    reader: SessionCookie,
    layer: AuthenticateLayer,
    good: Vec<String>,
    special: Vec<String>,
}

async fn clerk(secret_key: &str) -> SessionsApi {
    let clock = Clock::fixed(at(NOW));
    SessionsApi::builder().secret_key(secret_key).clock(clock).start().await.unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl App {
    async fn new(secret_key: &str, stranger: &SessionsApi) -> Self {
        let clerk = clerk(secret_key).await;
        let key: PublishableKey = clerk.publishable_key().parse().unwrap();
        let suffix = key.cookie_suffix();
        let instance = Instance::builder().publishable_key(key).jwt_key(clerk.jwt_key());
        let instance = instance.authorized_parties([PARTY]).unwrap().build().unwrap();
        let resolver = SessionResolver::builder(&instance).check(SessionCheck::Networkless);
        let resolver = resolver.clock(clerk.clock()).build().unwrap();
        let reader = SessionCookie::of(&instance).clock(clerk.clock());
        let layer = AuthenticateLayer::new(resolver).unwrap().extractor(reader.clone()).unwrap();
        let good = good_tokens(&clerk);
        let special = special_tokens(&clerk, stranger);
        Self { is_live: instance.is_live().unwrap(), clerk, suffix, reader, layer, good, special }
    }

    /// What Clerk's SDK is told of it.
    fn described(&self) -> Value {
        json!({
            "secretKey": self.clerk.secret_key(),
            "publishableKey": self.clerk.publishable_key(),
            "jwtKey": self.clerk.jwt_key(),
            "issuer": self.clerk.issuer(),
            "authorizedParties": [PARTY],
            "suffix": self.suffix,
            "live": self.is_live,
            "now": NOW,
        })
    }

    /// The session that is admitted, or `absent` where no credential is found, or `refused`; and how it comes to that.
    async fn answer(&self, fields: &[String]) -> (String, &'static str) {
        let mut request = request(fields);
        let Err(rejection) = self.layer.authenticate(&mut request).await else {
            let claims = request.extensions.get::<Claims>().unwrap();
            let session = claims.session_id().unwrap().to_string();
            let Credential::SessionToken(token) = self.reader.extract(&request).unwrap().unwrap()
            else {
                panic!("a session's identifier in a cookie")
            };
            let is_plain = token.cookie() == Some("__session");
            return (session, if is_plain { "plain" } else { "suffixed" });
        };
        match rejection.kind() {
            RejectionKind::MissingCredential => ("absent".to_owned(), "absent"),
            RejectionKind::InvalidCredential if rejection.reason() == "credential-ambiguous" => {
                ("refused".to_owned(), "ambiguous")
            }
            RejectionKind::InvalidCredential | RejectionKind::InactiveSession => {
                ("refused".to_owned(), "refused")
            }
            _ => panic!("{rejection}"),
        }
    }

    /// Cookies as a browser might send them, in any order.
    fn cookies(&self, random: &mut Random) -> Vec<(String, String)> {
        let own = format!("_{}", self.suffix);
        let mut cookies = Vec::new();
        let mut add = |name: &str, suffix: &str, value: String| {
            cookies.push((format!("{name}{suffix}"), value));
        };
        let plain = self.session(random);
        let suffixed = if random.percent(15) { plain.clone() } else { self.session(random) };
        for (suffix, session, there) in [("", plain, 80), (&own, suffixed, 70)] {
            if random.percent(there) {
                add("__session", suffix, session);
            }
            if random.percent(15) {
                add("__session", suffix, self.session(random));
            }
            if random.percent(65) {
                add("__client_uat", suffix, uat(random));
            }
            if random.percent(6) {
                add("__client_uat", suffix, uat(random));
            }
        }
        if random.percent(15) {
            add("__session", "_AnOthers", random.pick(&self.good).clone());
            add("__client_uat", "_AnOthers", uat(random));
        }
        if random.percent(10) {
            let name = random.pick(&["theme", "__Session", "x__session", "__session_", "__client"]);
            add(name, "", random.pick(&self.good).clone());
        }
        for i in (1..cookies.len()).rev() {
            cookies.swap(i, random.below(i + 1));
        }
        cookies
    }

    /// What is in a cookie for a session's token.
    fn session(&self, random: &mut Random) -> String {
        let good = random.pick(&self.good);
        match random.below(100) {
            0..60 => good.clone(),
            60..85 => random.pick(&self.special).clone(),
            85..88 => good[..good.len() - 1 - random.below(12)].to_owned(),
            88 => format!("{good}="),
            89 => format!("\"{good}\""),
            90 => good.replacen('e', "%65", 1),
            91 => format!("{good}.{good}"),
            _ => random
                .pick(&[
                    "",
                    "x",
                    "s%3Aabc",
                    "s%3AZm9v.YmFyYmF6",
                    "a.b.c",
                    "eyJhbGciOiJSUzI1NiJ9",
                    "eyJ1c2VyIjoiMSJ9.c2ln",
                    "e30.W10.c2ln",
                    "e30.bnVsbA.c2ln",
                    "e30.e30.c2ln",
                    "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
                ])
                .to_string(),
        }
    }
}

fn uat(random: &mut Random) -> String {
    match random.below(100) {
        0..22 => "0".to_owned(),
        22..50 => (NOW - 86_400).to_string(),
        50..62 => (NOW - 45).to_string(),
        62..70 => (NOW - 5).to_string(),
        70..74 => (NOW + 60).to_string(),
        _ => random
            .pick(&[
                "",
                "",
                "x",
                "5x",
                "1.5",
                "-1",
                "+5",
                "00",
                "1",
                "%30",
                "\"0\"",
                "1800000001x",
                "253402300799",
                "253402300800",
                "99999999999999999999999",
                "null",
            ])
            .to_string(),
    }
}

/// Of two users, older and newer, and no longer good: for us or, by the clocks, not even for its front end.
fn good_tokens(clerk: &SessionsApi) -> Vec<String> {
    let sessions = ["user_ada", "user_bob", "user_ada"].map(|user| clerk.sign_in(user));
    let ages = [0, 5, 20, 40, 45, 55, 59, 60, 62, 64, 65, 3600];
    let of_age =
        |session: &SessionId, age: u64| mint(clerk, session).issued_at(at(NOW - age)).sign();
    sessions.iter().flat_map(|session| ages.map(|age| of_age(session, age))).collect()
}

/// What is no token of ours, or no good one, or an odd one.
fn special_tokens(clerk: &SessionsApi, stranger: &SessionsApi) -> Vec<String> {
    let [ada, eve] = [clerk, stranger].map(|clerk| clerk.sign_in("user_ada"));
    let mint = |age: u64| mint(clerk, &ada).issued_at(at(NOW - age));
    let issuer = clerk.issuer();
    let host = issuer.strip_prefix("https://").unwrap();
    let theirs = [2, 30, 58].map(|age| self::mint(stranger, &eve).issued_at(at(NOW - age)).sign());
    let mut tokens = [theirs.as_slice(); 4].concat();
    tokens.extend([
        mint(30).claim("iss", "https://session.firebase.google.com/app").sign(),
        mint(1).forged().sign(),
        mint(30).tampered().sign(),
        mint(1).template().sign(),
        mint(30).machine().sign(),
        mint(30).category("cl_B7d4PD222AAA").sign(),
        mint(1).claim("sts", "pending").sign(),
        mint(1).claim("azp", "https://evil.example.com").sign(),
        mint(30).without_claim("azp").sign(),
        mint(30).without_claim("iss").sign(),
        mint(30).claim("iss", "").sign(),
        mint(30).claim("iss", 7).sign(),
        mint(30).claim("iss", host).sign(),
        mint(30).claim("iss", format!("http://{host}")).sign(),
        mint(30).claim("iss", format!("{issuer}/")).sign(),
        mint(30).claim("iat", NOW + 5).sign(),
        mint(30).claim("iat", NOW + 6).sign(),
        mint(30).claim("iat", json!(NOW as f64 - 30.5)).sign(),
        mint(30).without_claim("exp").sign(),
        mint(30).claim("nbf", NOW + 6).sign(),
        mint(3600).expires_in(Duration::from_secs(7200)).sign(),
    ]);
    // Few pairs let these make a difference.
    let rare = [
        mint(30).without_claim("iat").sign(),
        mint(2).without_claim("iat").sign(),
        mint(30).claim("iat", NOW.to_string()).sign(),
        mint(30).claim("exp", "1").sign(),
    ];
    tokens.extend([rare.as_slice(); 3].concat());
    // A header that is none before a payload that is one.
    let payload = json!({ "iss": issuer, "iat": NOW, "exp": NOW + 60, "sub": "user_ada" });
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    tokens.extend([format!("e30.{payload}."), format!("abc.{payload}.c2ln")]);
    tokens
}

fn mint<'a>(clerk: &'a SessionsApi, session: &SessionId) -> TokenMint<'a> {
    clerk.mint(session).authorized_party(PARTY)
}

/// The cookies in one field or, as HTTP/2 has it, in several, and with what blanks there may be.
fn fields(random: &mut Random, cookies: &[(String, String)]) -> Vec<String> {
    let mut fields = Vec::<String>::new();
    for (name, value) in cookies {
        let equals = if random.percent(3) { *random.pick(&[" =", "= ", "\t="]) } else { "=" };
        let pair = format!("{name}{equals}{value}");
        match fields.last_mut() {
            Some(field) if random.percent(85) => {
                let between = *random.pick(&["; ", "; ", "; ", ";", " ;", "; x; ", ";;"]);
                field.extend([between, &pair]);
            }
            _ => fields.push(pair),
        }
    }
    fields
}

fn request(fields: &[String]) -> Parts {
    let request = Request::get("/").body(()).unwrap();
    let (mut request, ()) = request.into_parts();
    for field in fields {
        request.headers.append(COOKIE, field.parse().unwrap());
    }
    request
}
