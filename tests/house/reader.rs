//! Visits one parsed file and collects the facts that `Source` keeps.
//!
//! `syn` does not look inside a macro's arguments, so the paths in there are read from their tokens.

use std::ops::Range;

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use syn::{
    Attribute, FnArg, ImplItem, Item, Meta, Signature, TraitItem, Type, UseTree, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

use super::facts::{Definition, Function, PathUse, Role, What};

/// What a function belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Module,
    Type,
    TraitImpl,
}

/// Collects facts while `syn` visits a file.
#[derive(Default)]
pub struct Reader {
    module: Vec<String>,
    /// The number of `#[cfg(test)]` items around the node that is visited now.
    test_depth: usize,
    /// The ranges of the outermost `#[cfg(test)]` items.
    pub tests: Vec<Range<LineColumn>>,
    /// The role of a path that is not in a `use`.
    role: Role,
    pub paths: Vec<PathUse>,
    pub functions: Vec<Function>,
    pub definitions: Vec<Definition>,
}

impl Reader {
    /// Reads the file of the module `module`.
    pub fn read(module: &[String], file: &syn::File) -> Self {
        let mut reader = Self { module: module.to_vec(), ..Self::default() };
        let whole = LineColumn { line: 0, column: 0 }..LineColumn { line: usize::MAX, column: 0 };
        reader.under(&file.attrs, whole, |reader| visit::visit_file(reader, file));
        reader
    }

    /// Calls `walk`. What it visits counts as test code if `attributes` contain `#[cfg(test)]`.
    fn under(&mut self, attributes: &[Attribute], range: Range<LineColumn>, walk: impl FnOnce(&mut Self)) {
        let is_test = attributes.iter().any(is_cfg_test);
        if is_test && self.test_depth == 0 {
            self.tests.push(range);
        }
        self.test_depth += usize::from(is_test);
        walk(self);
        self.test_depth -= usize::from(is_test);
    }

    /// Calls `walk`. Paths that it visits get the role `role`.
    fn within(&mut self, role: Role, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.role, role);
        walk(self);
        self.role = outer;
    }

    fn path(&mut self, path: &str, line: usize, role: Role) {
        let path = resolve(path, &self.module);
        let is_test = self.test_depth > 0;
        self.paths.push(PathUse { path, module: self.module.clone(), line, role, is_test });
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

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, block: Option<&syn::Block>, of: Of) {
        let line = signature.fn_token.span.start().line;
        let is_test_word =
            |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test");
        let flag = |input: &FnArg| match input {
            FnArg::Typed(typed) if is_flag(&typed.ty) => Some(match &*typed.pat {
                syn::Pat::Ident(name) => name.ident.to_string(),
                _ => "_".to_owned(),
            }),
            _ => None,
        };
        self.functions.push(Function {
            name: signature.ident.to_string(),
            module: self.module.clone(),
            doc: attributes.iter().filter_map(doc_line).collect::<Vec<_>>().join("\n"),
            is_run: attributes.iter().any(is_test_word),
            line,
            lines: block.map_or(0, |block| block.span().end().line + 1 - line),
            parameters: signature.inputs.len(),
            flags: signature.inputs.iter().filter_map(flag).collect(),
            is_of_trait_impl: of == Of::TraitImpl,
            is_test: self.test_depth > 0,
        });
    }

    fn use_tree(&mut self, prefix: &str, tree: &UseTree, role: fn(String) -> Role) {
        let (path, name, line) = match tree {
            UseTree::Path(path) => return self.use_tree(&format!("{prefix}{}::", path.ident), &path.tree, role),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.use_tree(prefix, tree, role)),
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
        self.path(&path, line, role(name));
    }

    /// Finds the tests in the arguments of `proptest!`. `syn` cannot parse them: `#[test] fn name(a in any::<u8>()) {}`.
    fn properties(&mut self, tokens: TokenStream) {
        let mut words = Vec::new();
        flatten(tokens, &mut |text, at| words.push((text, at.line)));
        for pair in words.windows(2).filter(|pair| pair[0].0 == "fn" && is_word(&pair[1].0)) {
            self.functions.push(Function {
                name: pair[1].0.clone(),
                module: self.module.clone(),
                doc: String::new(),
                is_run: true,
                line: pair[1].1,
                lines: 0,
                parameters: 0,
                flags: Vec::new(),
                is_of_trait_impl: false,
                is_test: self.test_depth > 0,
            });
        }
    }

    /// Collects the paths in a macro's arguments or in an attribute.
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
            self.path(&path, words[begin].1, self.role.clone());
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
        let is_private = matches!(item.vis, Visibility::Inherited);
        self.use_tree("", &item.tree, if is_private { Role::Import } else { Role::Export });
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, Some(&item.block), Of::Module);
        let role = if makes_rows(&item.sig) { Role::Kind } else { Role::Code };
        self.within(role, |reader| visit::visit_item_fn(reader, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        for inner in &item.items {
            if let ImplItem::Fn(method) = inner {
                self.under(&method.attrs, range(method), |reader| {
                    let of = if item.trait_.is_some() { Of::TraitImpl } else { Of::Type };
                    reader.function(&method.attrs, &method.sig, Some(&method.block), of);
                });
            }
        }
        let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        let is_kind = of.is_some_and(|last| last.ident == "SecretsEngine" || last.ident == "AuthMethod");
        let role = if is_kind { Role::Kind } else { Role::Code };
        self.within(role, |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        self.under(&method.attrs, range(method), |reader| visit::visit_impl_item_fn(reader, method));
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let TraitItem::Fn(method) = item else { return visit::visit_trait_item(self, item) };
        self.under(&method.attrs, range(method), |reader| {
            reader.function(&method.attrs, &method.sig, method.default.as_ref(), Of::Type);
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

    fn visit_field_value(&mut self, value: &'ast syn::FieldValue) {
        self.under(&value.attrs, range(value), |reader| visit::visit_field_value(reader, value));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        self.under(&call.attrs, range(call), |reader| visit::visit_expr_call(reader, call));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&words.join("::"), path.span().start().line, self.role.clone());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        if call.path.segments.last().is_some_and(|last| last.ident == "proptest") {
            self.properties(call.tokens.clone());
        }
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.tokens(list.tokens.clone()),
            Meta::Path(path) => self.visit_path(path),
            Meta::NameValue(_) => {}
        }
    }

    // The paths in `pub(crate)` and `pub(super)` are not uses.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// The text of a `///` line.
fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    pair.path.is_ident("doc").then(|| text.value())
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

/// Whether a function returns a table of rows or a part of one.
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

/// Calls `take` for every word and sign, including brackets and `::`. Literals are left out.
pub fn flatten(tokens: TokenStream, take: &mut impl FnMut(String, LineColumn)) {
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
