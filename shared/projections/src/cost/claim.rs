//! One stretch of a sandbox's running time, divided among those who used it. Every microsecond of it is given
//! away exactly once.
//!
//! Time in which one operation had the sandbox is its own; time in which several had it is divided among them in
//! equal parts. Idle time belongs to whoever had the sandbox before it (it was kept for them), or, before the
//! first, to the first (it was made for them): that agent, task and repository, and there it is shared among their
//! operations of this stretch in proportion to the time that they had it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attribution::Whose;
use super::exact::divide;
use super::windows::DAY_MICROS;
use crate::running::Span;

/// Somebody's time with a sandbox: a lease, or a read's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The operation.
    pub operation_id: Option<Uuid>,
    /// Its name.
    pub operation: String,
    /// Who asked for it.
    pub agent: String,
    /// For which task.
    pub task: String,
    /// The repository.
    pub repo: String,
    /// From when, in microseconds since 1970.
    pub from: i64,
    /// Until when; of a lease that is held, its last moment.
    pub until: i64,
    /// True as long as the lease is held.
    pub held: bool,
}

impl Claim {
    /// Whose it is, in this sandbox.
    pub fn whose<'a>(&'a self, sandbox: &'a str) -> Whose<'a> {
        Whose {
            operation_id: self.operation_id,
            operation: &self.operation,
            agent: &self.agent,
            task: &self.task,
            repo: &self.repo,
            sandbox,
        }
    }

    fn same_work(&self, other: &Self) -> bool {
        (&self.agent, &self.task, &self.repo) == (&other.agent, &other.task, &other.repo)
    }

    fn within(&self, stretch: Span) -> Span {
        let from = self.from.clamp(stretch.from, stretch.until);
        Span::new(from, self.until.clamp(from, stretch.until))
    }
}

/// What each claim gets, by claim and day: microseconds within the window. The parts add up to the stretch's part of
/// the window, whatever the claims are; without claims nobody gets anything.
pub fn shares(claims: &[Claim], stretch: Span, window: Span) -> BTreeMap<(usize, i64), u64> {
    let mut sharing = Sharing::new(claims, window);
    let spans: Vec<Span> = claims.iter().map(|claim| claim.within(stretch)).collect();
    let mut edges: Vec<i64> = spans.iter().flat_map(|span| [span.from, span.until]).collect();
    edges.extend([stretch.from, stretch.until]);
    edges.sort_unstable();
    edges.dedup();
    let mut by_start: Vec<usize> = (0..claims.len()).collect();
    by_start.sort_by_key(|&claim| spans[claim].from);
    let (mut waiting, mut active, mut last) = (by_start.into_iter().peekable(), Vec::new(), None);
    for pair in edges.windows(2) {
        let piece = Span::new(pair[0], pair[1]);
        while let Some(claim) = waiting.next_if(|&claim| spans[claim].from <= piece.from) {
            active.push(claim);
            last = Some(claim);
        }
        active.retain(|&claim| spans[claim].until > piece.from);
        if active.is_empty() {
            let near = last.or_else(|| waiting.peek().copied());
            if let Some(claim) = near {
                sharing.idle(claim, piece);
            }
        } else {
            sharing.busy(&active, piece);
        }
    }
    sharing.finish()
}

struct Sharing<'a> {
    claims: &'a [Claim],
    window: Span,
    given: BTreeMap<(usize, i64), u64>,
    /// By the first claim of the same work, and by day.
    idle: BTreeMap<(usize, i64), u64>,
    /// Of each claim, whatever the window is: a share must not depend on where somebody looks.
    busy_micros: Vec<u64>,
}

impl<'a> Sharing<'a> {
    fn new(claims: &'a [Claim], window: Span) -> Self {
        let busy_micros = vec![0; claims.len()];
        Self { claims, window, given: BTreeMap::new(), idle: BTreeMap::new(), busy_micros }
    }

    fn busy(&mut self, active: &[usize], piece: Span) {
        let equal = vec![1; active.len()];
        for (claim, micros) in active.iter().zip(divide(piece.micros(), &equal)) {
            self.busy_micros[*claim] += micros;
        }
        for (day, micros) in days(piece, self.window) {
            for (claim, part) in active.iter().zip(divide(micros, &equal)) {
                *self.given.entry((*claim, day)).or_default() += part;
            }
        }
    }

    fn idle(&mut self, near: usize, piece: Span) {
        let work = &self.claims[near];
        let first = self.claims.iter().position(|claim| claim.same_work(work)).unwrap_or(near);
        for (day, micros) in days(piece, self.window) {
            *self.idle.entry((first, day)).or_default() += micros;
        }
    }

    fn finish(mut self) -> BTreeMap<(usize, i64), u64> {
        for ((first, day), micros) in std::mem::take(&mut self.idle) {
            let work = &self.claims[first];
            let members: Vec<usize> =
                (first..self.claims.len()).filter(|&claim| self.claims[claim].same_work(work)).collect();
            let weights: Vec<u64> = members.iter().map(|&claim| self.busy_micros[claim]).collect();
            for (claim, part) in members.into_iter().zip(divide(micros, &weights)) {
                *self.given.entry((claim, day)).or_default() += part;
            }
        }
        self.given.retain(|_, micros| *micros > 0);
        self.given
    }
}

/// The part of a span within a window, day by day (UTC): day since 1970, microseconds.
pub fn days(span: Span, window: Span) -> impl Iterator<Item = (i64, u64)> {
    let inside = span.within(window);
    let first = inside.from.div_euclid(DAY_MICROS);
    let last = inside.until.saturating_sub(1).div_euclid(DAY_MICROS);
    // An empty span ends on the day before it begins, or on the same.
    (first..=last).filter(move |_| inside.micros() > 0).map(move |day| {
        let start = day.saturating_mul(DAY_MICROS);
        (day, inside.within(Span::new(start, start.saturating_add(DAY_MICROS))).micros())
    })
}
