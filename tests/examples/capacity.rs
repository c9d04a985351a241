use std::{fs, sync::LazyLock};

use crate::process::example;

#[test]
fn what_is_simulated_is_what_the_formula_says_and_what_the_resolver_does() {
    let text = output();
    let rows: Vec<Row> = text.lines().filter_map(Row::read).collect();
    assert_eq!(rows.len(), 2 * 5 * 6);
    // Where all is carried that is wanted, and chance does not decide.
    let is_carried = |row: &&Row| row.rule != "or-networkless" && row.refused == 0.0;
    let carried: Vec<_> = rows.iter().filter(is_carried).filter(|row| row.made >= 1.0).collect();
    assert!(carried.len() > 8, "{carried:#?}");
    for row in carried {
        assert!((row.made / row.wanted - 1.0).abs() < 0.1, "{row:?}");
    }
    let simulated = row(&rows, "development", "without-oiat", 100.0);
    let real = text.lines().find(|line| line.starts_with("real without-oiat")).unwrap();
    let real: Vec<f64> = real.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!((real[1] / simulated.made - 1.0).abs() < 0.1, "{real:?} {simulated:?}");
    assert_eq!(real[2], 0.0);
}

#[test]
fn evidence_carries_ten_thousand_where_answers_alone_do_not() {
    let text = output();
    let rows: Vec<Row> = text.lines().filter_map(Row::read).collect();
    for (rule, is_carried) in [
        ("before", false),
        ("without-oiat", false),
        ("edge-renewed", false),
        ("evidence", true),
        ("or-networkless", true),
    ] {
        let row = row(&rows, "production", rule, 1e4);
        assert_eq!(row.refused == 0.0, is_carried, "{row:?}");
    }
    let restarts: Vec<_> = text.lines().filter(|line| line.starts_with("restart")).collect();
    assert_eq!(restarts.len(), 5);
    assert!(restarts[4].contains("or-networkless") && restarts[4].ends_with(" 0.0"));
}

#[test]
fn the_picture_is_the_one_in_the_documentation() {
    let file = std::env::temp_dir().join(format!("capacity-{}.svg", std::process::id()));
    assert!(example("capacity").arg("--svg").arg(&file).status().unwrap().success());
    let drawn = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    let kept = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/capacity.svg"));
    assert_eq!(drawn, kept.unwrap(), "draw it anew: --example capacity -- --svg docs/capacity.svg");
}

/// What the example prints, which takes a while.
fn output() -> &'static str {
    static OUTPUT: LazyLock<String> = LazyLock::new(|| {
        let output = example("capacity").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    });
    &OUTPUT
}

fn row<'a>(rows: &'a [Row], instance: &str, rule: &str, sessions: f64) -> &'a Row {
    let is_it =
        |row: &&Row| row.instance == instance && row.rule == rule && row.sessions == sessions;
    rows.iter().find(is_it).unwrap()
}

/// A row of the first table.
#[derive(Debug)]
struct Row {
    instance: String,
    rule: String,
    sessions: f64,
    wanted: f64,
    made: f64,
    refused: f64,
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let [instance, rule, sessions, wanted, made, refused, _] =
            line.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
        Some(Self {
            instance: instance.to_owned(),
            rule: rule.to_owned(),
            sessions: sessions.parse().ok()?,
            wanted: wanted.parse().ok()?,
            made: made.parse().ok()?,
            refused: refused.parse().ok()?,
        })
    }
}
