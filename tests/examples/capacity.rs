use crate::process::example;

#[test]
fn what_is_simulated_is_what_the_formula_says() {
    let loads = loads();
    assert_eq!(loads.len(), 2 * 2 * 6);
    for load in &loads {
        let [_, _, _, at_most, expected, simulated] = load.numbers;
        assert!(simulated <= at_most, "{load:?}");
        assert!((simulated / expected - 1.0).abs() < 0.02, "{load:?}");
    }
}

#[test]
fn a_thousand_sessions_are_within_the_quota_of_a_production_instance_only() {
    let of_a_thousand = [1e3, 1.0, 30.0];
    let loads = loads();
    let load = loads.iter().find(|load| load.numbers[..3] == of_a_thousand).unwrap();
    assert_eq!(load.numbers[3..5], [33.3, 32.3]);
    assert_eq!(load.verdicts, ["yes", "no"]);
}

#[derive(Debug)]
struct Load {
    /// Sessions, replicas, TTL; calls per second at most, expected, simulated.
    numbers: [f64; 6],
    /// Of a production and of a development instance.
    verdicts: [String; 2],
}

/// The rows of the first table.
fn loads() -> Vec<Load> {
    let output = example("capacity").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(load).collect()
}

fn load(line: &str) -> Option<Load> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let numbers: Vec<f64> = words.iter().map_while(|word| word.parse().ok()).collect();
    let verdicts = [words.get(6)?, words.get(7)?].map(|word| (*word).to_owned());
    Some(Load { numbers: numbers.try_into().ok()?, verdicts })
}
