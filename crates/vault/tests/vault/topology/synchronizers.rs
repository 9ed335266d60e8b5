//! Following a synchronizer.
