//! Source files as the laws see them. `syn` parses each file once. The facts that the laws need are kept as flat lists:
//! paths, functions, definitions and words, each with its line and whether it is test code.

use std::str::FromStr;

use proc_macro2::TokenStream;

use super::{
    facts::{Definition, Finding, Function, PathUse, What, Word},
    reader::{Reader, flatten},
};

/// One file, named by its path from the root of the project.
pub struct Source {
    pub file: String,
    pub text: String,
    /// The path of its module: `["store", "files"]`. It is empty for lib.rs and main.rs.
    pub module: Vec<String>,
    pub paths: Vec<PathUse>,
    pub functions: Vec<Function>,
    pub definitions: Vec<Definition>,
    pub words: Vec<Word>,
}

/// Reads all files. A `#[cfg(test)] mod name;` in one file makes another file test code.
pub fn read_all(files: Vec<(String, String)>) -> Vec<Source> {
    let mut sources: Vec<Source> = files.into_iter().map(|(file, text)| Source::read(file, text)).collect();
    let is_test_module = |definition: &&Definition| definition.is_test && definition.what == What::Module;
    let roots: Vec<Vec<String>> = sources
        .iter()
        .flat_map(|source| source.definitions.iter().filter(is_test_module))
        .map(|definition| [definition.module.as_slice(), std::slice::from_ref(&definition.name)].concat())
        .collect();
    for source in &mut sources {
        let is_tests = source.file.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"));
        if is_tests || roots.iter().any(|root| source.module.starts_with(root)) {
            source.mark_as_test();
        }
    }
    sources
}

impl Source {
    fn read(file: String, text: String) -> Self {
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let module = module_of(&file);
        let reader = Reader::read(&module, &parsed);
        let mut words = Vec::new();
        flatten(TokenStream::from_str(&text).unwrap(), &mut |text, at| {
            let is_test = reader.tests.iter().any(|range| range.contains(&at));
            words.push(Word { text, line: at.line, is_test });
        });
        let Reader { paths, functions, definitions, .. } = reader;
        Self { file, text, module, paths, functions, definitions, words }
    }

    fn mark_as_test(&mut self) {
        self.paths.iter_mut().for_each(|path| path.is_test = true);
        self.functions.iter_mut().for_each(|function| function.is_test = true);
        self.definitions.iter_mut().for_each(|definition| definition.is_test = true);
        self.words.iter_mut().for_each(|word| word.is_test = true);
    }

    /// The floor under `src/` that the file belongs to; none for lib.rs and main.rs.
    pub fn floor(&self) -> Option<&str> {
        if self.file.starts_with("src/") { self.module.first().map(String::as_str) } else { None }
    }

    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    pub fn finding(&self, law: &'static str, line: usize, what: &str, why: String) -> Finding {
        Finding { law, file: self.file.clone(), line, what: what.to_owned(), why }
    }

    /// The lines outside of tests where `words` follow each other.
    pub fn find<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        self.words
            .windows(words.len())
            .filter(move |window| !window[0].is_test && window.iter().zip(words).all(|(word, text)| word.text == *text))
            .map(|window| window[0].line)
    }
}

fn module_of(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(inner, "lib" | "main") { Vec::new() } else { inner.split('/').map(str::to_owned).collect() }
}
