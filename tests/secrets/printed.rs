//! Everything is done that can be done, well and badly, while somebody listens.

use std::time::Duration;

use http::Request;
use tower::{Layer, ServiceExt, service_fn};
use tower_clerk::{
    AuthenticateLayer, ConfigError, Credential, Instance, Policy, SecretKey, SessionCheck,
    SessionId, SessionResolver, SessionsClient, TokenVerifier, WebhookSecret,
    client::{CreateSession, ListSessions, Quota, RefreshFormat, RefreshSession, Refreshed},
    testing::{Fault, Operation, SessionsApi, sign_webhook},
    webhook::WebhookVerifier,
};

use crate::{eavesdropper::Eavesdropper, stacks};

const SECRET_KEY: &str = "sk_test_NobodyMayReadThisInAnyLogWhatsoever";
const WRONG_KEY: &str = "sk_test_NorThisOneWhichClerkDoesNotKnow";
const WEBHOOK_SECRET: &str = "whsec_Tm9ib2R5U2lnbnNXZWJob29rc1dpdGhUaGlz";
const REFRESH_TOKEN: &str = "rt_AndThisOneIsWorthASession";

#[tokio::test]
async fn nothing_secret_is_printed() {
    let mut listener = Eavesdropper::listen();
    for secret in [SECRET_KEY, WRONG_KEY] {
        listener.mind(secret);
        listener.mind(&secret["sk_test_".len()..]);
    }
    listener.mind(REFRESH_TOKEN);
    listener.mind(WEBHOOK_SECRET);
    listener.mind(&WEBHOOK_SECRET["whsec_".len()..]);
    let builder = SessionsApi::builder()
        .secret_key(SECRET_KEY)
        .template("reports")
        .webhooks("http://127.0.0.1:9/nobody-listens", WEBHOOK_SECRET);
    listener.look(&builder);
    let clerk = builder.start().await.unwrap();
    listener.look(&clerk);
    let session = clerk.sign_in("user_ada");
    let tokens = tokens(&clerk, &session);
    tokens.iter().for_each(|token| listener.mind_token(token));

    settings(&listener, &clerk);
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        requests(&listener, &clerk, check, &tokens).await;
    }
    values(&listener, &clerk, &tokens).await;
    operations(&mut listener, &clerk, &session, &tokens[0]).await;
    webhooks(&listener, &clerk);
    outages(&listener, &clerk, &session, &tokens).await;

    let heard = listener.heard();
    for source in ["tower_clerk", "hyper_util", "h2::", "log DEBUG reqwest", "log TRACE"] {
        assert!(heard.contains(source), "nothing was heard of {source}");
    }
    assert_eq!(listener.betrayals(), [""; 0]);

    // Had anything been told, it would have been heard.
    tracing::trace!(token = tokens[0], "a slip");
    log::trace!("{SECRET_KEY}");
    let panicked = tokio::spawn(async { panic!("{REFRESH_TOKEN}") });
    panicked.await.unwrap_err();
    assert_eq!(listener.betrayals().len(), 3);
}

fn tokens(clerk: &SessionsApi, session: &SessionId) -> Vec<String> {
    let mint = || clerk.mint(session);
    vec![
        mint().sign(),
        mint().forged().sign(),
        mint().signed_by_unknown_key().sign(),
        mint().tampered().sign(),
        mint().expired().sign(),
        mint().template().sign(),
        mint().machine().sign(),
        mint().claim("sid", 7).sign(),
        mint().claim("sub", "not a user").sign(),
        mint().claim("iss", "https://elsewhere.example").sign(),
        mint().header("alg", "none").sign(),
        mint().header("crit", "b64").sign(),
        mint().sign().replace('.', ",") + "-not-a-token",
        "ak_ApiKeysAreSecretToo".to_owned(),
    ]
}

/// Where a secret key may be put by mistake.
const VARIABLES: [&str; 8] = [
    "CLERK_SECRET_KEY",
    "CLERK_PUBLISHABLE_KEY",
    "CLERK_FRONTEND_API_URL",
    "CLERK_PROXY_URL",
    "CLERK_JWT_KEY",
    "CLERK_API_URL",
    "TOWER_CLERK_ALLOW_HTTP",
    "CLERK_AUTHORIZED_PARTIES",
];

fn instance(clerk: &SessionsApi, secret_key: &str) -> Instance {
    clerk.instance_builder().secret_key(secret_key.parse().unwrap()).build().unwrap()
}

fn client(clerk: &SessionsApi, secret_key: &str) -> SessionsClient {
    SessionsClient::builder(&instance(clerk, secret_key))
        .quota(Quota::Unlimited)
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap()
}

