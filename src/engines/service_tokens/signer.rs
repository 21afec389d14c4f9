//! The private key that signed last, kept parsed: parsing a key takes as long as signing with it. The stored keys decide
//! which key signs; this copy is used only while its key id is the one that they name.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::{contract::keyset::Generation, crypto::ed25519::SigningKey};

#[derive(Default)]
pub struct Signer(ArcSwapOption<(String, SigningKey)>);

impl Signer {
    /// The parsed key of a generation, with its key id.
    pub fn key(&self, generation: &Generation) -> Arc<(String, SigningKey)> {
        if let Some(key) = self.0.load_full().filter(|key| key.0 == generation.kid()) {
            return key;
        }
        let key = Arc::new((generation.kid().to_owned(), generation.signing_key()));
        self.0.store(Some(Arc::clone(&key)));
        key
    }
}
