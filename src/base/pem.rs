//! What the text of a PEM file says of itself, for errors that name what is wrong with a key file.

/// Whether the text holds a private key that is encrypted with a passphrase, in PKCS#8 (RFC 5958) or in the older form
/// of RFC 1421.
pub(crate) fn has_encrypted_key(text: &[u8]) -> bool {
    let holds = |mark: &[u8]| text.windows(mark.len()).any(|part| part == mark);
    holds(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || holds(b"Proc-Type: 4,ENCRYPTED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_encrypted_key_are_known() {
        assert!(has_encrypted_key(b"\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs"));
        assert!(has_encrypted_key(b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"));
        assert!(!has_encrypted_key(b"-----BEGIN PRIVATE KEY-----\nMIHs"));
        assert!(!has_encrypted_key(b""));
    }
}
