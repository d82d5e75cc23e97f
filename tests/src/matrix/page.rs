//! The matrix as a table for people and as JSON.
