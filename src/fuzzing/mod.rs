//! What holds of any input: asked by the fuzz targets in `fuzz/`, which search for an exception, and
//! by property tests, which look again each time: at as many inputs as `PROPTEST_CASES` says.
//!
//! Each function takes an input and panics where its promise is broken. What the code ought to do is
//! said a second time here, as naively as possible, so that the two can be compared.

mod authorization;
mod claims;
mod cookies;
mod errors;
mod ids;
mod permissions;
mod sessions;
mod signed;
mod tokens;
mod webhooks;

pub use self::{
    authorization::authorization_header,
    claims::claims,
    cookies::cookie_header,
    errors::error_json,
    ids::identifier,
    permissions::permissions,
    sessions::session_json,
    tokens::{token, token_of},
    webhooks::webhook,
};

use http::{HeaderName, HeaderValue, Request, request::Parts};

/// A request with these fields under one name, as far as they can be sent at all.
fn request(name: &HeaderName, fields: &[&[u8]]) -> Parts {
    let mut request = Request::new(());
    let sendable = fields.iter().filter_map(|field| HeaderValue::from_bytes(field).ok());
    for value in sendable {
        request.headers_mut().append(name, value);
    }
    request.into_parts().0
}
