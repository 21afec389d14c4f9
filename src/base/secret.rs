//! A value that must not be shown. [`Secret`] is wiped on drop and has no `Debug`, `Display`, `Clone`, `Serialize` or
//! `PartialEq`. `.expose()` is the only way to the value, and `tests/house.rs` lists the files that call it.
//!
//! ```compile_fail
//! println!("{:?}", strongroom::base::secret::Secret::new([0u8; 4]));
//! ```
//! ```compile_fail
//! let _ = strongroom::base::secret::Secret::new(String::new()).clone();
//! ```
//! ```compile_fail
//! let _ = serde_json::to_string(&strongroom::base::secret::Secret::new([0u8; 4]));
//! ```
//! ```compile_fail
//! let _ = strongroom::base::secret::Secret::new([0u8; 4]) == strongroom::base::secret::Secret::new([0u8; 4]);
//! ```

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Holds a `T` and wipes it when dropped.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Call this at the last moment, on a line of its own.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether the secret has the same bytes as `other`. The time does not depend on where they differ.
    pub fn same(&self, other: &[u8]) -> bool {
        self.0.as_ref().ct_eq(other).into()
    }
}

impl Secret<String> {
    /// Wraps anything that becomes a `String`.
    pub fn text(value: impl Into<String>) -> Self {
        Self(value.into())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<'de> serde::Deserialize<'de> for Secret<String> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}

impl schemars::JsonSchema for Secret<String> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_compare_by_their_bytes() {
        let secret = Secret::new(vec![1, 2, 3]);
        assert!(secret.same(&[1, 2, 3]) && !secret.same(&[1, 2]) && !secret.same(&[1, 2, 4]));
    }
}
