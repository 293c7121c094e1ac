//! The results as pictures that read well on light and on dark pages.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::backend::SVGBackend;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle};

use crate::encoders;
use crate::results::{Cell, Kind, Results, Row};
use crate::table::nanoseconds;

const TEXT: RGBColor = RGBColor(0x80, 0x88, 0x90);
const OURS: RGBColor = RGBColor(0xe0, 0x7a, 0x2f);
const BEFORE: RGBColor = RGBColor(0xe8, 0xb4, 0x8c);
const OTHER: RGBColor = RGBColor(0x6c, 0x8e, 0xbf);
const LIMIT: RGBColor = RGBColor(0x9a, 0xa2, 0xab);

const WIDTH: i32 = 800;
/// Where the bars begin, and the longest that they get.
const BARS: (i32, i32) = (200, 440);
const ROW: i32 = 24;
const BAR: i32 = 15;
const TITLE: i32 = 40;
const GAP: i32 = 14;

/// A bar this many times as long as the median is cut off.
const LONGEST: f64 = 4.0;

/// A title, and the bars below it.
struct Panel<'r> {
    title: String,
    bars: Vec<(&'r Cell, f64)>,
}

/// Draws `parse.svg` and `encode.svg`.
///
/// # Errors
///
/// If the results lack what is drawn, or a file cannot be written.
pub fn draw(results: &Results, directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    let mut parsing = Vec::new();
    for cut in ["64 KiB", "1400 B"] {
        let row = results.parsing.iter().find(|row| row.is("openai", cut)).ok_or("no results for openai")?;
        parsing.push(panel(format!("openai in chunks of {cut}: nanoseconds for one event"), row));
    }
    draw_panels(&parsing, results, &directory.join("parse.svg"))?;

    let mut encoding = Vec::new();
    for what in [encoders::ONE_LINE, encoders::LINES] {
        let row = results.encoding.iter().find(|row| row.what == what).ok_or("no results for encoding")?;
        encoding.push(panel(format!("{what}: nanoseconds to encode one event"), row));
    }
    draw_panels(&encoding, results, &directory.join("encode.svg"))
}

fn panel(title: String, row: &Row) -> Panel<'_> {
    let mut bars: Vec<_> = row.cells.iter().filter_map(|cell| Some((cell, cell.time()?))).collect();
    bars.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    Panel { title, bars }
}

fn draw_panels(panels: &[Panel<'_>], results: &Results, path: &Path) -> Result<(), Box<dyn Error>> {
    let height: i32 = panels.iter().map(|panel| TITLE + ROW * as_pixels(panel.bars.len()) + GAP).sum();
    let area = SVGBackend::new(path, (WIDTH.unsigned_abs(), height.unsigned_abs())).into_drawing_area();
    let mut top = 0;
    for panel in panels {
        let title = style(18, HPos::Left);
        area.draw(&Text::new(panel.title.clone(), (GAP, top + TITLE / 2), title))?;
        top += TITLE;
        let full = full_scale(&panel.bars);
        for (cell, time) in &panel.bars {
            draw_bar(&area, top + ROW / 2, cell, *time, full, results)?;
            top += ROW;
        }
        top += GAP;
    }
    area.present()?;
    Ok(())
}

fn draw_bar(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    middle: i32,
    cell: &Cell,
    time: f64,
    full: f64,
    results: &Results,
) -> Result<(), Box<dyn Error>> {
    let (start, longest) = BARS;
    let colour = match cell.kind() {
        Kind::Ours => OURS,
        Kind::Before => BEFORE,
        Kind::Other => OTHER,
        Kind::Limit => LIMIT,
    };
    #[expect(clippy::cast_possible_truncation, reason = "between 1 and the longest")]
    let length = ((time / full).min(1.0) * f64::from(longest)).round().max(1.0) as i32;
    let name = match results.environment.versions.get(&cell.who) {
        Some(version) => format!("{} {version}", cell.who),
        None => cell.who.clone(),
    };
    area.draw(&Text::new(name, (start - 8, middle), style(16, HPos::Right)))?;
    let corners = [(start, middle - BAR / 2), (start + length, middle + BAR / 2)];
    area.draw(&Rectangle::new(corners, colour.filled()))?;
    let cut_off = if time > full { " (bar cut off)" } else { "" };
    let number = format!("{}{cut_off}", nanoseconds(time));
    area.draw(&Text::new(number, (start + length + 6, middle), style(16, HPos::Left)))?;
    Ok(())
}

/// The time of the longest bar.
fn full_scale(bars: &[(&Cell, f64)]) -> f64 {
    let median = bars.get(bars.len() / 2).map_or(1.0, |(_, time)| *time);
    bars.iter().map(|(_, time)| *time).fold(1.0, f64::max).min(median * LONGEST)
}

fn style(height: i32, side: HPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", height).into_font()).color(&TEXT).pos(Pos::new(side, VPos::Center))
}

fn as_pixels(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(0)
}