/// What is set up, and what cannot be.
fn settings(listener: &Eavesdropper, clerk: &SessionsApi) {
    let secret_key: SecretKey = SECRET_KEY.parse().unwrap();
    listener.look(&secret_key);
    let instance = clerk.instance_builder();
    listener.look(&instance);
    let instance = instance.build().unwrap();
    listener.look(&instance);
    let builder = SessionsClient::builder(&instance);
    listener.look(&builder);
    listener.look(&builder.build().unwrap());

    let refused = |error: ConfigError| listener.consider(&error);
    for malformed in ["pk_test_ ", "Bearer ", "x ", "x\n", "/", "\""] {
        refused(format!("{SECRET_KEY} {malformed}").parse::<SecretKey>().unwrap_err());
        refused(format!("{malformed}{SECRET_KEY}").parse::<SecretKey>().unwrap_err());
        refused(format!("{malformed}{SECRET_KEY}{malformed}").parse::<SecretKey>().unwrap_err());
    }
    for base_url in ["http://api.clerk.com", "https://user:password@api.clerk.com", "nowhere"] {
        let builder = Instance::builder().secret_key(secret_key.clone());
        match builder.api_url(base_url) {
            Ok(builder) => {
                listener.look(&builder);
                refused(builder.build().unwrap_err());
            }
            Err(error) => refused(error),
        }
    }
    // A mistake that is made: the keys are in each other's places.
    refused(Instance::builder().api_url(SECRET_KEY).unwrap_err());
    refused(Instance::builder().frontend_api(SECRET_KEY).unwrap_err());
    refused(Instance::builder().further_issuers([SECRET_KEY]).unwrap_err());
    refused(Instance::builder().authorized_parties([SECRET_KEY]).unwrap_err());
    refused(SECRET_KEY.parse::<tower_clerk::PublishableKey>().unwrap_err());
    for name in VARIABLES {
        let look_up = |it: &str| (it == name).then(|| format!("{SECRET_KEY} "));
        match Instance::from_lookup(look_up) {
            Ok(instance) => listener.look(&instance),
            Err(error) => refused(error),
        }
    }
    let builder = Instance::builder().secret_key(secret_key).jwt_key(SECRET_KEY);
    listener.look(&builder);
    let instance = builder.build().unwrap();
    let builder = SessionResolver::builder(&instance);
    listener.look(&builder);
    refused(builder.build().unwrap_err());
    refused(TokenVerifier::new(&instance).unwrap_err());
    refused(Policy::new().authorized_parties([SECRET_KEY]).unwrap_err());
}

/// What callers are told, and what is told of them.
async fn requests(
    listener: &Eavesdropper,
    clerk: &SessionsApi,
    check: SessionCheck,
    tokens: &[String],
) {
    let builder = SessionResolver::builder(&clerk.instance())
        .client(client(clerk, SECRET_KEY))
        .clock(clerk.clock())
        .check(check);
    listener.look(&builder);
    let resolver = builder.build().unwrap();
    let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
    listener.look(&(&resolver, &layer));
    for stack in stacks::all(&layer).await {
        for token in tokens {
            let bearer = format!("Bearer {token}");
            let cookie = format!("theme=dark; __session={token}");
            for header in [("authorization", bearer), ("cookie", cookie)] {
                let answer = stack.ask(&[(header.0, header.1.as_bytes())]).await;
                // Those who are admitted are shown their own claims by the handler.
                if !matches!(answer.outcome, stacks::Outcome::Admitted(_)) {
                    listener.look(&answer);
                }
            }
        }
    }
    listener.look(&resolver.readiness());
    listener.hear(&serde_json::to_string(&resolver.readiness()).unwrap());
}

/// What the types look like when somebody prints them.
async fn values(listener: &Eavesdropper, clerk: &SessionsApi, tokens: &[String]) {
    let resolver = clerk.resolver();
    let instance = clerk.instance_builder().jwt_key(clerk.jwt_key()).build().unwrap();
    let verifier = TokenVerifier::builder(&instance).clock(clerk.clock());
    let verifier = verifier.build().unwrap();
    listener.look(&verifier);
    for token in tokens {
        let credential = Credential::session_token(token.as_bytes());
        listener.look(&credential);
        listener.look(&credential.to_owned());
        match resolver.resolve(credential, &Policy::new()).await {
            Ok(resolved) => listener.look(&resolved),
            Err(rejection) => listener.consider(&rejection),
        }
        match verifier.verify(token).await {
            Ok(claims) => listener.look(&claims),
            Err(error) => listener.consider(&error),
        }

        let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
        let service = layer.layer(service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        }));
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let answering = service.oneshot(request.body(()).unwrap());
        listener.look(&answering.await.unwrap());
    }
}

