//! A registered secret, and where it may be seen: on its way to a shim, and nowhere else (I16). Steps write it in encodings that are looked
//! for, cut anywhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;
use prost::Message;
use windlass_core::model::{Secret, SecretName, Secrets};
use windlass_disk::{Disk, FaultyDisk};
use windlass_proto::v1::from_master;

use super::event::Wire;
use super::rng::Rng;

/// The secret of a seed.
#[derive(Debug)]
pub struct Hidden {
    value: Vec<u8>,
    forms: Vec<Finder<'static>>,
}

impl Hidden {
    /// The same for the same seed.
    pub fn of(seed: u64) -> Self {
        let value = value_of(seed);
        let forms = forms(&value).into_iter().map(|form| Finder::new(&form).into_owned()).collect();
        Self { value, forms }
    }

    /// As an assignment carries it.
    pub fn secrets(&self) -> Secrets {
        let name = SecretName::new("TOKEN").expect("a name");
        Secrets::new(vec![(name, Secret::new(self.value.clone()).expect("long enough"))])
    }

    /// Whether these bytes say it.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| form.find(bytes).is_some())
    }

    /// Whether a message says it that must not.
    pub fn is_told(&self, wire: &Wire) -> bool {
        match wire {
            Wire::Down(down) if matches!(down.body, Some(from_master::Body::Assignments(_))) => false,
            Wire::Up(up) => self.is_in(&up.encode_to_vec()),
            Wire::Down(down) => self.is_in(&down.encode_to_vec()),
            Wire::LogUp(up) => self.is_in(&up.encode_to_vec()),
            Wire::LogDown(down) => self.is_in(&down.encode_to_vec()),
            Wire::AgentLeft | Wire::MasterLeft => false,
        }
    }

    /// The files that say it.
    pub fn files(&self, disk: &FaultyDisk) -> Vec<String> {
        let files = super::damage::files_below(disk, std::path::Path::new("/"));
        let says = |path: &std::path::PathBuf| disk.read(path).is_ok_and(|bytes| self.is_in(&bytes));
        files.iter().filter(|path| says(path)).map(|path| path.display().to_string()).collect()
    }
}

fn value_of(seed: u64) -> Vec<u8> {
    format!("hunter2/{seed:016x}+zebra").into_bytes()
}

/// What must not be seen: the secret as it is, in hex, and in base64 at each alignment.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec(), hex(value)];
    for before in 0..3_usize {
        // The characters that the value alone decides; those beside them depend on the neighbours.
        let (first, end) = ((before * 8).div_ceil(6), (before + value.len()) * 8 / 6);
        forms.push(base64(value, before)[first..end].to_vec());
    }
    forms
}

fn hex(value: &[u8]) -> Vec<u8> {
    value.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn base64(value: &[u8], before: usize) -> Vec<u8> {
    let mut whole = vec![b'x'; before];
    whole.extend_from_slice(value);
    STANDARD_NO_PAD.encode(whole).into_bytes()
}

/// What a step writes when it leaks the secret of its seed.
pub(super) fn leak(seed: u64, rng: &mut Rng) -> Vec<u8> {
    let value = value_of(seed);
    match rng.index(5) {
        0 | 1 => value,
        2 => hex(&value),
        _ => base64(&value, rng.index(3)),
    }
}
