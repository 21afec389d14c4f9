//! Source files as the laws see them. `syn` parses each file once; what the laws ask about is kept as flat lists:
//! paths, functions, definitions and words, each with its line and whether it is test code.
//!
//! `syn` does not look inside a macro's arguments, so paths and words in there are read from the tokens.

use std::{ops::Range, str::FromStr};

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use syn::{
    Attribute, FnArg, ImplItem, Item, Meta, Signature, TraitItem, Type, UseTree, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

use super::Finding;

/// One file, named by its path from the root of the project.
pub struct Source {
    pub file: String,
    pub text: String,
    /// Where the file stands in the tree of modules: `["store", "files"]`; empty for lib.rs and main.rs.
    pub module: Vec<String>,
    pub paths: Vec<PathUse>,
    pub functions: Vec<Function>,
    pub definitions: Vec<Definition>,
    pub words: Vec<Word>,
}

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

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// A `use` that is for this module alone, and the name that it brings in.
    Import(String),
    /// A `pub use`, and the name that it exports.
    Export(String),
    /// Anywhere else.
    Code,
    /// In what makes a kind: its table of rows (each function that returns an `Api`) and its implementation of
    /// `SecretsEngine` or `AuthMethod`. Both name the handlers.
    Kind,
}

pub struct Function {
    pub name: String,
    pub line: usize,
    /// From the word `fn` to the closing brace; 0 without a body.
    pub lines: usize,
    /// How many there are, `self` included.
    pub parameters: usize,
    /// The names of the parameters that are a bool, a reference to one or an `Option` of one.
    pub flags: Vec<String>,
    /// The trait decides what the parameters are.
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

/// A word or a sign. A bracket is a word too.
pub struct Word {
    pub text: String,
    pub line: usize,
    pub is_test: bool,
}

/// Reads all files; a `#[cfg(test)] mod name;` in one makes another a file of tests.
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
        let mut reader = Reader { module: module.clone(), ..Reader::default() };
        reader.under(&parsed.attrs, Range { start: LineColumn { line: 0, column: 0 }, end: END }, |reader| {
            visit::visit_file(reader, &parsed);
        });
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

    /// The lines where `words` stand one after the other outside of tests.
    pub fn find<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        self.words
            .windows(words.len())
            .filter(move |window| !window[0].is_test && window.iter().zip(words).all(|(word, text)| word.text == *text))
            .map(|window| window[0].line)
    }
}

const END: LineColumn = LineColumn { line: usize::MAX, column: 0 };

fn module_of(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(inner, "lib" | "main") { Vec::new() } else { inner.split('/').map(str::to_owned).collect() }
}

/// Collects what `Source` keeps while `syn` walks through a file.
#[derive(Default)]
struct Reader {
    module: Vec<String>,
    /// How many `#[cfg(test)]` stand around the present place.
    test_depth: usize,
    /// Where the outermost of those begin and end.
    tests: Vec<Range<LineColumn>>,
    is_in_kind: bool,
    paths: Vec<PathUse>,
    functions: Vec<Function>,
    definitions: Vec<Definition>,
}

impl Reader {
    /// Walks on with `walk`, as through test code if `attributes` say so.
    fn under(&mut self, attributes: &[Attribute], range: Range<LineColumn>, walk: impl FnOnce(&mut Self)) {
        let is_test = attributes.iter().any(is_cfg_test);
        if is_test && self.test_depth == 0 {
            self.tests.push(range);
        }
        self.test_depth += usize::from(is_test);
        walk(self);
        self.test_depth -= usize::from(is_test);
    }

