//! The power cut at every call: ten workloads of phone and server, recorded once each, and what
//! the disk may hold after any prefix opened by the real engine and the real store.

mod phone;
mod server;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::image::{Disk, Variant};
use super::recording::{self, Call};
use super::shim::Watched;
use crate::folder::Folder;
use crate::kills::{Child, Trouble};
use crate::random::Random;

pub use phone::play_if_asked;

/// Notes that what follows is looked at; what stands before it is preparation.
const BEGIN: &str = "begin";

/// How many images are made of each workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// Every variant after every call.
    All,
    /// So many, drawn from the seed.
    Some(usize),
}

/// The result of one workload.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its name.
    pub workload: &'static str,
    /// Calls that were recorded.
    pub calls: usize,
    /// Images that were opened.
    pub images: usize,
    /// Acknowledgements that were looked for, over all images.
    pub looked_for: usize,
    /// How long it took.
    pub took: Duration,
}

/// One workload: what is recorded, and what an image must hold.
trait Workload {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Prepares the folder, and starts whatever works in it, watched.
    fn record(&self, child: &Child, watched: &dyn Fn() -> Result<Watched, Trouble>) -> Done;
    /// Opens the image in the folder and looks for what was acknowledged; `whole` asks for
    /// everything that takes longer.
    fn look(&self, folder: &Path, said: &[String], whole: bool) -> Result<(), Trouble>;
}

/// What the folder held before the recording, and the watcher of it.
type Done = Result<(Disk, Watched), Trouble>;

/// Names of all workloads.
pub fn workloads() -> Vec<&'static str> {
    phone::WORKLOADS.iter().chain(&server::WORKLOADS).copied().collect()
}

fn find(workload: &str) -> Result<Box<dyn Workload>, Trouble> {
    if let Some(name) = phone::WORKLOADS.iter().find(|name| **name == workload) {
        return Ok(Box::new(phone::Phone(name)));
    }
    let name = server::WORKLOADS.iter().find(|name| **name == workload);
    let name = name.ok_or_else(|| format!("there is no workload {workload}"))?;
    Ok(Box::new(server::Server::new(name)?))
}

/// Records one workload and opens images of it.
///
/// # Errors
/// An image does not open, or something acknowledged is not in it; or it could not be run.
pub fn run(workload: &str, child: &Child, images: Images, seed: u64) -> Result<Report, Trouble> {
    let workload = find(workload)?;
    let began = Instant::now();
    let folder = Folder::in_memory("power")?;
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data)?;
    let watched = || Ok(Watched::new(&data, &folder.path().join("watch"))?);
    let (disk, watched) = workload.record(child, &watched)?;
    let calls = recording::read(&watched.log())?;
    let mut cut = Cut { workload: &*workload, folder, random: Random::new(seed), looked_for: 0 };
    let opened = cut.everywhere(disk, &calls, images);
    let opened = opened.map_err(|error| format!("{}, seed {seed}: {error}", workload.name()))?;
    Ok(Report {
        workload: workload.name(),
        calls: calls.len(),
        images: opened,
        looked_for: cut.looked_for,
        took: began.elapsed(),
    })
}

struct Cut<'a> {
    workload: &'a dyn Workload,
    folder: Folder,
    random: Random,
    looked_for: usize,
}

impl Cut<'_> {
    /// Makes the images after the calls that are wanted; how many.
    fn everywhere(
        &mut self,
        mut disk: Disk,
        calls: &[Call],
        images: Images,
    ) -> Result<usize, Trouble> {
        let wanted = self.wanted(calls, images);
        let mut said: Vec<String> = Vec::new();
        let mut opened = 0;
        for (n, call) in calls.iter().enumerate() {
            match call {
                Call::Said(what) => said.push(what.clone()),
                call => disk.apply(call),
            }
            for variant in wanted.get(&n).into_iter().flatten() {
                opened += 1;
                let whole = opened % 8 == 1;
                self.one(&disk, *variant, &said, whole).map_err(|error| {
                    let (of, call) = (calls.len(), call.in_words());
                    format!("power lost after call {n} of {of} ({call}), {variant:?}: {error}")
                })?;
            }
        }
        Ok(opened)
    }

    fn wanted(&mut self, calls: &[Call], images: Images) -> BTreeMap<usize, Vec<Variant>> {
        let begin = calls.iter().position(|call| *call == Call::Said(BEGIN.to_owned()));
        let first = begin.unwrap_or(0);
        let changing = (first..calls.len()).filter(|n| !matches!(calls[*n], Call::Said(_)));
        let changing: Vec<usize> = changing.collect();
        let mut wanted: BTreeMap<usize, Vec<Variant>> = BTreeMap::new();
        match images {
            Images::All => {
                wanted.extend(changing.into_iter().map(|n| (n, Variant::ALL.to_vec())));
            }
            Images::Some(number) => {
                for _ in 0..number {
                    let n = *self.random.pick(&changing);
                    let variant = *self.random.pick(&Variant::ALL);
                    wanted.entry(n).or_default().push(variant);
                }
            }
        }
        wanted
    }

    fn one(
        &mut self,
        disk: &Disk,
        variant: Variant,
        said: &[String],
        whole: bool,
    ) -> Result<(), Trouble> {
        let image = self.folder.path().join("image");
        let _ = std::fs::remove_dir_all(&image);
        std::fs::create_dir_all(&image)?;
        for (name, bytes) in disk.image(variant, &mut self.random) {
            std::fs::write(image.join(name), bytes)?;
        }
        self.looked_for += said.len();
        self.workload.look(&image, said, whole).map_err(|error| {
            self.folder.keep();
            format!("{error}; kept, as it is now, in {}", image.display()).into()
        })
    }
}
