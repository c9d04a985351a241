/// How a credential is checked, beyond the token's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SessionCheck {
    /// The session is read from Clerk's Sessions API, through the cache. A session that was revoked
    /// elsewhere is refused after `ttl` + `clock_skew` at the latest.
    #[default]
    Get,
    /// The token is sent to Clerk's deprecated verification endpoint, which takes the place of the
    /// read. Only for instances that still offer it.
    Verify,
    /// Nothing but the signature and the claims are checked, and the revocations of this process and of
    /// its [fleet](crate::fleet). A session that was revoked elsewhere is admitted until the last token expires that Clerk
    /// issued or renewed for it.
    Networkless,
}
