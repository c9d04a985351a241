//! Who imports from whom, read off the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::tokens::tokens;

/// The modules of a crate as the compiler finds them, tests left out.
pub(crate) struct Crate {
    /// By the module's path below the root.
    files: BTreeMap<String, String>,
    modules: BTreeSet<String>,
    /// Which module a name at the crate's root is of.
    root_names: BTreeMap<String, String>,
}

/// That a module at the crate's root imports something from another.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    /// The module, in full, where it says so.
    pub(crate) path: String,
}

impl Crate {
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        let root = fs::read_to_string(folder.join("lib.rs")).unwrap();
        let mut unread: Vec<_> = File::parse("", &root).children;
        files.insert(String::new(), root);
        while let Some(module) = unread.pop() {
            let path = folder.join(module.replace("::", "/"));
            let text = fs::read_to_string(path.with_extension("rs"))
                .or_else(|_| fs::read_to_string(path.join("mod.rs")))
                .unwrap_or_else(|error| panic!("{module}: {error}"));
            unread.extend(File::parse(&module, &text).children);
            files.insert(module, text);
        }
        Self::of(files)
    }

    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().collect();
        let root = File::parse("", &files[""]);
        let modules = root.children.into_iter().collect();
        let last = |path: &[String]| path.last().cloned();
        let exports = root.paths.iter().filter_map(|path| Some((last(path)?, path[0].clone())));
        let root_names = exports.collect();
        Self { files, modules, root_names }
    }

    /// The modules at the root.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(String::as_str)
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = Import> {
        let below_root = self.files.iter().filter(|(module, _)| !module.is_empty());
        below_root.flat_map(move |(module, text)| {
            let from = module.split("::").next().unwrap_or_default();
            let paths = File::parse(module, text).paths.into_iter();
            paths.map(move |path| Import {
                from: from.to_owned(),
                to: self.home(&path[0]),
                path: format!("crate::{module}"),
            })
        })
    }

    /// The module at the root that a name at the root is, or is of.
    fn home(&self, name: &str) -> String {
        let home = self.root_names.get(name).filter(|_| !self.modules.contains(name));
        home.map_or_else(|| name.to_owned(), Clone::clone)
    }
}

/// What a file says of other modules.
#[derive(Default)]
struct File {
    /// The modules it declares in files of their own.
    children: Vec<String>,
    /// The paths it names that start at the root, `super` resolved.
    paths: Vec<Vec<String>>,
}

impl File {
    fn parse(module: &str, text: &str) -> Self {
        let tokens = tokens(text);
        let mut file = Self::default();
        let mut here: Vec<String> = module.split("::").map(str::to_owned).collect();
        here.retain(|segment| !segment.is_empty());
        // For each open brace, whether it is an inline module's.
        let mut braces = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let is_start = at == 0 || tokens[at - 1] != "::";
            match &tokens[at..] {
                ["#", "[", "cfg", "(", "test", ")", "]", ..] => {
                    at += 7 + item(&tokens[at + 7..]);
                    continue;
                }
                ["mod", name, ";", ..] => file.children.push(join(&here, name)),
                ["mod", name, "{", ..] => {
                    here.push((*name).to_owned());
                    braces.push(true);
                    at += 3;
                    continue;
                }
                ["{", ..] => braces.push(false),
                ["}", ..] if braces.pop() == Some(true) => drop(here.pop()),
                ["crate" | "super" | "self", "::", ..] if is_start => {
                    let mut paths = Vec::new();
                    let mut parser = Paths { tokens: &tokens, at, paths: &mut paths };
                    parser.tree(&mut Vec::new());
                    // A group of names is no block.
                    at = parser.at;
                    file.paths.extend(paths.iter().filter_map(|path| from_root(path, &here)));
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        file
    }
}

/// The length of an item: up to its `;`, or to the end of its block.
fn item(tokens: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (at, &token) in tokens.iter().enumerate() {
        match token {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                let is_group = token == "}" && tokens.get(at + 1) == Some(&";");
                if depth == 0 && token == "}" && !is_group {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Reads the paths in `a::b`, or in `a::{b, c::{self, d}}`.
struct Paths<'a, 't> {
    tokens: &'a [&'t str],
    at: usize,
    paths: &'a mut Vec<Vec<String>>,
}

impl Paths<'_, '_> {
    fn tree(&mut self, prefix: &mut Vec<String>) {
        let depth = prefix.len();
        loop {
            match self.tokens.get(self.at) {
                Some(&"{") => {
                    self.at += 1;
                    while let Some(&token) = self.tokens.get(self.at) {
                        match token {
                            "}" => break,
                            "," => self.at += 1,
                            _ => self.tree(prefix),
                        }
                    }
                    self.at += 1;
                    break;
                }
                Some(&segment) => {
                    prefix.push(segment.to_owned());
                    self.at += 1;
                }
                None => break,
            }
            if self.tokens.get(self.at) != Some(&"::") {
                self.paths.push(prefix.clone());
                break;
            }
            self.at += 1;
        }
        if self.tokens.get(self.at) == Some(&"as") {
            self.at += 2;
        }
        prefix.truncate(depth);
    }
}

/// The path from the crate's root, none where it is the root itself or names nothing there.
fn from_root(path: &[String], here: &[String]) -> Option<Vec<String>> {
    let mut base = if path[0] == "crate" { Vec::new() } else { here.to_vec() };
    for segment in path {
        match segment.as_str() {
            "crate" | "self" => {}
            "super" => drop(base.pop()),
            name => base.push(name.to_owned()),
        }
    }
    (!base.is_empty()).then_some(base)
}

fn join(here: &[String], name: &str) -> String {
    let segments: Vec<_> = here.iter().map(String::as_str).chain([name]).collect();
    segments.join("::")
}
