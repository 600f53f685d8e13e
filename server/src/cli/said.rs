//! Lines for the person at the terminal. Who reads no more of them, as `head` does, ends nothing.

/// As `println!`, but a reader that is gone is no failure: a server must not stop because of one.
macro_rules! say {
    ($($arguments:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($arguments)*);
    }};
}

/// As `eprintln!`, in the same way.
macro_rules! complain {
    ($($arguments:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($arguments)*);
    }};
}