/// Webhooks that are genuine and such as are not.
fn webhooks(listener: &Eavesdropper, clerk: &SessionsApi) {
    let secret: WebhookSecret = WEBHOOK_SECRET.parse().unwrap();
    listener.look(&secret);
    let verifier = WebhookVerifier::new(secret.clone()).clock(clerk.clock());
    listener.look(&verifier);
    let body = br#"{"type": "session.ended", "data": {"id": "sess_1"}}"#;
    let headers = sign_webhook(&secret, "msg_1", clerk.clock().now(), body);
    listener.look(&verifier.verify(&headers, body).unwrap());
    listener.consider(&verifier.verify(&headers, b"{}").unwrap_err());
    listener.consider(&WEBHOOK_SECRET.replace("whsec", "wh").parse::<WebhookSecret>().unwrap_err());
    clerk.sent_webhooks().iter().for_each(|sent| listener.look(sent));
}

/// Every call there is.
async fn operations(
    listener: &mut Eavesdropper,
    clerk: &SessionsApi,
    session: &SessionId,
    token: &str,
) {
    let good = client(clerk, SECRET_KEY);
    for lifetime in [None, Some(Duration::from_secs(60))] {
        let plain = good.create_token(session, lifetime).await.unwrap();
        let of_template = good.create_token_from_template(session, "reports", lifetime);
        for made in [plain, of_template.await.unwrap()] {
            listener.mind_token(made.as_str());
            listener.look(&made);
        }
    }
    let refresh_token = clerk.refresh_token(session);
    listener.mind(&refresh_token);
    for refresh_token in [&*refresh_token, REFRESH_TOKEN] {
        for format in [RefreshFormat::Token, RefreshFormat::Cookie] {
            let request = RefreshSession::new(token, refresh_token, "https://app.example.com");
            let request = request.format(format);
            listener.look(&request);
            match good.refresh(session, &request).await {
                Ok(refreshed) => {
                    listener.look(&refreshed);
                    if let Refreshed::Token(token) = refreshed {
                        listener.mind_token(token.as_str());
                    }
                }
                Err(error) => listener.consider(&error),
            }
        }
    }

    for client in [good, client(clerk, WRONG_KEY)] {
        all_calls(listener, &client, session, token).await;
    }
    listener.look(&clerk.requests());
    for operation in Operation::ALL {
        listener.look(&clerk.requests().last(operation));
    }
}

async fn all_calls(
    listener: &Eavesdropper,
    client: &SessionsClient,
    session: &SessionId,
    token: &str,
) {
    let list = ListSessions::new().user_id("user_ada".parse().unwrap());
    let create = CreateSession::new("user_ada".parse().unwrap());
    let refresh = RefreshSession::new(token, REFRESH_TOKEN, "https://app.example.com");
    #[expect(deprecated, reason = "it takes a token")]
    let verified = client.verify(session, Some(token)).await;
    let errors = [
        client.list(&list).await.map(|page| listener.look(&page)).err(),
        client.get(session).await.map(|session| listener.look(&session)).err(),
        client.create(&create).await.map(|session| listener.look(&session)).err(),
        verified.map(|session| listener.look(&session)).err(),
        client.refresh(session, &refresh).await.map(drop).err(),
        client.create_token(session, None).await.map(drop).err(),
        client.create_token_from_template(session, "../reports", None).await.map(drop).err(),
        client.jwks().await.map(|keys| listener.look(&keys)).err(),
    ];
    for error in errors.into_iter().flatten() {
        listener.consider(&error);
        listener.read(&error);
    }
}

/// Everything once more, while Clerk breaks in every way.
async fn outages(
    listener: &Eavesdropper,
    clerk: &SessionsApi,
    session: &SessionId,
    tokens: &[String],
) {
    for fault in [
        Fault::status(302),
        Fault::status(400),
        Fault::status(429).retry_after(Duration::from_secs(1)),
        Fault::status(500),
        Fault::hang(),
        Fault::reset(),
        Fault::truncate(),
        Fault::garbage(),
        Fault::content_type(),
    ] {
        clerk.fail_all(fault.clone());
        requests(listener, clerk, SessionCheck::Verify, &tokens[..1]).await;
        all_calls(listener, &client(clerk, SECRET_KEY), session, &tokens[0]).await;
        clerk.clear_faults();
        // Now the keys are there, and the session is not.
        for operation in [Operation::Get, Operation::Verify] {
            clerk.fail(operation, fault.clone());
        }
        requests(listener, clerk, SessionCheck::Verify, &tokens[..1]).await;
        clerk.clear_faults();
    }
}
