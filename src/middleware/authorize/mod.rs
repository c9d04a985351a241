//! Whether who was authenticated may.

mod future;
mod layer;
mod service;

pub use self::{future::AuthorizeFuture, layer::RequireAuthorization, service::Authorize};

/// The claims of a caller who may, for a handler that asks by itself.
#[cfg(any(feature = "axum", feature = "tonic"))]
pub(crate) fn require<'e>(
    extensions: &'e http::Extensions,
    authorization: &crate::Authorization,
) -> Result<&'e crate::Claims, crate::Rejection> {
    let claims = super::find::<crate::Claims>(extensions)?;
    claims.require(authorization)?;
    Ok(claims)
}
