//! Lines of logs with the job and step they are of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use windlass_proto::api::LogLine;

/// What stands before the text of a line, and the text. `│` is standard output, `┊` standard error, `~` a gap.
pub fn line(line: &LogLine) -> Option<(String, String)> {
    let of = format!("{} {}", line.job.as_deref()?, line.step.as_deref().unwrap_or(""));
    let mark = |mark: &str| format!("{of:<18} {mark} ");
    if let Some(gap) = &line.gap {
        let bytes = if gap.dropped == 0 { "some".to_owned() } else { gap.dropped.to_string() };
        return Some((mark("~"), format!("{bytes} bytes are missing here: {}", gap.reason)));
    }
    let stream = if line.stream.as_deref() == Some("stderr") { "┊" } else { "│" };
    if let Some(text) = &line.text {
        return Some((mark(stream), text.clone()));
    }
    let bytes = STANDARD.decode(line.base64.as_deref()?).ok()?;
    Some((mark(stream), String::from_utf8_lossy(&bytes).into_owned()))
}
