//! What counts as a credential: header and cookies in all combinations, on three stacks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Request, StatusCode, header};
use tower::{Layer, ServiceExt};
use tower_clerk::{
    AuthenticateLayer, Instance, PublishableKey,
    extract::{BearerToken, Or, QueryToken, SessionCookie},
    testing::SessionsApi,
};

use crate::{
    doubles::Strict,
    raw,
    stacks::{self, Outcome, Stack, admitted},
};

/// The one right outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Ada,
    Bob,
    /// No credential.
    Absent,
    /// There is one, and it is refused.
    Refused,
}

/// Header fields as `name: value` with `{…}` for what differs from run to run, and what comes of them.
/// `ÿ` stands for the byte 0xFF.
const TABLE: &[(&[&str], Is)] = &[
    // Nothing there.
    (&[], Is::Absent),
    (&["authorization: "], Is::Absent),
    (&["cookie: "], Is::Absent),
    (&["cookie: __session="], Is::Absent),
    (&["cookie: __session"], Is::Absent),
    (&["authorization: ", "cookie: __session=; __session_{own}="], Is::Absent),
    (&["cookie: ;;;=;"], Is::Absent),
    // The header.
    (&["authorization: Bearer {ada}"], Is::Ada),
    (&["authorization: Bearer {bob}"], Is::Bob),
    (&["authorization: bearer {ada}"], Is::Ada),
    (&["authorization: BEARER {ada}"], Is::Ada),
    (&["authorization: bEaReR   {ada}"], Is::Ada),
    (&["authorization: Bearer"], Is::Refused),
    (&["authorization: Bearer nonsense"], Is::Refused),
    (&["authorization: Bearer {ada} {ada}"], Is::Refused),
    (&["authorization: Bearer {ada},"], Is::Refused),
    (&["authorization: Bearer {ada}, Bearer {ada}"], Is::Refused),
    (&["authorization: Bearer \"{ada}\""], Is::Refused),
    (&["authorization: Bearer={ada}"], Is::Refused),
    (&["authorization: Bearer:{ada}"], Is::Refused),
    (&["authorization: Bearer\t{ada}"], Is::Refused),
    (&["authorization: Bearer {ada}ÿ"], Is::Refused),
    (&["authorization: Bearer ÿ"], Is::Refused),
    (&["authorization: ÿ"], Is::Refused),
    (&["authorization: Bearerÿ {ada}"], Is::Refused),
    (&["authorization: Bearer {forged}"], Is::Refused),
    (&["authorization: Bearer {expired}"], Is::Refused),
    (&["authorization: Bearer {ada-session}"], Is::Refused),
    // The token alone.
    (&["authorization: {ada}"], Is::Ada),
    (&["authorization: {ada} {ada}"], Is::Refused),
    (&["authorization: {ada} x"], Is::Refused),
    (&["authorization: {ada}=", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: {forged}"], Is::Refused),
    (&["authorization: {expired}"], Is::Refused),
    (&["authorization: a.b.c"], Is::Refused),
    (&["authorization: Bearer.b.c {ada}"], Is::Refused),
    (&["authorization: {ada}", "authorization: {ada}"], Is::Refused),
    (&["authorization: {ada}", "authorization: Basic dTpw"], Is::Refused),
    (&["authorization: {ada}", "cookie: __session={bob}"], Is::Ada),
    (&["authorization: {forged}", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: {expired}", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: a.b.c", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: {ada} x", "cookie: __session={ada}"], Is::Refused),
    // Not a header of ours.
    (&["authorization: {ada-session}"], Is::Absent),
    (&["authorization: Negotiate", "cookie: __session={ada}"], Is::Ada),
    (&["authorization: Basic {ada}"], Is::Absent),
    (&["authorization: Bearerx {ada}"], Is::Absent),
    (&["x-authorization: Bearer {ada}"], Is::Absent),
    (&["proxy-authorization: Bearer {ada}"], Is::Absent),
    // Two headers.
    (&["authorization: Bearer {ada}", "authorization: Bearer {ada}"], Is::Refused),
    (&["authorization: Bearer {ada}", "authorization: Bearer {bob}"], Is::Refused),
    (&["authorization: Bearer {ada}", "authorization: Basic dTpw"], Is::Refused),
    (&["authorization: Basic dTpw", "authorization: Bearer {ada}"], Is::Refused),
    (&["authorization: ", "authorization: Bearer {ada}"], Is::Ada),
    (&["authorization: Bearer {ada}", "authorization: "], Is::Ada),
    // The header goes first, and a bad one is not made up for by a cookie.
    (&["authorization: Bearer {ada}", "cookie: __session={bob}"], Is::Ada),
    (&["cookie: __session_{own}={bob}", "authorization: Bearer {ada}"], Is::Ada),
    (&["authorization: Bearer {ada}", "cookie: __session={bob}; __session=x"], Is::Ada),
    (&["authorization: Bearer {ada}", "cookie: __session=x; __client_uat=0"], Is::Ada),
    (&["authorization: Bearer", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: Bearer x", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: Bearer {forged}", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: Bearer {expired}", "cookie: __session={ada}"], Is::Refused),
    (&["authorization: ÿ", "cookie: __session={ada}"], Is::Refused),
    (
        &["authorization: Bearer {ada}", "authorization: Bearer {ada}", "cookie: __session={ada}"],
        Is::Refused,
    ),
    (&["authorization: ", "cookie: __session={ada}"], Is::Ada),
    (&["authorization: Basic dTpw", "cookie: __session={ada}"], Is::Ada),
    (&["authorization: Basic a", "authorization: Digest b", "cookie: __session={ada}"], Is::Ada),
    // The cookie.
    (&["cookie: __session={ada}"], Is::Ada),
    (&["cookie: __session={bob}"], Is::Bob),
    (&["cookie: a=b;__session={ada}; c=d"], Is::Ada),
    (&["cookie: a=b;  __session = {ada} ;c=d"], Is::Ada),
    (&["cookie: __session={ada}; ÿ=ÿ"], Is::Ada),
    (&["cookie: __session=x"], Is::Absent),
    (&["cookie: __session=ÿ"], Is::Absent),
    (&["cookie: __session={ada}ÿ"], Is::Absent),
    (&["cookie: __session={ada}=y"], Is::Absent),
    (&["cookie: __session=\"{ada}\""], Is::Absent),
    (&["cookie: __session={ada}, __session={ada}"], Is::Absent),
    (&["cookie: __session=Bearer {ada}"], Is::Absent),
    (&["cookie: __session={foreign-token}"], Is::Absent),
    (&["cookie: __session=s%3Aabc"], Is::Absent),
    (&["cookie: __session={forged}"], Is::Refused),
    (&["cookie: __session={expired}"], Is::Refused),
    (&["cookie: __Session={ada}"], Is::Absent),
    (&["cookie: session={ada}"], Is::Absent),
    (&["cookie: x__session={ada}"], Is::Absent),
    (&["cookie: x=__session={ada}"], Is::Absent),
    (&["cookie: __session%3D{ada}"], Is::Absent),
    (&["cookie: %5F_session={ada}"], Is::Absent),
    (&["set-cookie: __session={ada}"], Is::Absent),
    // Its suffix.
    (&["cookie: __session_{own}={ada}"], Is::Ada),
    (&["cookie: __session={bob}; __session_{own}={ada}"], Is::Bob),
    (&["cookie: __session_{own}={ada}; __session={bob}"], Is::Bob),
    (&["cookie: __session_{own}={bob}; __session={ada}; __client_uat_{own}=1"], Is::Bob),
    (&["cookie: __session_{own}={ada}; __session={foreign-token}"], Is::Ada),
    (&["cookie: __session=x; __session_{own}={ada}; __session=y"], Is::Ada),
    (&["cookie: __session=x; __session_{own}={ada}"], Is::Ada),
    (&["cookie: __session={ada}; __session_{own}="], Is::Ada),
    (&["cookie: __session={ada}; __session_{own}=x"], Is::Ada),
    (&["cookie: __session={ada}; __session_{own}={expired}"], Is::Ada),
    (&["cookie: __session={ada}; __session_{own}={forged}; __client_uat_{own}=1"], Is::Refused),
    (&["cookie: __session_{foreign}={ada}"], Is::Absent),
    (&["cookie: __session_={ada}"], Is::Absent),
    (&["cookie: __session_{own}x={ada}"], Is::Absent),
    (&["cookie: __session_{foreign}={bob}; __session={ada}"], Is::Ada),
    (&["cookie: __session_{foreign}=x; __session_{foreign}=y; __session={ada}"], Is::Ada),
    // Several of one name.
    (&["cookie: __session={ada}; __session={ada}"], Is::Ada),
    (&["cookie: __session={ada}; __session="], Is::Ada),
    (&["cookie: __session={ada}; __session={bob}"], Is::Refused),
    (&["cookie: __session=x; __session={ada}"], Is::Ada),
    (&["cookie: __session={ada}; __session={forged}"], Is::Refused),
    (&["cookie: __session={foreign-token}; __session={ada}"], Is::Ada),
    (&["cookie: __session_{own}={ada}; __session_{own}={bob}"], Is::Refused),
    (&["cookie: __session_{own}={ada}; __session={ada}; __session={bob}"], Is::Refused),
    // Several fields, as HTTP/2 has them.
    (&["cookie: a=b", "cookie: __session={ada}"], Is::Ada),
    (&["cookie: __session={bob}", "cookie: __session_{own}={ada}"], Is::Bob),
    (&["cookie: __session={ada}", "cookie: __session={ada}"], Is::Ada),
    (&["cookie: __session={ada}", "cookie: __session={bob}"], Is::Refused),
    (&["cookie: __session={ada}", "cookie: __client_uat=0"], Is::Absent),
    // When the browser last signed in or out.
    (&["cookie: __session={ada}; __client_uat={iat}"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=1"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat={iat+1}"], Is::Refused),
    (&["cookie: __client_uat={iat+1}; __session={ada}"], Is::Refused),
    (&["cookie: __session={ada}; __client_uat=0"], Is::Absent),
    (&["cookie: __session={ada}; __client_uat=00"], Is::Absent),
    (&["cookie: __session={ada}; __client_uat="], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=x"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=-1"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=0.0"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=ÿ"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=99999999999999999999"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat=0; __client_uat={iat}"], Is::Ada),
    (&["cookie: __session_{own}={ada}; __client_uat_{own}={iat}"], Is::Ada),
    (&["cookie: __session_{own}={ada}; __client_uat_{own}={iat+1}"], Is::Refused),
    (&["cookie: __session_{own}={ada}; __client_uat_{own}=0"], Is::Absent),
    (&["cookie: __session_{own}={ada}; __client_uat_{own}=0; __session={bob}"], Is::Absent),
    (&["cookie: __session_{own}={ada}; __client_uat=0"], Is::Ada),
    (&["cookie: __session_{own}={ada}; __client_uat={iat+1}"], Is::Ada),
    (&["cookie: __session={ada}; __client_uat_{own}=0"], Is::Absent),
    (&["cookie: __session={ada}; __client_uat_{own}=0; __client_uat=1"], Is::Ada),
    (&["cookie: __session={foreign-token}; __client_uat_{own}=0"], Is::Absent),
    (&["cookie: __session={foreign-token}; __client_uat_{own}=0; __client_uat=1"], Is::Absent),
    (&["cookie: __session={ada}; __client_uat_{foreign}=0"], Is::Ada),
    (&["cookie: __client_uat=0"], Is::Absent),
    (&["cookie: __client_uat={iat}"], Is::Absent),
    (&["authorization: Bearer {ada}", "cookie: __client_uat=0"], Is::Ada),
    (&["authorization: Bearer {ada}", "cookie: __client_uat={iat+1}"], Is::Ada),
];

/// What stands for `{…}`.
struct Names {
    clerk: SessionsApi,
    replacements: Vec<(&'static str, String)>,
}

impl Names {
    async fn new() -> Self {
        let clerk = SessionsApi::start().await;
        let ada = clerk.sign_in("user_ada");
        let iat = clerk.clock().now() - Duration::from_secs(10);
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let key: PublishableKey = clerk.publishable_key().parse().unwrap();
        let replacements = vec![
            ("{ada}", clerk.mint(&ada).issued_at(iat).sign()),
            ("{bob}", clerk.token(&clerk.sign_in("user_bob"))),
            (
                "{foreign-token}",
                clerk.mint(&ada).claim("iss", "https://clerk.other.example").sign(),
            ),
            ("{forged}", clerk.mint(&ada).issued_at(iat).forged().sign()),
            ("{expired}", clerk.mint(&ada).expired().sign()),
            ("{ada-session}", ada.to_string()),
            ("{own}", key.cookie_suffix()),
            ("{foreign}", "MqCvchyS".to_owned()),
            ("{iat}", seconds(iat).to_string()),
            ("{iat+1}", (seconds(iat) + 1).to_string()),
        ];
        Self { clerk, replacements }
    }

    fn layer(&self) -> AuthenticateLayer {
        AuthenticateLayer::new(self.clerk.resolver()).unwrap()
    }

    /// Of an instance whose publishable key is not known.
    fn layer_without_a_publishable_key(&self) -> AuthenticateLayer {
        let instance = Instance::builder()
            .secret_key(self.clerk.secret_key().parse().unwrap())
            .api_url(self.clerk.base_url())
            .and_then(|builder| builder.build())
            .unwrap();
        let resolver = self.clerk.resolver_builder_of(&instance).build().unwrap();
        AuthenticateLayer::new(resolver).unwrap()
    }

    fn fill_in(&self, text: &str) -> String {
        let fill_in = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.replacements.iter().fold(text.to_owned(), fill_in)
    }

    /// `name: value`, each character a byte.
    fn field<'a>(&self, field: &'a str) -> (&'a str, Vec<u8>) {
        let (name, value) = field.split_once(": ").unwrap();
        let bytes = self.fill_in(value).chars().map(|c| u8::try_from(c).unwrap()).collect();
        (name, bytes)
    }

    async fn ask(&self, stack: &Stack, fields: &[&str]) -> Outcome {
        let fields: Vec<_> = fields.iter().map(|field| self.field(field)).collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &value[..])).collect();
        stack.with(&fields).await
    }
}

async fn assert_table(names: &Names, layer: &AuthenticateLayer, of_absent: Outcome) {
    for stack in stacks::all(layer).await {
        for (fields, is) in TABLE {
            let expected = match is {
                Is::Ada => admitted("user_ada"),
                Is::Bob => admitted("user_bob"),
                Is::Absent => of_absent.clone(),
                Is::Refused => Outcome::Invalid,
            };
            let may_pass = !matches!(expected, Outcome::Missing | Outcome::Invalid);
            let before = stack.reached.times();
            let outcome = names.ask(&stack, fields).await;
            assert_eq!(outcome, expected, "{} {fields:?}", stack.name);
            let reached = stack.reached.times() - before;
            assert_eq!(reached, usize::from(may_pass), "{} {fields:?}", stack.name);
        }
    }
}

#[tokio::test]
async fn each_combination_of_header_and_cookies_has_its_one_outcome() {
    let names = Names::new().await;
    assert_table(&names, &names.layer(), Outcome::Missing).await;
}

#[tokio::test]
async fn where_a_caller_may_be_anonymous_a_bad_credential_is_refused_all_the_same() {
    let names = Names::new().await;
    assert_table(&names, &names.layer().allow_anonymous(), Outcome::Anonymous).await;
}

#[tokio::test]
async fn the_table_holds_without_the_network_too() {
    let names = Names::new().await;
    let resolver = names.clerk.resolver_builder().check(tower_clerk::SessionCheck::Networkless);
    let layer = AuthenticateLayer::new(resolver.build().unwrap()).unwrap();
    assert_table(&names, &layer, Outcome::Missing).await;
}

#[tokio::test]
async fn without_a_publishable_key_no_suffixed_cookie_is_read() {
    let names = Names::new().await;
    let layer = names.layer_without_a_publishable_key();
    for stack in stacks::all(&layer).await {
        let suffixed = names.ask(&stack, &["cookie: __session_{own}={ada}"]).await;
        assert_eq!(suffixed, Outcome::Missing, "{}", stack.name);
        let both = names.ask(&stack, &["cookie: __session={ada}; __session_{own}=x"]).await;
        assert_eq!(both, admitted("user_ada"), "{}", stack.name);
    }
}

/// Firebase Hosting, Remix and other apps on the domain keep their own cookies under the same names.
#[tokio::test]
async fn another_apps_cookie_turns_no_visitor_away_and_fetches_no_keys() {
    let names = Names::new().await;
    for (layer, cookies) in [
        (names.layer_without_a_publishable_key(), &["cookie: __session=s%3Aabc"][..]),
        (names.layer(), &["cookie: __session=s%3Aabc"]),
        (names.layer(), &["cookie: __client_uat_{own}=0; __session={foreign-token}"]),
        (names.layer(), &["cookie: __session={foreign-token}"]),
        (names.layer(), &["cookie: __session=x; __session={foreign-token}; __session=y"]),
    ] {
        for stack in stacks::all(&layer.allow_anonymous()).await {
            let outcome = names.ask(&stack, cookies).await;
            assert_eq!(outcome, Outcome::Anonymous, "{} {cookies:?}", stack.name);
        }
    }
    assert_eq!(names.clerk.requests().total(), 0);
    let stack = stacks::axum(names.layer().allow_anonymous()).await;
    assert_eq!(names.ask(&stack, &["cookie: __session={ada}"]).await, admitted("user_ada"));
    assert!(
        names.clerk.requests().total() > 0,
        "keys and sessions are fetched through this emulator"
    );
}

#[tokio::test]
async fn adas_bare_token_beside_eves_cookie_runs_as_ada() {
    let names = Names::new().await;
    for stack in stacks::all(&names.layer()).await {
        let fields = ["authorization: {ada}", "cookie: __session={bob}; __session_{own}={bob}"];
        assert_eq!(names.ask(&stack, &fields).await, admitted("user_ada"), "{}", stack.name);
    }
}

#[tokio::test]
async fn a_token_from_before_the_last_sign_in_is_refused_by_that_name() {
    let names = Names::new().await;
    let stack = stacks::axum(names.layer()).await;
    let cookie = names.fill_in("__session={ada}; __client_uat={iat+1}");
    let answer = stack.ask(&[("cookie", cookie.as_bytes())]).await;
    assert_eq!(answer.reason(), "session-token-iat-before-client-uat");
}

#[tokio::test]
async fn a_megabyte_admits_nobody_and_harms_nobody() {
    let names = Names::new().await;
    let huge = "a".repeat(1 << 20);
    for stack in stacks::all(&names.layer()).await {
        for field in [
            format!("authorization: Bearer {huge}"),
            format!("authorization: {huge}"),
            format!("cookie: __session={huge}"),
            format!("cookie: __session={{ada}}; x={huge}"),
            format!("x-huge: {huge}"),
        ] {
            let mut request = stack.request();
            let (name, value) = names.field(&field);
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, HeaderValue::from_bytes(&value).unwrap());
            let fresh = stack.with_a_connection_of_its_own();
            match fresh.try_send_raw(request).await {
                Ok(answer) => assert!(
                    [
                        StatusCode::UNAUTHORIZED,
                        StatusCode::BAD_REQUEST,
                        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
                    ]
                    .contains(&answer.status()),
                    "{} {}",
                    stack.name,
                    answer.status()
                ),
                Err(_cut) => {}
            }
            assert_eq!(stack.reached.times(), 0, "{}", stack.name);
        }
        let outcome = names.ask(&stack, &["authorization: Bearer {ada}"]).await;
        assert_eq!(outcome, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.reached.times(), 1);
    }
}

/// Where the server lets it through, the layer must not.
#[tokio::test]
async fn a_megabyte_is_refused_by_the_layer_itself() {
    let names = Names::new().await;
    let (strict, diary) = Strict::new();
    let service = names.layer().layer(strict);
    let huge = "a".repeat(1 << 20);
    for (name, value, status) in [
        (header::AUTHORIZATION, format!("Bearer {huge}"), StatusCode::UNAUTHORIZED),
        (header::AUTHORIZATION, format!("Bearer {huge}.{huge}.{huge}"), StatusCode::UNAUTHORIZED),
        (header::AUTHORIZATION, huge.clone(), StatusCode::UNAUTHORIZED),
        (header::COOKIE, format!("__session={huge}"), StatusCode::UNAUTHORIZED),
        (header::COOKIE, "a=b;".repeat(1 << 18), StatusCode::UNAUTHORIZED),
        (header::COOKIE, format!("x={huge}; {}", names.fill_in("__session={ada}")), StatusCode::OK),
        (
            header::COOKIE,
            format!("{}; __client_uat={}", names.fill_in("__session={ada}"), "0".repeat(1 << 20)),
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let request = Request::builder().header(name, value).body(()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(diary.calls().len(), 1);
}

#[tokio::test]
async fn over_http1_what_is_no_header_value_is_refused_by_the_server() {
    let names = Names::new().await;
    for stack in [stacks::axum(names.layer()).await, stacks::hyper(names.layer()).await] {
        let addr = stack.addr;
        let ask = async |fields: &str| {
            let fields = names.fill_in(fields);
            let request = format!(
                "GET /me HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n{fields}\r\n\r\n"
            );
            raw::http1(addr, request.as_bytes()).await
        };
        for fields in [
            "authorization: Bearer {ada}\0",
            "authorization: Bearer \0{ada}",
            "authorization\0: Bearer {ada}",
            "cookie: __session={ada}\0",
            "authorization : Bearer {ada}",
            "authorization: Bearer\r\n {ada}",
        ] {
            let before = stack.reached.times();
            let answer = ask(fields).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{} {fields:?}: {answer}", stack.name);
            assert_eq!(stack.reached.times(), before, "{} {fields:?}", stack.name);
        }
        let before = stack.reached.times();
        let answer = ask("authorization: Bearer {ada}").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(stack.reached.times() - before, 1);
    }
}

#[tokio::test]
async fn a_key_of_the_services_own_in_the_same_header_is_nobodys_session_and_runs_as_no_cookies() {
    let names = Names::new().await;
    let places = Or::new(
        BearerToken::ignoring(["vk_"]).unwrap(),
        SessionCookie::of(&names.clerk.instance()),
    );
    let layer = names.layer().extractor(places).unwrap();
    for (layer, of_a_key) in
        [(layer.clone(), Outcome::Missing), (layer.allow_anonymous(), Outcome::Anonymous)]
    {
        for stack in stacks::all(&layer).await {
            for fields in [
                &["authorization: Bearer vk_1"][..],
                &["authorization: vk_1"],
                &["authorization: Bearer vk_1", "cookie: __session={ada}"],
                &["authorization: Bearer vk_a.b.c", "cookie: __session_{own}={ada}"],
            ] {
                let outcome = names.ask(&stack, fields).await;
                assert_eq!(outcome, of_a_key, "{} {fields:?}", stack.name);
            }
            let ours = ["authorization: Bearer {ada}", "cookie: __session={bob}"];
            assert_eq!(names.ask(&stack, &ours).await, admitted("user_ada"), "{}", stack.name);
            let cookie = ["cookie: __session={bob}"];
            assert_eq!(names.ask(&stack, &cookie).await, admitted("user_bob"), "{}", stack.name);
        }
    }
}

#[tokio::test]
async fn what_cannot_set_a_header_may_send_its_token_in_the_query_where_that_is_read() {
    let names = Names::new().await;
    let places = Or::new(BearerToken::new(), QueryToken::new("token"));
    let read = names.layer().extractor(places).unwrap();
    for (layer, outcome) in [(read, admitted("user_ada")), (names.layer(), Outcome::Missing)] {
        for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
            let ask = async |method: &str, query: &str| {
                let mut request = stack.request();
                *request.method_mut() = method.parse().unwrap();
                let uri = format!("http://{}/events?{}", stack.addr, names.fill_in(query));
                *request.uri_mut() = uri.parse().unwrap();
                stack.send(request).await.outcome
            };
            assert_eq!(ask("GET", "token={ada}").await, outcome, "{}", stack.name);
            assert_eq!(ask("POST", "token={ada}").await, Outcome::Missing, "{}", stack.name);
        }
    }
}
