//! One RS256 signature and nothing else: what no layer can do without, for a token that it has not seen.

use std::{convert::Infallible, hint::black_box};

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer,
    rsa::PublicEncryptingKey,
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents},
};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, Response};
use tower::{Service, service_fn};

use crate::{inner, scene::Scene};

/// With the key parsed once, over a token like all others.
pub(crate) fn alone(
    scene: &Scene,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + use<> {
    let key = key(scene);
    let (message, signature) = signed(scene);
    service_fn(move |_| {
        let verified = key.verify_digest_sig(&digest(&SHA256, black_box(&message)), &signature);
        std::future::ready(Ok(inner::answer(verified.ok().map(|()| "whoever signed it"))))
    })
}

fn key(scene: &Scene) -> ParsedPublicKey {
    let set = scene.clerk.jwk_set();
    let integer = |text: &Option<String>| {
        let text = text.as_ref().expect("an RSA key has it");
        URL_SAFE_NO_PAD.decode(text).expect("it is base64url")
    };
    let [n, e] = [&set.keys[0].n, &set.keys[0].e].map(integer);
    let key: PublicEncryptingKey =
        RsaPublicKeyComponents { n, e }.try_into().expect("a key of 2048 bits");
    let der = key.as_der().expect("it can be written");
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref()).expect("it can be read")
}

fn signed(scene: &Scene) -> (Vec<u8>, Vec<u8>) {
    let token = scene.token(&scene.clerk.sign_in("user_ada"), 0);
    let (message, signature) = token.rsplit_once('.').expect("a token has three parts");
    (message.into(), URL_SAFE_NO_PAD.decode(signature).expect("it is base64url"))
}
