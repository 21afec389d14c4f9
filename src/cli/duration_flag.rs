//! The value of a flag that takes a duration. A wrong one is refused before anything is sent.

use crate::base::ttl::{Ttl, TtlError};

/// Checks a duration such as `300`, `5m` or `1h30m`, and gives its text back for the server to read. `system`, and a
/// negative duration, are for the flags where they mean something; the server refuses them elsewhere.
pub(crate) fn duration(text: &str) -> Result<String, TtlError> {
    if text != "system" {
        Ttl::parse(text.strip_prefix('-').unwrap_or(text))?;
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_a_wrong_duration_is_refused_before_anything_is_sent() {
        for text in ["300", "5m", "1h30m", "0", "-1", "-1s", "system"] {
            assert_eq!(duration(text).as_deref(), Ok(text));
        }
        assert_eq!(duration("zz").unwrap_err().to_string(), "time: invalid duration \"zz\"");
    }
}
