//! The private key that signed last, kept ready for signing, because preparing a key takes as long as signing with it.
//! The stored keys decide which key signs. This copy is used only while it has the key id of that key.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::{contract::keyset::Generation, crypto::ed25519::SigningKey};

#[derive(Default)]
pub struct Signer(ArcSwapOption<(String, SigningKey)>);

impl Signer {
    /// The key of a generation, ready for signing, with its key id.
    pub fn key(&self, generation: &Generation) -> Arc<(String, SigningKey)> {
        if let Some(key) = self.0.load_full().filter(|key| key.0 == generation.kid()) {
            return key;
        }
        let key = Arc::new((generation.kid().to_owned(), generation.signing_key()));
        self.0.store(Some(Arc::clone(&key)));
        key
    }
}
