//! What holds of the list of the public API, which is committed and which the gate holds against the crate.

use std::collections::{HashMap, HashSet};

const API: &str = include_str!("../docs/public-api.txt");

/// With the trait in scope, it would depend on whether a value is behind an `Arc` which of the two is called.
#[test]
fn no_method_of_a_type_hides_one_of_a_trait_that_it_implements() {
    let (mut of_types, mut of_traits) = (HashMap::new(), HashMap::new());
    let mut methods: Option<&mut HashSet<_>> = None;
    for line in API.lines() {
        if let Some(implemented) = without_generics(line).strip_prefix("impl ") {
            let (kind, of) = match implemented.split_once(" for ") {
                Some((name, of)) if name.starts_with("tower_clerk::") => (&mut of_traits, of),
                Some(_) => continue,
                None => (&mut of_types, implemented),
            };
            methods = Some(kind.entry(of.to_owned()).or_default());
        } else if let (Some(name), Some(methods)) = (method(line), &mut methods) {
            methods.insert(name);
        } else {
            methods = None;
        }
    }
    assert!(of_types.len() > 50 && of_traits.len() >= 5, "{of_traits:?}");
    for (of, names) in of_traits {
        let own = of_types.remove(&of).unwrap_or_default();
        let hidden: Vec<_> = own.intersection(&names).collect();
        assert!(hidden.is_empty(), "{of}: {hidden:?}");
    }
}

/// `impl<T> A<T> for B<T>` without what stands in angle brackets. An arrow is none.
fn without_generics(line: &str) -> String {
    let (mut depth, mut text) = (0, String::new());
    for c in line.replace("->", "→").chars() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            c if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text
}

/// The name of the method that a line declares, if it does.
fn method(line: &str) -> Option<String> {
    let line = without_generics(line);
    let (before, declared) = line.split_once("fn tower_clerk::")?;
    let (path, _) = declared.split_once('(')?;
    before.starts_with("pub ").then(|| path.rsplit("::").next().map(str::to_owned))?
}
