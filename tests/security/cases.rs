//! The cases, one file a group, in the order of the catalogue.

mod fs;
mod gr;
mod hc;
mod ml;
mod se;
