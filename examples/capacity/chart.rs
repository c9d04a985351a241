//! Calls and refusals over time, as an SVG.

use std::fmt::Write;

use crate::model::{Instance, Rule, Run, Scenario};

const SESSIONS: usize = 10_000;
const SECONDS: usize = 1_800;
/// What a point of a line stands for.
const STEP: usize = 10;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 840.0;

/// A panel of the picture.
struct Panel {
    title: &'static str,
    top: f64,
    bottom: f64,
    /// The value at its top.
    most: f64,
    marks: [f64; 3],
}

const CALLS: Panel = Panel {
    title: "calls to Clerk per second",
    top: 112.0,
    bottom: 282.0,
    most: 90.0,
    marks: [0.0, 40.0, 76.0],
};

const REFUSALS: Panel = Panel {
    title: "requests answered 503, percent",
    top: 340.0,
    bottom: 510.0,
    most: 100.0,
    marks: [0.0, 50.0, 100.0],
};

/// In an order that the colours are told apart in, also without colour: each has its own dashes.
const LINES: [(Rule, &str, &str, &str); 5] = [
    (Rule::Before, "#8a8a8a", "", "before: answers only, ttl 30 s"),
    (Rule::WithoutOiat, "#c2571a", "7 3", "tokens without oiat"),
    (Rule::EdgeRenewed, "#a8852c", "2 3", "tokens renewed at the edge"),
    (Rule::Evidence, "#1565c0", "", "tokens with oiat"),
    (Rule::OrNetworkless, "#2e7d32", "10 4 2 4", "… and networkless_if_error"),
];

pub(crate) fn draw() -> String {
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 560" font-family="system-ui, sans-serif" font-size="13">
<title>Ten thousand sessions on the rate limit of a production instance</title>
<rect width="{WIDTH}" height="560" fill="#ffffff"/>
<text x="{LEFT}" y="24" font-size="16" fill="#222">10,000 active sessions on a production instance, from cold; a restart after 15 min</text>"##
    );
    for panel in [&CALLS, &REFUSALS] {
        panel.frame(&mut svg);
    }
    for (number, (rule, colour, dashes, label)) in LINES.into_iter().enumerate() {
        let run =
            Scenario { instance: Instance::Production, rule, sessions: SESSIONS }.run(SECONDS);
        let stroke = format!(
            r#"fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dashes}""#
        );
        CALLS.line(&mut svg, &stroke, &run, |run, at| run.calls_per_second(at..at + STEP));
        REFUSALS.line(&mut svg, &stroke, &run, |run, at| run.refused(at..at + STEP));
        let (x, y) = (LEFT + 270.0 * (number % 3) as f64, 46.0 + 20.0 * (number / 3) as f64);
        let _ = writeln!(
            svg,
            r##"<line x1="{x}" y1="{y}" x2="{}" y2="{y}" {stroke}/><text x="{}" y="{}" fill="#222">{label}</text>"##,
            x + 32.0,
            x + 38.0,
            y + 4.0,
        );
    }
    for minutes in (0..=30).step_by(5) {
        let x = x_of(minutes * 60);
        let _ = writeln!(
            svg,
            r##"<text x="{x:.1}" y="530" text-anchor="middle" fill="#555">{minutes}</text>"##
        );
    }
    let _ = writeln!(
        svg,
        r##"<text x="{}" y="550" text-anchor="middle" fill="#555">minutes</text>"##,
        f64::midpoint(LEFT, RIGHT)
    );
    svg.push_str("</svg>\n");
    svg
}

fn x_of(second: usize) -> f64 {
    LEFT + (RIGHT - LEFT) * second as f64 / SECONDS as f64
}

impl Panel {
    fn y_of(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * value.min(self.most) / self.most
    }

    fn frame(&self, svg: &mut String) {
        let _ = writeln!(
            svg,
            r##"<text x="{LEFT}" y="{}" fill="#222">{}</text>"##,
            self.top - 8.0,
            self.title
        );
        for mark in self.marks {
            let y = self.y_of(mark);
            let _ = writeln!(
                svg,
                r##"<line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end" fill="#555">{mark}</text>"##,
                LEFT - 8.0,
                y + 4.0,
            );
        }
    }

    fn line(&self, svg: &mut String, stroke: &str, run: &Run, value: impl Fn(&Run, usize) -> f64) {
        let points: Vec<String> = (0..SECONDS)
            .step_by(STEP)
            .map(|at| format!("{:.1},{:.1}", x_of(at + STEP / 2), self.y_of(value(run, at))))
            .collect();
        let _ = writeln!(svg, r#"<polyline points="{}" {stroke}/>"#, points.join(" "));
    }
}
