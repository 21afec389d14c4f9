//! The facts that are known of a source file, and the findings of the laws.

use std::fmt;

/// A path in the source.
pub struct PathUse {
    /// As written, but `self::`, `super::` and our own crate's name are turned into `crate::`.
    pub path: String,
    /// The module in which it is written: that of the file, or one declared inside the file.
    pub module: Vec<String>,
    pub line: usize,
    pub role: Role,
    pub is_test: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// A private `use`, and the name that it brings in.
    Import(String),
    /// A `pub use`, and the name that it exports.
    Export(String),
    /// Anywhere else.
    #[default]
    Code,
    /// In the definition of a kind: a function that returns an `Api` (its table of rows), or its implementation of
    /// `SecretsEngine` or `AuthMethod`. Both name the handlers.
    Kind,
}

pub struct Function {
    pub name: String,
    pub module: Vec<String>,
    pub doc: String,
    /// `cargo test` runs it: it has `#[test]`, `#[tokio::test]` or the like.
    pub is_run: bool,
    pub line: usize,
    /// From the word `fn` to the closing brace; 0 without a body.
    pub lines: usize,
    /// The number of parameters, including `self`.
    pub parameters: usize,
    /// The names of the parameters of type `bool`, `&bool` or `Option<bool>`.
    pub flags: Vec<String>,
    /// It implements a trait, which decides the parameters.
    pub is_of_trait_impl: bool,
    pub is_test: bool,
}

pub struct Definition {
    pub name: String,
    pub module: Vec<String>,
    pub line: usize,
    pub what: What,
    /// `pub`, `pub(crate)` or `pub(in …)`.
    pub is_exported: bool,
    pub is_test: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    Module,
    Type,
    Other,
}

/// A word, a sign or a bracket.
pub struct Word {
    pub text: String,
    pub line: usize,
    pub is_test: bool,
}

/// Something that a law forbids.
pub struct Finding {
    pub law: &'static str,
    pub file: String,
    pub line: usize,
    pub what: String,
    /// Why it is forbidden, and what to do.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}: {}", self.file, self.line, self.law, self.what, self.why)
    }
}
