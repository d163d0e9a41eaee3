//! Many runs: makes a data directory with them and prints what a master needs for it.
//!
//! `runs --make N DIR` makes the directory, which must not exist, and takes every figure; `runs --measure FIGURE DIR` takes one.
//! `runs --fixture DIR` makes the small directory that a release leaves for the tests of later ones.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use windlass_master::facts::Pace;
use windlass_tests::damage::Base;
use windlass_tests::runs::{Figure, files, make, measure};
use windlass_tests::tidy::print;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--make", runs, dir] => all(runs.parse().context("--make wants a number")?, Path::new(dir)).await,
        ["--fixture", dir] => fixture(Path::new(dir)).await,
        ["--measure", name, dir] => {
            let figure = Figure::ALL.into_iter().find(|figure| figure.name() == name).context("no such figure")?;
            let (time, memory) = measure(figure, Path::new(dir)).await?;
            print(&format!("{name:26} {:8.2} s {:8} MiB\n", time.as_secs_f64(), memory >> 20));
            Ok(())
        }
        _ => bail!("there are --make N DIR, --fixture DIR and --measure FIGURE DIR"),
    }
}

async fn all(runs: u64, dir: &Path) -> Result<()> {
    if dir.exists() {
        bail!("{} exists", dir.display());
    }
    let begun = Instant::now();
    make(runs, &files(dir), Pace::default()).await?;
    let made = begun.elapsed().as_secs_f64();
    let (journal, checkpoints) = (size(&dir.join("journal"))?, size(&dir.join("checkpoints"))?);
    print(&format!(
        "{runs} runs made in {made:.1} s; journal {} MiB, checkpoints {} KiB\n",
        journal >> 20,
        checkpoints >> 10
    ));
    for figure in Figure::ALL {
        let status = Command::new(std::env::current_exe()?).args(["--measure", figure.name()]).arg(dir).status()?;
        if !status.success() {
            bail!("{} was not measured", figure.name());
        }
    }
    print(&format!("history {} MiB\n", size(&dir.join("history-1"))? >> 20));
    Ok(())
}

/// What this release writes, for the tests of later ones; without the history, which is a view.
async fn fixture(dir: &Path) -> Result<()> {
    let base = Base::make(dir, 12).await?;
    std::fs::remove_dir_all(dir.join("history-1"))?;
    let runs: String = base.runs.iter().map(|run| format!("{} {}\n", run.id, run.jobs.len())).collect();
    Ok(std::fs::write(dir.join("runs.txt"), runs)?)
}

/// Bytes of the files below.
fn size(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut dirs: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { dirs.push(entry.path()) } else { bytes += entry.metadata()?.len() }
        }
    }
    Ok(bytes)
}
