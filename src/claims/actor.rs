use serde::Deserialize;

/// Who acts as the user while somebody impersonates them ([RFC 8693 §4.1]).
///
/// [RFC 8693 §4.1]: https://www.rfc-editor.org/rfc/rfc8693#section-4.1
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// Where the actor is known (`iss`), such as Clerk's dashboard.
    #[serde(rename = "iss")]
    pub issuer: Option<String>,
    /// The actor's own session (`sid`).
    #[serde(rename = "sid")]
    pub session_id: Option<String>,
    /// The actor (`sub`).
    #[serde(rename = "sub")]
    pub subject: String,
}
