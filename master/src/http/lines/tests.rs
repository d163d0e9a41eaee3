use super::*;

fn chunk(kind: Kind, offset: u64, ms: u64, bytes: &'static str) -> (Entry, Bytes) {
    let len = u32::try_from(bytes.len()).expect("test chunks are small");
    let gap = GapReason::NoGap;
    let entry = Entry { offset, at_ns: ms * 1_000_000, line: 0, dropped: 0, len, kind, gap, data_crc32c: 0 };
    (entry, Bytes::from_static(bytes.as_bytes()))
}

fn texts(lines: &mut Lines) -> Vec<(String, String, u64)> {
    let mut out = Vec::new();
    while let Some(line) = lines.take() {
        out.push((line.stream.expect("a stream"), line.text.expect("text"), line.offset.expect("an offset")));
    }
    out
}

fn add(lines: &mut Lines, kind: Kind, offset: u64, ms: u64, bytes: &'static str) {
    let (entry, bytes) = chunk(kind, offset, ms, bytes);
    lines.add(&entry, &bytes, UnixMs(1_000));
}

#[test]
fn streams_are_never_mixed_within_a_line() {
    let mut lines = Lines::default();
    add(&mut lines, Kind::Stdout, 0, 1, "one\ntw");
    add(&mut lines, Kind::Stderr, 6, 2, "warning\n");
    assert_eq!(lines.position(), None, "an unended line stands before one that would be taken");
    add(&mut lines, Kind::Stdout, 14, 3, "o\n");
    let got = texts(&mut lines);
    let wanted = [("stdout", "one\n", 0), ("stderr", "warning\n", 6), ("stdout", "two\n", 4)];
    assert_eq!(got, wanted.map(|(stream, text, offset)| (stream.to_owned(), text.to_owned(), offset)));
    assert_eq!(lines.position(), Some(Position { entry: 3, offset: 16 }));
}

#[test]
fn a_reader_goes_on_at_the_beginning_of_an_unended_line() {
    let mut lines = Lines::default();
    add(&mut lines, Kind::Stdout, 0, 1, "one\ntw");
    assert_eq!(texts(&mut lines).len(), 1);
    let position = lines.position().expect("only one stream");
    assert_eq!(position, Position { entry: 0, offset: 4 });
    let mut again = Lines::from(position);
    add(&mut again, Kind::Stdout, 0, 1, "one\ntw");
    add(&mut again, Kind::Stdout, 6, 2, "o\n");
    assert_eq!(texts(&mut again), [("stdout".to_owned(), "two\n".to_owned(), 4)]);
}

#[test]
fn entangled_lines_have_no_position_until_the_first_has_ended() {
    let mut lines = Lines::default();
    add(&mut lines, Kind::Stdout, 0, 1, "tw");
    add(&mut lines, Kind::Stderr, 2, 2, "warning\n");
    assert_eq!(texts(&mut lines).len(), 1);
    assert_eq!(lines.position(), None);
    add(&mut lines, Kind::Stdout, 10, 3, "o\n");
    assert_eq!(texts(&mut lines).len(), 1);
    assert_eq!(lines.position(), Some(Position { entry: 3, offset: 12 }));
}

#[test]
fn a_gap_is_a_line_of_its_own_and_ends_what_stands_before_it() {
    let mut lines = Lines::default();
    add(&mut lines, Kind::Stdout, 0, 1, "half");
    let gap = Entry { kind: Kind::Gap, gap: GapReason::Quota, dropped: 9, len: 0, ..chunk(Kind::Stdout, 4, 2, "").0 };
    lines.add(&gap, &Bytes::new(), UnixMs(1_000));
    assert_eq!(lines.take().and_then(|line| line.text), Some("half".to_owned()));
    let gap = lines.take().and_then(|line| line.gap);
    assert_eq!(gap, Some(LogGap { dropped: 9, reason: "quota".to_owned() }));
}

#[test]
fn bytes_that_are_not_utf_8_come_as_base64() {
    let mut lines = Lines::default();
    let (entry, _) = chunk(Kind::Stdout, 0, 1, "xx\n");
    lines.add(&entry, &Bytes::from_static(b"\xff\xfe\n"), UnixMs(0));
    let line = lines.take().expect("a line");
    assert_eq!((line.text, line.base64.as_deref()), (None, Some("//4K")));
}

#[test]
fn a_very_long_line_comes_in_pieces() {
    let mut lines = Lines::default();
    for i in 0..3 {
        let (entry, _) = chunk(Kind::Stdout, 0, 1, "");
        let len = PIECE_BYTES / 2;
        let entry = Entry { offset: (i * len) as u64, len: u32::try_from(len).expect("small"), ..entry };
        lines.add(&entry, &Bytes::from(vec![b'x'; len]), UnixMs(0));
    }
    lines.flush();
    let partial: Vec<bool> = std::iter::from_fn(|| lines.take()).map(|line| line.partial).collect();
    assert_eq!(partial, [true, false]);
}
