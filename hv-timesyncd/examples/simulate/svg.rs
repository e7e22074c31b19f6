//! The errors over the day, drawn: one panel for those with the reference counter and one for those without.

use std::fmt::Write as _;

use crate::Day;
use crate::table::time;
use crate::world::{Incident, MINUTE, SECOND, Trace, What};

const WIDTH: f64 = 1120.0;
/// Where a panel's plot begins and how large it is, px.
const LEFT: f64 = 78.0;
const PLOT: f64 = WIDTH - LEFT - 20.0;
const TOPS: [f64; 2] = [114.0, 544.0];
const PANEL: f64 = 330.0;
const HEIGHT: f64 = 950.0;
/// One column of the plot shows the least and the greatest error in it; px.
const COLUMN: f64 = 2.0;
/// The axis is nearly linear below this and logarithmic above, ns; and its end.
const LINEAR: f64 = 300.0;
const END: f64 = 5e9;
const COLOURS: [[&str; 4]; 2] =
    [["#8a8f98", "#e08a00", "#7b3fc4", "#1257c9"], ["#8a8f98", "#e08a00", "#0b8a6f", "#1257c9"]];
const TITLES: [&str; 2] =
    ["With the reference counter", "Without it: only arrival times, or nothing to relate the counter to"];

pub(crate) fn plot(trace: &Trace, panels: &[Vec<Day>; 2]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"17\" font-weight=\"bold\">How wrong a guest's clock is, by who keeps it</text>\n\
         <text x=\"{LEFT}\" y=\"47\" fill=\"#555\">Simulated, seed {}: guest's CLOCK_REALTIME minus the host's clock, each second; least and greatest of {:.0} s</text>\n",
        trace.plan.seed,
        trace.plan.length / SECOND / (PLOT / COLUMN),
    );
    for (panel, days) in panels.iter().enumerate() {
        let top = TOPS[panel];
        background(&mut svg, trace, top);
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\" font-size=\"13\">{}</text>",
            if panel == 0 { top - 40.0 } else { top - 10.0 },
            TITLES[panel]
        );
        incidents(&mut svg, trace, top, panel == 0);
        for (nth, day) in days.iter().enumerate() {
            line(&mut svg, trace, day, top, COLOURS[panel][nth]);
        }
        legend(&mut svg, days, top, COLOURS[panel]);
        hours(&mut svg, trace, top);
        if panel == 1 {
            let (x, y) = (LEFT + PLOT, top + PANEL + 70.0);
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" font-size=\"11\" fill=\"#555\">running time of the guest, hours</text>"
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn across(trace: &Trace, running: f64) -> f64 {
    LEFT + PLOT * running / trace.plan.length
}

fn down(top: f64, error: f64) -> f64 {
    let scale = |error: f64| (1.0 + error.abs() / LINEAR).log10();
    let middle = top + PANEL / 2.0;
    middle - error.signum() * scale(error.abs().min(END)) / scale(END) * PANEL / 2.0
}

/// Frame, and the lines and labels of the error's axis.
fn background(svg: &mut String, trace: &Trace, top: f64) {
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{PLOT}\" height=\"{PANEL}\" fill=\"#fbfbfc\"/>"
    );
    for incident in &trace.plan.incidents {
        let (What::Silent(length) | What::Busy(length)) = incident.what else { continue };
        let fill = if matches!(incident.what, What::Busy(_)) { "#fdebd3" } else { "#e6e9ef" };
        let from = across(trace, incident.at);
        let width = (across(trace, incident.at + length) - from).max(2.0);
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{PANEL}\" fill=\"{fill}\"/>"
        );
    }
    let decades = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    let ticks = decades.iter().rev().map(|tick| -tick).chain([0.0]).chain(decades);
    for tick in ticks {
        let y = down(top, tick);
        let colour = if tick == 0.0 { "#666" } else { "#dcdfe4" };
        let label = match tick {
            0.0 => "0".to_owned(),
            tick => format!("{}{}", if tick < 0.0 { "−" } else { "+" }, time(tick.abs()).replace(".0", "")),
        };
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}h{PLOT}\" stroke=\"{colour}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\">{label}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    let middle = top + PANEL / 2.0;
    let _ = writeln!(
        svg,
        "<text transform=\"rotate(-90 16 {middle})\" x=\"16\" y=\"{middle}\" text-anchor=\"middle\">guest minus host</text>"
    );
}