    /// Walks on with `walk`, as through what makes a kind if `is_kind`.
    fn within(&mut self, is_kind: bool, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.is_in_kind, is_kind);
        walk(self);
        self.is_in_kind = outer;
    }

    fn path(&mut self, path: &str, line: usize, role: Role) {
        let path = resolve(path, &self.module);
        let is_test = self.test_depth > 0;
        self.paths.push(PathUse { path, module: self.module.clone(), line, role, is_test });
    }

    fn role(&self) -> Role {
        if self.is_in_kind { Role::Kind } else { Role::Code }
    }

    fn define(&mut self, name: &syn::Ident, what: What, visibility: &Visibility) {
        let is_exported = match visibility {
            Visibility::Public(_) => true,
            Visibility::Restricted(to) => to.in_token.is_some() || to.path.is_ident("crate"),
            Visibility::Inherited => false,
        };
        let (name, line, module) = (name.to_string(), name.span().start().line, self.module.clone());
        self.definitions.push(Definition { name, module, line, what, is_exported, is_test: self.test_depth > 0 });
    }

    fn function(&mut self, signature: &Signature, block: Option<&syn::Block>, is_of_trait_impl: bool) {
        let line = signature.fn_token.span.start().line;
        let flag = |input: &FnArg| match input {
            FnArg::Typed(typed) if is_flag(&typed.ty) => Some(match &*typed.pat {
                syn::Pat::Ident(name) => name.ident.to_string(),
                _ => "_".to_owned(),
            }),
            _ => None,
        };
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: block.map_or(0, |block| block.span().end().line + 1 - line),
            parameters: signature.inputs.len(),
            flags: signature.inputs.iter().filter_map(flag).collect(),
            is_of_trait_impl,
            is_test: self.test_depth > 0,
        });
    }

    fn use_tree(&mut self, prefix: &str, tree: &UseTree, is_export: bool) {
        let (path, name, line) = match tree {
            UseTree::Path(path) => return self.use_tree(&format!("{prefix}{}::", path.ident), &path.tree, is_export),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.use_tree(prefix, tree, is_export)),
            // `use a::b::{self}` names `a::b`.
            UseTree::Name(name) if name.ident == "self" => {
                let path = prefix.trim_end_matches("::");
                (path.to_owned(), path.rsplit("::").next().unwrap_or("").to_owned(), name.span().start().line)
            }
            UseTree::Name(name) => {
                (format!("{prefix}{}", name.ident), name.ident.to_string(), name.span().start().line)
            }
            UseTree::Rename(name) => {
                (format!("{prefix}{}", name.ident), name.rename.to_string(), name.span().start().line)
            }
            UseTree::Glob(glob) => (format!("{prefix}*"), "*".to_owned(), glob.span().start().line),
        };
        self.path(&path, line, if is_export { Role::Export(name) } else { Role::Import(name) });
    }

    /// Reads the paths in a macro's arguments or an attribute.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut words: Vec<(String, usize)> = Vec::new();
        flatten(tokens, &mut |text, at| words.push((text, at.line)));
        let mut at = 0;
        while at < words.len() {
            let begin = at;
            at += 1;
            if !is_word(&words[begin].0) || begin > 0 && matches!(words[begin - 1].0.as_str(), "." | "::") {
                continue;
            }
            let mut path = words[begin].0.clone();
            while let (Some((sign, _)), Some((word, _))) = (words.get(at), words.get(at + 1))
                && sign == "::"
                && is_word(word)
            {
                path = format!("{path}::{word}");
                at += 2;
            }
            self.path(&path, words[begin].1, self.role());
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        self.under(item_attributes(item), range(item), |reader| {
            match item {
                Item::Struct(item) => reader.define(&item.ident, What::Type, &item.vis),
                Item::Enum(item) => reader.define(&item.ident, What::Type, &item.vis),
                Item::Union(item) => reader.define(&item.ident, What::Type, &item.vis),
                Item::Trait(item) => reader.define(&item.ident, What::Type, &item.vis),
                Item::Type(item) => reader.define(&item.ident, What::Type, &item.vis),
                Item::Fn(item) => reader.define(&item.sig.ident, What::Other, &item.vis),
                Item::Const(item) => reader.define(&item.ident, What::Other, &item.vis),
                Item::Static(item) => reader.define(&item.ident, What::Other, &item.vis),
                Item::Mod(item) => reader.define(&item.ident, What::Module, &item.vis),
                Item::Macro(syn::ItemMacro { ident: Some(name), .. }) => {
                    reader.define(name, What::Other, &Visibility::Inherited);
                }
                _ => {}
            }
            visit::visit_item(reader, item);
        });
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree("", &item.tree, !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, Some(&item.block), false);
        self.within(makes_rows(&item.sig), |reader| visit::visit_item_fn(reader, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        for inner in &item.items {
            if let ImplItem::Fn(method) = inner {
                self.under(&method.attrs, range(method), |reader| {
                    reader.function(&method.sig, Some(&method.block), item.trait_.is_some());
                });
            }
        }
        let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        let is_kind = of.is_some_and(|last| last.ident == "SecretsEngine" || last.ident == "AuthMethod");
        self.within(is_kind, |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        self.under(&method.attrs, range(method), |reader| visit::visit_impl_item_fn(reader, method));
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let TraitItem::Fn(method) = item else { return visit::visit_trait_item(self, item) };
        self.under(&method.attrs, range(method), |reader| {
            reader.function(&method.sig, method.default.as_ref(), false);
            visit::visit_trait_item(reader, item);
        });
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.under(&field.attrs, range(field), |reader| visit::visit_field(reader, field));
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.under(&variant.attrs, range(variant), |reader| visit::visit_variant(reader, variant));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.under(&arm.attrs, range(arm), |reader| visit::visit_arm(reader, arm));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        self.under(&local.attrs, range(local), |reader| visit::visit_local(reader, local));
    }

    fn visit_field_value(&mut self, value: &'ast syn::FieldValue) {
        self.under(&value.attrs, range(value), |reader| visit::visit_field_value(reader, value));
    }

    fn visit_expr_reference(&mut self, element: &'ast syn::ExprReference) {
        self.under(&element.attrs, range(element), |reader| visit::visit_expr_reference(reader, element));
    }

    fn visit_expr_block(&mut self, block: &'ast syn::ExprBlock) {
        self.under(&block.attrs, range(block), |reader| visit::visit_expr_block(reader, block));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        self.under(&call.attrs, range(call), |reader| visit::visit_expr_call(reader, call));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&words.join("::"), path.span().start().line, self.role());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.tokens(list.tokens.clone()),
            Meta::Path(path) => self.visit_path(path),
            Meta::NameValue(_) => {}
        }
    }

    // `pub(crate)` and `pub(super)` use nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether a function returns (a part of) a table of rows.
fn makes_rows(signature: &Signature) -> bool {
    let syn::ReturnType::Type(_, returned) = &signature.output else { return false };
    matches!(&**returned, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Api"))
}

fn range(node: &impl Spanned) -> Range<LineColumn> {
    let span = node.span();
    span.start()..span.end()
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string().replace(' ', "");
    list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
}

/// Whether a type is `bool`, `&bool`, `&mut bool` or an `Option` of one of these.
fn is_flag(wanted: &Type) -> bool {
    match wanted {
        Type::Reference(reference) => is_flag(&reference.elem),
        Type::Paren(inner) => is_flag(&inner.elem),
        Type::Path(path) if path.path.is_ident("bool") => true,
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let syn::PathArguments::AngleBracketed(of) = &last.arguments else { return false };
            let is_flag = |argument: &syn::GenericArgument| matches!(argument, syn::GenericArgument::Type(inner) if is_flag(inner));
            last.ident == "Option" && of.args.iter().any(is_flag)
        }),
        _ => false,
    }
}

