//! The face for Kotlin, Swift and Python.
