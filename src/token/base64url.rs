//! base64url without padding ([RFC 7515 §2]), as fast as the processor reads it.
//!
//! [RFC 7515 §2]: https://www.rfc-editor.org/rfc/rfc7515#section-2

use base64::{Engine, decoded_len_estimate};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: std::sync::LazyLock<base64::engine::Simd> = std::sync::LazyLock::new(|| {
    base64::engine::Simd::url_safe(base64::engine::general_purpose::NO_PAD)
});

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::general_purpose::URL_SAFE_NO_PAD as ENGINE;

pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    // `Engine::decode` asks the allocator for zeroed memory, which takes longer than zeroing what it has.
    let mut bytes = Vec::with_capacity(decoded_len_estimate(text.len()));
    ENGINE.decode_vec(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_reads_what_the_plain_engine_reads(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(decode(text.as_bytes()), Some(bytes));
        }

        #[test]
        fn it_refuses_what_the_plain_engine_refuses(
            bytes in prop::collection::vec(any::<u8>(), 0..700),
            position in any::<prop::sample::Index>(),
            other in any::<u8>(),
        ) {
            let mut text = URL_SAFE_NO_PAD.encode(&bytes).into_bytes();
            text.push(b'A');
            let position = position.index(text.len());
            text[position] = other;
            prop_assert_eq!(decode(&text), URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }
}
