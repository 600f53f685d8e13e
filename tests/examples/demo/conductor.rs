//! Lets the day pass: whoever has something to do next does it, several at once, in short
//! windows of simulated time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tests::day::Plan;

use crate::args::Args;
use crate::progress::Progress;
use crate::world::{DemoError, World};

/// How far apart two things may be that are done at the same time, simulated milliseconds.
const WINDOW_MS: i64 = 10_000;
/// How long after the day phones may take to deliver the rest, simulated milliseconds.
const LATE_MS: i64 = 6 * 3_600_000;
/// Phones at work at the same time.
const THREADS: usize = 4;

/// What the day came to, as far as only the conductor knows.
#[derive(Debug)]
pub struct Day {
    /// Wall time it took.
    pub took: Duration,
    /// Simulated milliseconds from the first to the last moment.
    pub simulated_ms: i64,
    /// Phones that had not delivered everything when the demo stopped waiting.
    pub late_phones: Vec<usize>,
}

/// Someone who does things at moments of their own.
pub trait Actor: Send {
    /// Does everything due before `until_ms` and says when the next thing is due.
    fn run(&mut self, until_ms: i64) -> Result<i64, DemoError>;
}

/// Plays the whole day.
pub fn play(args: &Args, plan: &Plan, world: &mut World) -> Result<Day, DemoError> {
    let began = Instant::now();
    let time = world.time.clone();
    let mut progress = Progress::new(plan);
    let tally = world.tally.clone();
    let desk: &mut dyn Actor = &mut world.desk;
    let phones = world.handsets.iter_mut().map(|handset| handset as &mut dyn Actor);
    let actors: Vec<Mutex<&mut dyn Actor>> =
        std::iter::once(desk).chain(phones).map(Mutex::new).collect();
    let mut due = vec![plan.start_ms; actors.len()];

    while let Some(now) = due.iter().copied().min().filter(|at| *at < plan.end_ms + LATE_MS) {
        time.reach(now);
        pace(args.speed, began, now - plan.start_ms);
        let until = now + WINDOW_MS;
        let ready: Vec<usize> = (0..due.len()).filter(|actor| due[*actor] < until).collect();
        for (actor, next) in run_all(&actors, &ready, until)? {
            due[actor] = next;
        }
        progress.show(now, &tally);
    }
    drop(actors);
    progress.end(&tally);
    let late = |phone: &usize| due[phone + 1] != i64::MAX;
    Ok(Day {
        took: began.elapsed(),
        simulated_ms: time.now() - plan.start_ms,
        late_phones: (0..plan.phones.len()).filter(late).collect(),
    })
}

fn run_all(
    actors: &[Mutex<&mut dyn Actor>],
    ready: &[usize],
    until: i64,
) -> Result<Vec<(usize, i64)>, DemoError> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(ready.len()));
    let work = || {
        while let Some(actor) = ready.get(next.fetch_add(1, Ordering::SeqCst)) {
            let ran = match actors[*actor].lock() {
                Ok(mut locked) => locked.run(until),
                Err(_) => Err(DemoError::new("a phone panicked")),
            };
            if let Ok(mut done) = done.lock() {
                done.push((*actor, ran));
            }
        }
    };
    if ready.len() == 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            (0..THREADS.min(ready.len())).for_each(|_| {
                scope.spawn(work);
            });
        });
    }
    let done = done.into_inner().map_err(|_| DemoError::new("a phone panicked"))?;
    done.into_iter().map(|(actor, ran)| Ok((actor, ran?))).collect()
}

/// Waits until the simulated time may be as late as it is.
fn pace(speed: f64, began: Instant, simulated_ms: i64) {
    if speed > 0.0 {
        let wanted = Duration::from_secs_f64(simulated_ms.max(0) as f64 / 1000.0 / speed);
        if let Some(early) = wanted.checked_sub(began.elapsed()) {
            std::thread::sleep(early);
        }
    }
}
