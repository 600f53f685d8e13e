//! Instances of the technician routing problem of Pillac, Guéret and Medaglia (2012), as their files say.

use std::path::{Path, PathBuf};

use dispatch::plan::{Code, Hold, Plan, Problem, Rules, Shift, Travel, Visit};

/// Units of one unit of distance: every way is rounded up to a thousandth.
pub const UNIT: f64 = 1_000.0;

/// One instance.
pub struct Instance {
    pub name: String,
    pub rows: Vec<Row>,
    pub crew: usize,
}

/// A technician or a request.
pub struct Row {
    pub place: [f64; 2],
    pub opens: i32,
    pub closes: i32,
    pub service: i32,
    pub skills: Vec<u32>,
    pub tools: Vec<u32>,
    pub parts: Vec<u32>,
}

/// The instances in a folder, by name; those with release dates are left out.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("-5.txt") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one file: technicians first, then requests.
pub fn read(path: &Path) -> std::io::Result<Option<Instance>> {
    let text = std::fs::read_to_string(path)?;
    let mut crew = 0;
    let mut rows = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("CREW") {
            let counts = lines.next().unwrap_or_default();
            crew = counts.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(0);
        }
        rows.extend(row(line));
    }
    // The first row is the depot, where nobody restocks here.
    if crew == 0 || rows.len() < crew + 2 {
        return Ok(None);
    }
    rows.remove(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.split('.').next().unwrap_or_default().to_owned();
    Ok(Some(Instance { name, rows, crew }))
}

fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, x, y, opens, closes, service, skills, tools, parts] = words[..] else { return None };
    let list = |text: &str| -> Option<Vec<u32>> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        Some(inner.split(',').filter_map(|it| it.parse().ok()).collect())
    };
    Some(Row {
        place: [x.parse().ok()?, y.parse().ok()?],
        opens: opens.parse().ok()?,
        closes: closes.parse().ok()?,
        service: service.parse().ok()?,
        skills: list(skills)?,
        tools: list(tools)?,
        parts: list(parts)?,
    })
}

impl Instance {
    fn far(&self, from: usize, to: usize) -> f64 {
        let ([a, b], [c, d]) = (self.rows[from].place, self.rows[to].place);
        (a - c).hypot(b - d)
    }

    /// As a problem: every technician starts and ends at home.
    pub fn problem(&self) -> Problem {
        let places = self.rows.len();
        let time = |it: i32| it * UNIT as i32;
        let pairs = (0..places * places).map(|pair| self.far(pair / places, pair % places));
        let times: Vec<i32> = pairs.map(|far| (far * UNIT).ceil() as i32).collect();
        let travel = Travel { places, costs: times.clone(), times };
        let codes = |row: &Row| -> Vec<Code> {
            let tools = row.tools.iter().map(|tool| 100 + tool);
            row.skills.iter().copied().chain(tools).collect()
        };
        let parts = |row: &Row| (0..).zip(row.parts.iter().copied()).collect();
        let (crew, requests) = self.rows.split_at(self.crew);
        let shift = |(place, row): (usize, &Row)| Shift {
            start: place,
            end: Some(place),
            from: time(row.opens),
            until: time(row.closes),
            has: codes(row),
            stock: parts(row),
        };
        let visit = |(index, row): (usize, &Row)| Visit {
            place: self.crew + index,
            service: time(row.service),
            opens: time(row.opens),
            closes: time(row.closes),
            needs: codes(row),
            parts: parts(row),
            weight: 1,
            hold: Hold::Nobody,
        };
        let visits = requests.iter().enumerate().map(visit).collect();
        let shifts = crew.iter().enumerate().map(shift).collect();
        Problem::new(visits, shifts, &travel, Rules::default())
            .expect("an instance is within limits")
    }

    /// Undone requests and the distance, from the exact coordinates; none if a rule is broken.
    pub fn judge(&self, plan: &Plan) -> Option<(usize, f64)> {
        let mut distance = 0.0;
        let mut done = vec![false; self.rows.len() - self.crew];
        for (technician, tour) in plan.tours.iter().enumerate() {
            let home = &self.rows[technician];
            let (mut at, mut time) = (technician, f64::from(home.opens));
            let mut stock = home.parts.clone();
            for planned in tour {
                let (place, row) =
                    (self.crew + planned.visit, &self.rows[self.crew + planned.visit]);
                let way = self.far(at, place);
                distance += way;
                time = (time + way).max(row.opens.into());
                let skilled = row.skills.iter().all(|it| home.skills.contains(it))
                    && row.tools.iter().all(|it| home.tools.contains(it));
                if !skilled || time > row.closes.into() || done[planned.visit] {
                    return None;
                }
                for (left, used) in stock.iter_mut().zip(&row.parts) {
                    *left = left.checked_sub(*used)?;
                }
                done[planned.visit] = true;
                time += f64::from(row.service);
                at = place;
            }
            distance += self.far(at, technician);
            if !tour.is_empty() && time + self.far(at, technician) > home.closes.into() {
                return None;
            }
        }
        Some((done.iter().filter(|done| !**done).count(), distance))
    }
}
