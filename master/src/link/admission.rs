//! How many sessions may begin in a second. A master that starts is dialled by all its agents at once, and each Hello costs a commit and a
//! full set.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sessions that are admitted in a second.
const PER_SECOND: u32 = 200;

/// Lets so many begin in each second. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Admission(Arc<Mutex<Window>>);

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    admitted: u32,
    refused: u32,
}

/// When to dial again, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Later(pub(super) u32);

impl Admission {
    /// Admits a session that wants to begin now. Those that are too many are spread over the seconds that follow.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Later> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = window.began.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1));
        if is_over {
            *window = Window { began: Some(now), admitted: 0, refused: 0 };
        }
        if window.admitted < PER_SECOND {
            window.admitted += 1;
            return Ok(());
        }
        let later = Later(1 + window.refused / PER_SECOND);
        window.refused += 1;
        Err(later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_begin_in_a_second_and_the_others_are_spread_behind_them() {
        let (admission, now) = (Admission::default(), Instant::now());
        let answers: Vec<Result<(), Later>> = (0..600).map(|_| admission.admit(now)).collect();
        assert!(answers[..200].iter().all(Result::is_ok));
        assert!(answers[200..400].iter().all(|answer| *answer == Err(Later(1))));
        assert!(answers[400..].iter().all(|answer| *answer == Err(Later(2))));
        assert_eq!(admission.admit(now + Duration::from_millis(999)), Err(Later(3)));
        assert_eq!(admission.admit(now + Duration::from_secs(1)), Ok(()));
    }
}
