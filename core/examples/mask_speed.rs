//! How fast a stream is masked: `cargo run --release -p windlass-core --example mask_speed`.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use windlass_core::mask::{Masker, Needles};
use windlass_core::model::{Secret, SecretName};

const LOG_BYTES: usize = 256 * 1024 * 1024;
const PIECE_BYTES: usize = 64 * 1024;

fn main() -> std::io::Result<()> {
    let mut random = Random(1);
    let secrets: Vec<(SecretName, Secret)> = (0..200).map(|number| secret(number, &mut random)).collect();
    let log = log(&mut random);
    for (what, count) in [("no secret", 0), ("1 secret", 1), ("10 secrets", 10), ("200 secrets", 200)] {
        let needles = Needles::of(secrets[..count].iter().map(|(name, secret)| (name, secret)));
        let (mut masker, mut given) = (Masker::new(Arc::new(needles)), 0);
        let began = Instant::now();
        for _ in 0..LOG_BYTES / log.len() {
            for piece in log.chunks(PIECE_BYTES) {
                masker.push(piece, &mut |bytes| given += std::hint::black_box(bytes).len());
            }
        }
        masker.finish(&mut |bytes| given += bytes.len());
        let speed = given as f64 / began.elapsed().as_secs_f64() / 1e6;
        writeln!(std::io::stdout(), "{what:>12}: {speed:.0} MB/s")?;
    }
    Ok(())
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn secret(number: usize, random: &mut Random) -> (SecretName, Secret) {
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=!$'\" ";
    let value = (0..8 + random.below(60)).map(|_| letters[random.below(letters.len())]).collect();
    (SecretName::new(&format!("KEY_{number}")).expect("a name"), Secret::new(value).expect("a value"))
}

/// Words and lines like those of a build.
fn log(random: &mut Random) -> Vec<u8> {
    let words =
        ["Compiling", "windlass", "v0.4.0", "(/src/core)", "test", "ok", "=>", "0x7f3a", "https://x.test/a?b=c"];
    let mut log = Vec::new();
    while log.len() < 1 << 20 {
        log.extend_from_slice(words[random.below(words.len())].as_bytes());
        log.push(if random.below(12) == 0 { b'\n' } else { b' ' });
    }
    log
}