/// Turns `self::`, `super::` and our own crate's name into `crate::`.
fn resolve(path: &str, module: &[String]) -> String {
    let mut rest: Vec<&str> = path.split("::").collect();
    let mut base: Vec<&str> = module.iter().map(String::as_str).collect();
    match rest[0] {
        "self" | "super" if rest.len() > 1 => {}
        "strongroom" if rest.len() > 1 => return format!("crate::{}", rest[1..].join("::")),
        _ => return path.to_owned(),
    }
    while let [first @ ("self" | "super"), tail @ ..] = &rest[..] {
        if *first == "super" {
            base.pop();
        }
        rest = tail.to_vec();
    }
    ["crate"].iter().chain(&base).chain(&rest).copied().collect::<Vec<_>>().join("::")
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Hands out every word and sign, brackets and `::` included; literals are left out.
fn flatten(tokens: TokenStream, take: &mut impl FnMut(String, LineColumn)) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                take(open.to_owned(), group.span_open().start());
                flatten(group.stream(), take);
                take(close.to_owned(), group.span_close().start());
            }
            TokenTree::Ident(word) => take(word.to_string(), word.span().start()),
            TokenTree::Punct(sign) => {
                let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(next) if next.as_char() == ':');
                let is_double = sign.as_char() == ':' && sign.spacing() == proc_macro2::Spacing::Joint;
                let text =
                    if is_double && tokens.next_if(is_colon).is_some() { "::".to_owned() } else { sign.to_string() };
                take(text, sign.span().start());
            }
            TokenTree::Literal(_) => {}
        }
    }
}
