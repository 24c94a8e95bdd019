//! Columns: as wide as their widest cell, two spaces apart, the last one ragged.

use super::style::faint;

/// A table without lines. Cells may be styled; widths count what is seen.
#[derive(Clone, Debug, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings; none for a list of facts.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&name| faint(name)).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, every line behind `indent`.
    #[must_use]
    pub fn render(&self, indent: &str) -> String {
        let lines: Vec<&Vec<String>> =
            (!self.head.is_empty()).then_some(&self.head).into_iter().chain(&self.rows).collect();
        let columns = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                lines.iter().filter_map(|line| line.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for line in lines {
            text.push_str(indent);
            for (position, (cell, wanted)) in line.iter().zip(&widths).enumerate() {
                text.push_str(cell);
                if position + 1 < line.len() {
                    text.push_str(&" ".repeat(wanted - width(cell) + 2));
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Characters seen. Wide characters count as one: names here are rarely anything but narrow.
#[must_use]
pub fn width(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{style::bad, testing::check},
        Table,
    };

    #[test]
    fn columns_line_up_under_styles() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["slack".to_owned(), bad("held")]);
        table.row([bad("github"), "active".to_owned(), "more".to_owned()]);
        check(
            &table.render("  "),
            "
  NAME    STATE
  slack   held
  github  active  more",
        );
    }
}
