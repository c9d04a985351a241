//! What travels between threads, and stays so: a field that is not `Send` would change that without a word.

use tower_clerk::{
    Actor, AnswerBody, AnswerFuture, Authenticate, AuthenticateLayer, Authorization, Authorize,
    AuthorizeFuture, Claims, ClientId, Clock, ConfigError, Credential, Dependency, Freshness,
    Instance, InstanceBuilder, Jwk, JwkSet, OrganizationId, OwnedCredential, ParseIdError, Policy,
    PresentedToken, Protocol, PublishableKey, Readiness, ReceiveWebhooks, Rejection, RejectionKind,
    RequireAuthorization, Resolved, ResponseBody, ResponseFuture, Reverification, RevokeAll,
    RevokeAllError, RevokeAllSessions, RevokeSession, SecretKey, Session, SessionActivity,
    SessionCheck, SessionId, SessionResolver, SessionResolverBuilder, SessionStatus, SessionTask,
    SessionWatch, SessionsClient, TokenVerifier, UserId, WebhookSecret, authorization, claims,
    client, extract, fleet, token, webhook,
};

fn value<T: Send + Sync + Unpin + 'static>() {}
fn sent<T: Send>() {}

#[test]
fn every_public_type_goes_to_another_thread() {
    value::<(Actor, AnswerBody, Authorization, Claims, ClientId, Clock, ConfigError)>();
    value::<(Credential<'static>, OwnedCredential, PresentedToken<'static>, ParseIdError)>();
    value::<(Dependency, Freshness, Instance, InstanceBuilder, Jwk, JwkSet, OrganizationId)>();
    value::<(Policy, Protocol, PublishableKey, Readiness, Rejection, RejectionKind, Resolved)>();
    value::<(ResponseBody<()>, Reverification, RevokeSession, SecretKey)>();
    value::<(Session, SessionActivity, SessionCheck, SessionId, SessionStatus, SessionTask)>();
    value::<(ReceiveWebhooks, RevokeAll, RevokeAllError, RevokeAllSessions)>();
    value::<(SessionResolver, SessionResolverBuilder, SessionsClient)>();
    value::<(SessionWatch, TokenVerifier, UserId, WebhookSecret)>();
    value::<(authorization::CustomReverification, authorization::Level)>();
    value::<(claims::Entitlement, claims::FactorAges, claims::Organization)>();
    value::<(client::ApiError, client::ApiVersion, client::CreateSession, client::Error)>();
    value::<(client::ListSessions, client::Quota, client::RefreshFormat, client::RefreshSession)>();
    value::<(client::Refreshed, client::SessionPage, client::SessionToken)>();
    value::<(client::Pages, client::SessionsClientBuilder)>();
    value::<(extract::BearerToken, extract::SessionCookie, extract::QueryToken)>();
    value::<(extract::TrustedSessionId, extract::CredentialError, extract::CredentialErrorKind)>();
    value::<extract::Or<extract::BearerToken, extract::SessionCookie>>();
    value::<(fleet::LogCursor, fleet::LogEntry, fleet::LogError, fleet::LogPage)>();
    value::<fleet::Revocation>();
    value::<(token::TokenError, token::TokenErrorKind, token::TokenVerifierBuilder)>();
    value::<(webhook::EventKind, webhook::WebhookError, webhook::WebhookErrorKind)>();
    value::<(webhook::WebhookEvent, webhook::WebhookVerifier)>();
}

#[cfg(feature = "axum")]
#[test]
fn and_so_does_every_type_of_axums() {
    use tower_clerk::for_axum::{Authorized, ExtractRejection};

    value::<(Authorized<()>, ExtractRejection)>();
}

#[cfg(feature = "redis")]
#[test]
fn and_so_does_the_log_on_redis() {
    value::<tower_clerk::for_redis::RedisLog>();
}

#[cfg(feature = "testing")]
#[test]
fn and_so_does_every_type_of_the_emulators() {
    use tower_clerk::testing::{
        Coverage, CoverageOutcome, Fault, Membership, MemoryLog, Operation, RecordedRequest,
        Requests, RouteCoverage, SentWebhook, SessionRecord, SessionsApi, SessionsApiBuilder,
        TokenMint, WebhookFault,
    };

    value::<(Coverage, CoverageOutcome, Fault, Membership, MemoryLog, Operation)>();
    value::<(RecordedRequest, Requests, RouteCoverage, SentWebhook, SessionRecord)>();
    value::<(SessionsApi, SessionsApiBuilder, TokenMint<'static>, WebhookFault)>();
}

#[test]
fn a_service_and_its_future_are_as_good_at_it_as_the_service_inside() {
    type Inner = tower::util::BoxCloneSyncService<http::Request<()>, http::Response<()>, ()>;

    value::<(AuthenticateLayer, Authenticate<()>, RequireAuthorization, Authorize<()>)>();
    sent::<(Authenticate<Inner>, ResponseFuture<Inner, ()>, AnswerFuture)>();
    sent::<AuthorizeFuture<std::future::Ready<()>>>();
}

/// The list of the public API is committed, and the gate holds it against the crate.
#[test]
fn no_public_type_is_left_out() {
    let (api, here) = (include_str!("../docs/public-api.txt"), include_str!("auto_traits.rs"));
    let words: std::collections::HashSet<_> = here.split(|c: char| !c.is_alphanumeric()).collect();
    let types = api.lines().filter_map(|line| {
        let declared = line.trim_start_matches("#[non_exhaustive] ");
        let declared =
            declared.strip_prefix("pub struct ").or(declared.strip_prefix("pub enum "))?;
        let path =
            declared.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next()?;
        path.rsplit("::").next()
    });
    let types: Vec<_> = types.collect();
    assert!(types.len() > 100, "{types:?}");
    for name in types {
        assert!(words.contains(name), "{name}");
    }
}
