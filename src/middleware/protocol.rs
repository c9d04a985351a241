use http::{HeaderMap, Method, Version, header, request::Parts};

/// In whose terms a refusal is written. It never decides whether a request is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP: a status, `WWW-Authenticate`, problem details.
    Http,
    /// gRPC: status 200, `grpc-status` and `grpc-message` ("trailers-only").
    Grpc,
}

impl Protocol {
    /// gRPC where the request can be gRPC: POST, over HTTP/2 or with `te: trailers`, and of the content
    /// type `application/grpc`, alone or followed by `+` or `;`.
    ///
    /// # Security
    ///
    /// A gateway's sub-request may be all that and read nothing but the status: see
    /// [`AuthenticateLayer::protocol`](crate::AuthenticateLayer::protocol).
    #[must_use]
    pub fn of(request: &Parts) -> Self {
        let takes_trailers = || request.version == Version::HTTP_2 || accepts_trailers(request);
        if request.method == Method::POST && is_grpc(&request.headers) && takes_trailers() {
            Self::Grpc
        } else {
            Self::Http
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
    let parameters = content_type.strip_prefix(b"application/grpc");
    matches!(parameters, Some([] | [b'+' | b';', ..]))
}

/// What a proxy of gRPC over HTTP/1.1, such as tonic-web, hands on.
fn accepts_trailers(request: &Parts) -> bool {
    let values = request.headers.get_all(header::TE).iter();
    let mut codings = values.filter_map(|value| value.to_str().ok()).flat_map(|te| te.split(','));
    codings.any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn request(method: &str, version: Version, content_type: &str, te: &str) -> Parts {
        let request = Request::builder().method(method).version(version);
        let request = request.header(header::CONTENT_TYPE, content_type).header(header::TE, te);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn grpc_is_known_by_its_content_type() {
        for (content_type, protocol) in [
            ("application/grpc", Protocol::Grpc),
            ("application/grpc+proto", Protocol::Grpc),
            ("application/grpc;x=y", Protocol::Grpc),
            ("application/grpc-web", Protocol::Http),
            ("application/grpcx", Protocol::Http),
            ("application/json", Protocol::Http),
            ("", Protocol::Http),
        ] {
            let request = request("POST", Version::HTTP_2, content_type, "trailers");
            assert_eq!(Protocol::of(&request), protocol, "{content_type}");
        }
        assert_eq!(Protocol::of(&Request::new(()).into_parts().0), Protocol::Http);
    }

    #[test]
    fn what_cannot_be_grpc_is_answered_over_http_whatever_its_content_type() {
        for (method, version, te, protocol) in [
            ("POST", Version::HTTP_2, "", Protocol::Grpc),
            ("POST", Version::HTTP_2, "trailers", Protocol::Grpc),
            ("POST", Version::HTTP_11, "trailers", Protocol::Grpc),
            ("POST", Version::HTTP_11, "deflate, Trailers", Protocol::Grpc),
            ("POST", Version::HTTP_11, "", Protocol::Http),
            ("POST", Version::HTTP_11, "trailers-only", Protocol::Http),
            ("POST", Version::HTTP_10, "", Protocol::Http),
            ("GET", Version::HTTP_11, "", Protocol::Http),
            ("GET", Version::HTTP_11, "trailers", Protocol::Http),
            ("GET", Version::HTTP_2, "trailers", Protocol::Http),
            ("HEAD", Version::HTTP_2, "trailers", Protocol::Http),
            ("OPTIONS", Version::HTTP_2, "trailers", Protocol::Http),
            ("post", Version::HTTP_2, "trailers", Protocol::Http),
        ] {
            let request = request(method, version, "application/grpc", te);
            assert_eq!(Protocol::of(&request), protocol, "{method} {version:?} te: {te}");
        }
    }
}
