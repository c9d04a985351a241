//! The README says what is so. (Its programs are run as doctests, and its commands by `tests/examples`.)

const README: &str = include_str!("../README.md");
const COMPARED: &str = include_str!("../compare/README.md");

#[test]
fn the_neighbours_are_told_as_they_were_found_to_be() {
    let found: Vec<_> = rows(COMPARED).collect();
    let told: Vec<_> = rows(README).collect();
    assert!(told.len() > 6, "{told:?}");
    for row in &told {
        let is_it = |other: &&Vec<_>| other[0] == row[0] && other.len() == 6;
        let it = found.iter().find(is_it).unwrap_or_else(|| panic!("{row:?}"));
        // All but the column of the other way to check.
        let [subject, get, _, others @ ..] = &it[..] else { panic!("{it:?}") };
        assert_eq!(*row, [&[*subject, *get], others].concat());
    }
}

#[test]
fn the_readme_is_read_in_one_go() {
    let text = README.lines().filter(|line| !line.starts_with('[')).count();
    assert!(text <= 170, "{text} lines");
}

/// The rows of all tables, without the lines below their heads.
fn rows(page: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = page.lines().filter(|line| line.starts_with('|') && !line.starts_with("| ---"));
    lines.map(|line| {
        let line = line.strip_prefix('|').unwrap_or(line);
        line.strip_suffix('|').unwrap_or(line).split('|').map(str::trim).collect()
    })
}
