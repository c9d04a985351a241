//! Our `has` beside Clerk's own: 2,000 pairs of claims and questions, and what we say to each.
//!
//! `tests/sdk/authorization.sh` has Clerk's `createCheckAuthorization` answer them too, and compares. By itself
//! this checks that there is something to compare: each kind of question gets many a yes and many a no.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, env, fs, time::Duration};

use serde_json::{Map, Value, json};
use tower_clerk::{
    Authorization, ConfigError, Protocol, Reverification, TokenVerifier,
    authorization::Level,
    testing::{SessionsApi, TokenMint},
};

#[path = "chaos/random.rs"]
#[expect(dead_code, reason = "chaos needs more of it")]
mod random;

use random::Random;

const PAIRS: usize = 2_000;
const SEED: u64 = 13;

#[tokio::test]
async fn every_kind_of_question_is_answered_yes_and_no() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let verifier = TokenVerifier::builder(&clerk.instance());
    let verifier = verifier.clock(clerk.clock()).build().unwrap();
    let mut random = Random::new(SEED);
    let mut answers = BTreeMap::<String, [usize; 3]>::new();
    let mut lines = Vec::new();
    for _ in 0..PAIRS {
        let members = claims(&mut random);
        let params = params(&mut random);
        let minutes = if random.percent(40) { random.below(15) } else { 0 };
        // Rounded up: as good as the whole minute.
        let later =
            Duration::from_secs(minutes as u64 * 60).saturating_sub(random.millis(0..59_000));

        let token = minted(clerk.mint(&session).without_claim("pla"), &members).sign();
        let claims = verifier.verify(&token).await.unwrap();
        let now = claims.assembled_at().unwrap() + later;
        let ours = match asked(&params) {
            None => "typo",
            Some(asked) if claims.has_at(&asked, now) => "yes",
            Some(_) => "no",
        };
        for kind in params.keys() {
            let index = ["yes", "no", "typo"].iter().position(|it| *it == ours).unwrap();
            answers.entry(kind.clone()).or_default()[index] += 1;
        }
        lines.push(json!({ "claims": claims, "params": params, "minutes": minutes, "ours": ours }));
    }
    assert_eq!(answers.len(), 5, "{answers:?}");
    for (kind, [yes, no, typos]) in answers {
        assert!(
            yes > 40 && no > 40 && typos > 10,
            "{kind}: {yes} times yes, {no} no, {typos} typos"
        );
    }
    lines.extend(hints(&clerk, &verifier).await);
    if let Some(path) = env::var_os("PAIRS") {
        let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
        fs::write(path, lines.join("\n")).unwrap();
    }
}

/// The claims of a session token that have to do with what its user may.
fn claims(random: &mut Random) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut has = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    let permissions = ["read", "write", "manage"];
    let role = *random.pick(&["admin", "admin", "member", "org:admin", "billing_manager", ""]);
    if random.percent(40) {
        if random.percent(90) {
            has("org_id", json!("org_1"));
        }
        if random.percent(90) {
            has("org_role", json!(role));
        }
        if random.percent(90) {
            let held = |random: &mut Random| {
                let (feature, name) = (random.pick(&FEATURES), random.pick(&permissions));
                let prefix = random.pick(&["org:", "org:", "org:", "", "org:org:"]);
                json!(format!("{prefix}{feature}:{name}"))
            };
            let held: Vec<_> = (0..random.below(12)).map(|_| held(random)).collect();
            has("org_permissions", json!(held));
        }
    } else {
        has("v", json!(2));
        if random.percent(90) {
            let names: Vec<_> = permissions[..=random.below(3)].to_vec();
            let masks: Vec<_> = (0..random.below(8))
                .map(|_| match random.below(12) {
                    0 => "x".to_owned(),
                    1 => "340282366920938463463374607431768211461".to_owned(),
                    mask => (mask % 8).to_string(),
                })
                .collect();
            let mut o = json!({ "id": "org_1", "per": names.join(","), "fpm": masks.join(",") });
            if random.percent(90) {
                o["rol"] = json!(role);
            }
            has("o", o);
        }
    }
    // These count for Clerk's SDK in any version.
    for name in ["fea", "pla"] {
        if random.percent(90) {
            has(name, json!(entitlements(random)));
        }
    }
    if random.percent(85) {
        let age = |random: &mut Random| *random.pick(&[-1, -1, 0, 1, 5, 9, 10, 59, 60, 1439, 1440]);
        has("fva", json!([age(random), age(random)]));
    }
    claims
}

const FEATURES: [&str; 4] = ["reports", "teams", "billing", "org"];

fn entitlements(random: &mut Random) -> String {
    let entry = |random: &mut Random| {
        let name = random.pick(&FEATURES);
        let scope = random.pick(&["o", "u", "uo", "ou"]);
        let space = random.pick(&["", "", " "]);
        match random.below(60) {
            0 => "malformed".to_owned(),
            1 => String::new(),
            2 => format!("{scope}:"),
            3 => format!("{scope}:{name}:more"),
            4 => format!("x:{name}"),
            _ => format!("{space}{scope}:{name}{space}"),
        }
    };
    (0..=random.below(6)).map(|_| entry(random)).collect::<Vec<_>>().join(",")
}

