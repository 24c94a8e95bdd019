//! The rules, held against tables of good, wrong and hostile files.

mod check;
mod componentize;
mod diff;
mod fixture;
mod json;
mod open;
mod seal;
mod words;
