//! The disk of a process, watched and made to fail: what it wrote and synced, call by call.
//!
//! A small C library ([`shim`]) is loaded into a process before the C library. It appends every
//! call that changes the files of one folder to a recording, in which the process, or whoever
//! talks to it, also notes what was acknowledged. From a prefix of the [`recording`] follows what
//! a disk may hold when the power goes at that moment ([`image`]): synced writes, and of the
//! others any, in any order, the last one torn. [`power`] opens such images with the real engine
//! and the real store. [`full`] lets calls fail instead, as a full or broken disk does.

pub mod full;
pub mod image;
mod office;
pub mod power;
pub mod recording;
pub mod shim;
