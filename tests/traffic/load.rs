//! Visitors: a request every 5 ms, whatever became of those before. What waits is counted as waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two requests: 200 a second.
const EVERY: Duration = Duration::from_millis(5);
/// So many may wait for their answers.
const VISITORS: usize = 32;
/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// One request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// From when it was due until it was answered.
    pub took: Duration,
    /// The release that answered, or what went wrong.
    pub said: Result<String, String>,
}

/// Visitors at work.
#[derive(Debug)]
pub struct Load {
    is_over: Arc<AtomicBool>,
    visitors: Vec<JoinHandle<Vec<Answer>>>,
}

impl Load {
    /// Begins to ask.
    pub fn start(url: &str) -> Self {
        let (is_over, next, began) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)), Instant::now());
        let visitor = |_| {
            let (is_over, next, url) = (Arc::clone(&is_over), Arc::clone(&next), url.to_owned());
            std::thread::spawn(move || visit(&url, began, &next, &is_over))
        };
        let visitors = (0..VISITORS).map(visitor).collect();
        Self { is_over, visitors }
    }

    /// Asks no more, and gives all answers.
    pub fn stop(self) -> Vec<Answer> {
        self.is_over.store(true, Ordering::Relaxed);
        self.visitors.into_iter().flat_map(|visitor| visitor.join().expect("a visitor never panics")).collect()
    }
}

fn visit(url: &str, began: Instant, next: &AtomicU32, is_over: &AtomicBool) -> Vec<Answer> {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build();
    let agent = config.new_agent();
    let mut answers = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let due = began + EVERY * next.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let said = agent.get(url).call().and_then(|mut answer| answer.body_mut().read_to_string());
        let said = said.map(|text| text.trim().to_owned()).map_err(|error| error.to_string());
        answers.push(Answer { took: due.elapsed(), said });
    }
    answers
}
