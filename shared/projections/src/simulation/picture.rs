//! The frontier as a picture: each setting a dot, cost to the right, waiting upwards, the best joined by a line.

use std::fmt::Write;

use super::sweep::Point;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 60.0;

/// An SVG that needs nothing else. Each dot says its setting when it is pointed at.
#[allow(clippy::cast_precision_loss)] // pixels
pub fn svg(points: &[Point], title: &str) -> String {
    let cost = |point: &Point| point.monthly.as_dollars_f64();
    let wait = |point: &Point| point.figures.durations.p95_us as f64 / 1e6;
    let greatest = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let (cost_max, wait_max) = (nice(greatest(&cost)), nice(greatest(&wait)));
    let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * value / cost_max;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / wait_max;
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"12\" role=\"img\">\n<title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" fill=\"#222\">{0}</text>\n",
        escaped(title)
    );
    for step in 0..=5 {
        let share = f64::from(step) / 5.0;
        let (at_x, at_y) = (x(cost_max * share), y(wait_max * share));
        let _ = writeln!(
            page,
            "<line x1=\"{at_x:.1}\" x2=\"{at_x:.1}\" y1=\"{TOP}\" y2=\"{0:.1}\" stroke=\"#eee\"/>\
             <line x1=\"{LEFT}\" x2=\"{1:.1}\" y1=\"{at_y:.1}\" y2=\"{at_y:.1}\" stroke=\"#eee\"/>\
             <text x=\"{at_x:.1}\" y=\"{2:.1}\" text-anchor=\"middle\" fill=\"#555\">${3:.2}</text>\
             <text x=\"{4:.1}\" y=\"{5:.1}\" text-anchor=\"end\" fill=\"#555\">{6:.2} s</text>",
            HEIGHT - BOTTOM,
            WIDTH - RIGHT,
            HEIGHT - BOTTOM + 18.0,
            cost_max * share,
            LEFT - 8.0,
            at_y + 4.0,
            wait_max * share,
        );
    }
    let _ = writeln!(
        page,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#222\">cost a month</text>\
         <text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"middle\" fill=\"#222\">P95 of operations</text>",
        LEFT + (WIDTH - LEFT - RIGHT) / 2.0,
        HEIGHT - 14.0,
        TOP + (HEIGHT - TOP - BOTTOM) / 2.0,
    );
    let mut best: Vec<&Point> = points.iter().filter(|point| point.on_frontier).collect();
    best.sort_by_key(|point| point.monthly);
    let line =
        best.iter().map(|point| format!("{:.1},{:.1}", x(cost(point)), y(wait(point)))).collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#c2410c\" stroke-width=\"1.5\"/>",
        line.join(" ")
    );
    for point in points {
        let (fill, size) = if point.on_frontier { ("#c2410c", 4.5) } else { ("#94a3b8", 3.0) };
        let _ = writeln!(
            page,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{size}\" fill=\"{fill}\"><title>{}</title></circle>",
            x(cost(point)),
            y(wait(point)),
            escaped(&words(point)),
        );
    }
    page.push_str("</svg>\n");
    page
}

/// A setting and what came of it, in a line.
pub fn words(point: &Point) -> String {
    let setting = &point.setting;
    let hits =
        point.figures.hit_ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.0} %", ratio * 100.0));
    format!(
        "ttl {} s, pause {} s, pool {}, reuse {}: {:.2} a month, P95 {} ms, hits {hits}, {} at once, {} failed",
        setting.ttl_s,
        setting.pause_after_s,
        setting.pool,
        format!("{:?}", setting.reuse).to_lowercase(),
        point.monthly,
        point.figures.durations.p95_us / 1000,
        point.figures.peak,
        point.figures.failed,
    )
}

/// The next round number: an axis ends at one.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|end| *end >= value).unwrap_or(10.0 * power)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
