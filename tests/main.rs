//! The integration tests, one binary: modules in the order of the data flow.

// The shape of the tree: crate edges, file headers.
mod tidy;
