use std::ops::Range;

use super::Text;

/// A string of the payload, kept without a copy where it stands there as it reads.
#[derive(Debug)]
pub(super) enum Excerpt {
    Within(Range<usize>),
    /// It was written with escapes.
    Apart(Box<str>),
}

impl Excerpt {
    pub(super) fn of(text: &Text<'_>, payload: &str) -> Self {
        // What lies within the payload's memory is a part of it, and nothing else is.
        let start = text.as_ptr().addr().wrapping_sub(payload.as_ptr().addr());
        let within = start..start.wrapping_add(text.len());
        match payload.get(within.clone()) {
            Some(_) => Self::Within(within),
            None => Self::Apart(text.to_box()),
        }
    }

    pub(super) fn read<'p>(&'p self, payload: &'p str) -> &'p str {
        match self {
            Self::Within(range) => &payload[range.clone()],
            Self::Apart(text) => text,
        }
    }
}