/// What Clerk's `has` is asked.
fn params(random: &mut Random) -> Map<String, Value> {
    let mut params = Map::new();
    while params.is_empty() {
        // One most of the time, since few tokens have all of it.
        let chance = *random.pick(&[12, 12, 12, 40]);
        let mut may_ask = |kind: &str, random: &mut Random, ask: fn(&mut Random) -> Value| {
            if random.percent(chance) {
                params.insert(kind.to_owned(), ask(random));
            }
        };
        may_ask("role", random, |random| {
            let typos = ["Admin", "o:admin", "", "org:", "billing manager"];
            let roles = ["admin", "admin", "member", "billing_manager"];
            prefixed(random, &roles, &typos)
        });
        may_ask("permission", random, |random| {
            let typos = ["read", "reports:", "reports:read:x", "reports/read", "", "org:read"];
            let held = ["reports:read", "reports:read", "teams:read", "teams:write"];
            prefixed(random, &held, &typos)
        });
        may_ask("feature", random, scoped);
        may_ask("plan", random, scoped);
        may_ask("reverification", random, |random| match random.below(10) {
            0..5 => json!(random.pick(&["strict_mfa", "strict", "moderate", "lax", "stricter"])),
            5..9 => {
                let levels = ["first_factor", "second_factor", "multi_factor"];
                let minutes = random.pick(&[2, 6, 10, 60, 61, 1500]);
                json!({ "level": random.pick(&levels), "afterMinutes": minutes })
            }
            _ => {
                let level = random.pick(&["third_factor", "second_factor"]);
                json!({ "level": level, "afterMinutes": random.pick(&[0, -5, 1]) })
            }
        });
    }
    params
}

fn prefixed(random: &mut Random, good: &[&str], typos: &[&str]) -> Value {
    let names = if random.percent(10) { typos } else { good };
    json!(format!("{}{}", random.pick(&["", "org:", "org:org:"]), random.pick(names)))
}

fn scoped(random: &mut Random) -> Value {
    let typos = ["uo:reports", ":reports", "org:", "", "reports:x", "o:reports:x", "u:"];
    if random.percent(10) {
        return json!(random.pick(&typos));
    }
    let scope = random.pick(&["", "", "", "o:", "org:", "organization:", "u:", "user:"]);
    json!(format!("{scope}{}", random.pick(&FEATURES)))
}

fn minted<'a>(mut mint: TokenMint<'a>, claims: &Map<String, Value>) -> TokenMint<'a> {
    for name in ["v", "fva", "sts"] {
        mint = mint.without_claim(name);
    }
    claims.iter().fold(mint, |mint, (name, value)| mint.claim(name, value.clone()))
}

/// The same question of ours; none where it cannot be put.
fn asked(params: &Map<String, Value>) -> Option<Authorization> {
    let asked = params.iter().map(|(kind, value)| match &**kind {
        "role" => Authorization::role(value.as_str()?).ok(),
        "permission" => Authorization::permission(value.as_str()?).ok(),
        "feature" => Authorization::feature(value.as_str()?).ok(),
        "plan" => Authorization::plan(value.as_str()?).ok(),
        _ => reverification(value).map(Authorization::reverification),
    });
    asked.reduce(|all, one| Some(all?.and(one?)))?
}

fn reverification(value: &Value) -> Option<Reverification> {
    let level = match value["level"].as_str() {
        Some("first_factor") => Level::FirstFactor,
        Some("second_factor") => Level::SecondFactor,
        Some("multi_factor") => Level::MultiFactor,
        _ => {
            return match value.as_str()? {
                "strict_mfa" => Some(Reverification::StrictMfa),
                "strict" => Some(Reverification::Strict),
                "moderate" => Some(Reverification::Moderate),
                "lax" => Some(Reverification::Lax),
                _ => None,
            };
        }
    };
    let minutes = value["afterMinutes"].as_u64()?;
    Reverification::after(level, Duration::from_secs(minutes * 60)).ok()
}

/// What a front end is answered that must let its user prove who they are, and one that need not.
async fn hints(clerk: &SessionsApi, verifier: &TokenVerifier) -> Vec<Value> {
    let session = clerk.sign_in("user_bob");
    let token = clerk.mint(&session).claim("fva", json!([-1, -1])).sign();
    let claims = verifier.verify(&token).await.unwrap();
    let answer = |authorization: Authorization| -> Value {
        let refused = claims.require(&authorization).unwrap_err();
        serde_json::from_slice(refused.to_response(Protocol::Http).body()).unwrap()
    };
    let custom = |level| -> Result<Reverification, ConfigError> {
        Reverification::after(level, Duration::from_secs(30 * 60))
    };
    let all = [
        (Reverification::StrictMfa, "multi_factor", 10),
        (Reverification::Strict, "second_factor", 10),
        (Reverification::Moderate, "second_factor", 60),
        (Reverification::Lax, "second_factor", 1440),
        (custom(Level::FirstFactor).unwrap(), "first_factor", 30),
        (custom(Level::SecondFactor).unwrap(), "second_factor", 30),
        (custom(Level::MultiFactor).unwrap(), "multi_factor", 30),
    ];
    let hints = all.into_iter().map(|(reverification, level, minutes)| {
        let config = json!({ "level": level, "afterMinutes": minutes });
        json!({ "answer": answer(Authorization::reverification(reverification)), "hint": config })
    });
    let no_hint = json!({ "answer": answer(Authorization::organization()), "hint": null });
    hints.chain([no_hint]).collect()
}
