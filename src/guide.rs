//! Pages on what concerns more than one type. There is no code here; the programs on the pages are run as tests.
//!
//! | To find out | read |
//! | --- | --- |
//! | what is checked, and how late a revocation is noticed | [`checks`], [`freshness`] |
//! | what can be set | [`settings`] |
//! | who is refused, and with what answer | [`answers`], [`outages`] |
//! | how many sessions Clerk's rate limit carries, what a request costs | [`capacity`], [`performance`] |
//! | how a front end or a native app sends its token | [`front_ends`], [`websockets`] |
//! | what ends with the session: streams, sockets | [`streams`] |
//! | where the layer belongs | [`layer_order`], [`grpc`], [`gateways`] |
//! | who may do what | [`authorization`] |
//! | how several processes act as one, and several instances as several | [`fleet`], [`instances`] |
//! | how to move here from something else, and what there is not | [`moving`], [`limits`] |

/// Pages whose programs need the features that are named here.
macro_rules! pages {
    ($($(#[$summary:meta])+ $name:ident: $file:literal;)+) => {$(
        $(#[$summary])+
        #[cfg_attr(
            all(feature = "axum", feature = "tonic", feature = "testing"),
            doc = include_str!($file)
        )]
        #[cfg_attr(
            not(all(feature = "axum", feature = "tonic", feature = "testing")),
            doc = "The page is there with the features `axum`, `tonic` and `testing`, as on docs.rs."
        )]
        pub mod $name {}
    )+};
}

pages! {
    /// What each reason to refuse a request is answered.
    ///
    answers: "guide/answers.md";

    /// Who may do what: roles, permissions, plans and re-verification.
    ///
    authorization: "guide/authorization.md";

    /// How many active sessions a rate limit of Clerk's carries.
    ///
    capacity: "guide/capacity.md";

    /// The four ways to check a credential, and how late each notices a revocation.
    ///
    checks: "guide/checks.md";

    /// Several processes that act as one: what is revoked anywhere is refused everywhere.
    ///
    fleet: "guide/fleet.md";

    /// How long what is known of a session counts.
    ///
    freshness: "guide/freshness.md";

    /// How browsers, single-page apps and native apps send their tokens, and whose are admitted.
    ///
    front_ends: "guide/front_ends.md";

    /// Behind a gateway, and as its auth endpoint.
    ///
    gateways: "guide/gateways.md";

    /// The layer in a gRPC server, and in one that browsers call.
    ///
    grpc: "guide/grpc.md";

    /// Several Clerk instances in one process.
    ///
    instances: "guide/instances.md";

    /// Which layers belong outside, which inside, and around which routes.
    ///
    layer_order: "guide/layer_order.md";

    /// What this crate does not do.
    ///
    limits: "guide/limits.md";

    /// From clerk-rs, one's own JWKS code, jwt-authorizer or tower-sessions.
    ///
    moving: "guide/moving.md";

    /// What is answered while Clerk cannot be asked.
    ///
    outages: "guide/outages.md";

    /// All that can be set, in the environment and in code.
    ///
    settings: "guide/settings.md";

    /// Streams and sockets: what ends with the session, and how late.
    ///
    streams: "guide/streams.md";

    /// Tokens where there is no header to put them.
    ///
    websockets: "guide/websockets.md";
}

/// What a request costs, as measured.
///
/// [picture]: #the-picture
#[doc = include_str!("../docs/performance.md")]
///
/// # The picture
///
#[doc = include_str!("../docs/capacity.svg")]
pub mod performance {}
