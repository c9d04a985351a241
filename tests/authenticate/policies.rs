//! What a layer was told of tokens and sessions is kept by whatever resolves them, or refused at start-up.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tower_clerk::{
    AuthenticateLayer, Claims, ConfigError, Credential, OwnedCredential, Policy, Rejection,
    ResolveSession, Resolved, SessionCheck, TokenVerifier,
    testing::SessionsApi,
    token::{TokenError, TokenErrorKind},
};

use crate::stacks::{self, Outcome, admitted};

const SKEW: Duration = Duration::from_secs(5);

/// A resolver of somebody's own, which verifies tokens and says of itself what it is made to say.
struct Custom {
    verifier: TokenVerifier,
    evaluates_policies: bool,
    keeps_max_age: bool,
}

impl Custom {
    fn saying(clerk: &SessionsApi, evaluates_policies: bool, keeps_max_age: bool) -> Arc<Self> {
        let builder = TokenVerifier::builder(&clerk.instance()).clock(clerk.clock());
        let verifier = builder.policy(Policy::new().accept_pending()).build().unwrap();
        Arc::new(Self { verifier, evaluates_policies, keeps_max_age })
    }
}

impl ResolveSession for Custom {
    async fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        let Credential::SessionToken(token) = credential.borrow() else {
            return Err(Rejection::new(tower_clerk::RejectionKind::InvalidCredential, "no-token"));
        };
        let token = std::str::from_utf8(token.as_bytes()).unwrap();
        let claims = self.verifier.verify(token).await?;
        if self.evaluates_policies {
            policy.evaluate(&claims, SystemTime::now(), SKEW)?;
        }
        Ok(Resolved::default().with_claims(claims))
    }

    fn evaluates_policies(&self) -> bool {
        self.evaluates_policies
    }

    fn keeps_max_age(&self) -> bool {
        self.keeps_max_age
    }
}

#[tokio::test]
async fn a_token_of_a_foreign_party_does_not_pass_with_a_resolver_of_ones_own() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let of = |party: &str| clerk.mint(&session).authorized_party(party).sign();
    let honest = AuthenticateLayer::new(Custom::saying(&clerk, true, false)).unwrap();
    let policy = Policy::new().authorized_parties(["https://app.example.com"]).unwrap();
    let stack = stacks::axum(honest.policy(policy).unwrap()).await;
    assert_eq!(stack.bearer(&of("https://app.example.com")).await, admitted("user_ada"));
    assert_eq!(stack.bearer(&of("https://evil.example")).await, Outcome::Invalid);
}

/// All that can be said to a layer of tokens and sessions.
const SETTINGS: [&str; 5] =
    ["authorized parties", "audience", "accept_pending", "accept_templates", "max_age"];

fn set(name: &str, layer: AuthenticateLayer) -> Result<AuthenticateLayer, ConfigError> {
    layer.policy(match name {
        "authorized parties" => Policy::new().authorized_parties(["https://app.example.com"])?,
        "audience" => Policy::new().audience(["app"])?,
        "accept_pending" => Policy::new().accept_pending(),
        "accept_templates" => Policy::new().accept_templates(),
        _ => Policy::new().max_age(Duration::from_secs(1)),
    })
}

#[tokio::test]
async fn a_setting_that_a_resolver_has_not_said_it_keeps_is_refused_at_start_up() {
    let clerk = SessionsApi::start().await;
    for name in SETTINGS {
        let is_age = name == "max_age";
        let kept = Custom::saying(&clerk, !is_age, is_age);
        assert!(set(name, AuthenticateLayer::new(kept).unwrap()).is_ok(), "{name}");

        let unkept = Custom::saying(&clerk, is_age, !is_age);
        let error = set(name, AuthenticateLayer::new(unkept).unwrap()).unwrap_err();
        assert!(matches!(error, ConfigError::Contradiction { .. }), "{name}: {error}");
        let cure = if is_age { "keeps_max_age" } else { "Policy::evaluate" };
        assert!(error.to_string().contains(cure), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[tokio::test]
async fn the_resolver_of_this_crate_keeps_what_its_check_can_keep() {
    let clerk = SessionsApi::start().await;
    for (check, refused) in [
        (SessionCheck::Get, "accept_templates"),
        (SessionCheck::Verify, "accept_templates"),
        (SessionCheck::Networkless, "max_age"),
    ] {
        let resolver = clerk.resolver_builder().check(check).build().unwrap();
        assert!(resolver.evaluates_policies());
        assert_eq!(resolver.keeps_max_age(), check != SessionCheck::Networkless);
        for name in SETTINGS {
            let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
            assert_eq!(set(name, layer).is_err(), name == refused, "{check:?}, {name}");
        }
    }
}

#[tokio::test]
async fn a_policy_judges_claims_as_the_layer_does() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let resolver = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let strict = || {
        let policy = Policy::new().authorized_parties(["https://app.example.com"]).unwrap();
        policy.audience(["app"]).unwrap()
    };
    let lenient = || Policy::new().accept_pending().accept_templates();
    let mint = || clerk.mint(&session).authorized_party("https://app.example.com");
    for (token, policy, later, expected) in [
        (mint().sign(), strict(), 0, None),
        (mint().sign(), strict(), 3600, Some(TokenErrorKind::Expired)),
        (
            clerk.mint(&session).authorized_party("https://evil.example").sign(),
            strict(),
            0,
            Some(TokenErrorKind::AuthorizedParty),
        ),
        (mint().claim("aud", "other").sign(), strict(), 0, Some(TokenErrorKind::Claim)),
        (mint().claim("sts", "pending").sign(), strict(), 0, Some(TokenErrorKind::Pending)),
        (mint().claim("sts", "pending").sign(), lenient(), 0, None),
        (mint().template().sign(), Policy::new(), 0, Some(TokenErrorKind::Category)),
        (mint().template().sign(), lenient(), 0, None),
    ] {
        let claims = read(&resolver, &token).await;
        let now = clerk.clock().now() + Duration::from_secs(later);
        let verdict = policy.evaluate(&claims, now, SKEW);
        assert_eq!(verdict.as_ref().err().map(TokenError::kind), expected, "{policy:?}");

        if later == 0 {
            let layers = resolver.resolve(Credential::session_token(token.as_bytes()), &policy);
            let layers = layers.await.err().map(|rejection| rejection.reason());
            assert_eq!(layers, expected.map(TokenErrorKind::reason), "{policy:?}");
        }
    }
}

/// The claims of a genuine token, whatever they are.
async fn read(resolver: &tower_clerk::SessionResolver, token: &str) -> Claims {
    let all = Policy::new().accept_pending().accept_templates();
    let resolved = resolver.resolve(Credential::session_token(token.as_bytes()), &all).await;
    resolved.unwrap().claims().unwrap().clone()
}
