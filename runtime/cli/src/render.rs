//! From data to text: pure functions, each with its golden tests.
//!
//! They always style; [`crate::output::Output`] takes the styles out where nobody sees them.

pub mod call;
pub mod connector;
pub mod doctor;
pub mod document;
pub mod failure;
pub mod flow;
pub mod list;
pub mod permission;
pub mod problem;
pub mod run;
pub mod style;
pub mod table;
pub mod trigger;
pub mod units;

#[cfg(test)]
pub(crate) mod testing {
    //! Comparing renderings without their styles.

    /// Compares a rendering with what a person should see, line by line.
    #[track_caller]
    pub(crate) fn check(rendered: &str, expected: &str) {
        let plain = anstream::adapter::strip_str(rendered).to_string();
        let plain: Vec<&str> = plain.trim_end().lines().map(str::trim_end).collect();
        let expected: Vec<&str> = expected.trim_matches('\n').lines().map(str::trim_end).collect();
        assert_eq!(plain.join("\n"), expected.join("\n"), "\nrendered:\n{}\n", plain.join("\n"));
    }
}