/// A mark for each, in the first panel with its name, on one of two lines so that they do not meet.
fn incidents(svg: &mut String, trace: &Trace, top: f64, named: bool) {
    for (nth, incident) in trace.plan.incidents.iter().enumerate() {
        let x = across(trace, incident.at);
        let y = top - if nth % 2 == 0 { 17.0 } else { 5.0 };
        let from = if named { y + 2.0 } else { top };
        let bottom = top + PANEL;
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {from}V{bottom}\" stroke=\"#b9bec7\" stroke-dasharray=\"2 3\"/>"
        );
        if named {
            let name = name(incident);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y}\" font-size=\"10\" fill=\"#555\" text-anchor=\"middle\">{name}</text>"
            );
        }
    }
}

fn name(incident: &Incident) -> String {
    let length = |ns: f64| match ns / SECOND {
        seconds if seconds >= 3600.0 => format!("{} h", seconds / 3600.0),
        seconds if seconds >= 60.0 => format!("{} min", seconds / 60.0),
        seconds => format!("{seconds} s"),
    };
    match incident.what {
        What::Saved(gap) => format!("saved {}", length(gap)),
        What::Reverted(gap) => format!("reverted {}", length(gap)),
        What::Migrated(..) => "migrated".to_owned(),
        What::HostSet(by) if by < 0.0 => format!("host set −{}", length(-by)),
        What::HostSet(by) => format!("host set +{}", length(by)),
        What::Silent(gap) => format!("silent {}", length(gap)),
        What::Busy(gap) => format!("busy {}", length(gap)),
    }
}

/// From the least to the greatest error of each column, and on to the next; interrupted where nobody can know.
fn line(svg: &mut String, trace: &Trace, day: &Day, top: f64, colour: &str) {
    let columns = (PLOT / COLUMN) as usize;
    let mut path = String::new();
    let mut drawing = false;
    let mut moments = day.run.moments.iter().peekable();
    for column in 0..columns {
        let end = trace.plan.length * (column + 1) as f64 / columns as f64;
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        while let Some(moment) = moments.next_if(|moment| moment.running <= end) {
            if !moment.blind {
                (least, most) = (least.min(moment.error), most.max(moment.error));
            }
        }
        if least > most {
            drawing = false;
            continue;
        }
        let x = LEFT + (column as f64 + 0.5) * COLUMN;
        let (low, high) = (down(top, least), down(top, most));
        let _ = write!(path, "{}{x:.0} {low:.1}", if drawing { 'L' } else { 'M' });
        if low - high >= 0.5 {
            let _ = write!(path, "V{high:.1}");
        }
        drawing = true;
    }
    let _ = writeln!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\" stroke-linejoin=\"round\"/>"
    );
}

fn legend(svg: &mut String, days: &[Day], top: f64, colours: [&str; 4]) {
    let y = top + PANEL + 36.0;
    for (nth, day) in days.iter().enumerate() {
        let x = LEFT + nth as f64 * PLOT / 4.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {y}h24\" stroke=\"{}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" font-size=\"11\" fill=\"#555\">median {}, 99 % below {}</text>",
            colours[nth],
            x + 30.0,
            y + 4.0,
            day.name,
            x + 30.0,
            y + 18.0,
            time(day.figures.median),
            time(day.figures.p99),
        );
    }
}

fn hours(svg: &mut String, trace: &Trace, top: f64) {
    let total = trace.plan.length / (60.0 * MINUTE);
    let every = (total / 12.0).ceil().max(1.0);
    let y = top + PANEL;
    let mut hour = 0.0;
    while hour <= total {
        let x = across(trace, hour * 60.0 * MINUTE);
        let unit = if hour == 0.0 { " h" } else { "" };
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {y}v4\" stroke=\"#666\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\">{hour}{unit}</text>",
            y + 16.0
        );
        hour += every;
    }
}
