//! The demo's repository: a bare one that people push to, with a `post-receive` hook, and a clone that somebody works in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::service::{Edition, MAIN, PIPELINE, PRICES, PRICES_CSV, PRICES_FROM_A_FILE, SHOP};
use crate::error::{Error, Result};

/// Both repositories, and what their pipeline file must name.
#[derive(Debug)]
pub struct Repository {
    bare: PathBuf,
    work: PathBuf,
    windlass: PathBuf,
    socket: PathBuf,
    rustc: Option<PathBuf>,
}

/// A commit of the story.
#[derive(Debug, Clone, Copy)]
pub struct Commit {
    /// What it changes.
    pub edition: Edition,
    /// First line of its message.
    pub title: &'static str,
}

impl Repository {
    /// Makes both, with some history and no hook yet.
    pub fn create(folder: &Path, windlass: &Path, socket: &Path, rustc: Option<PathBuf>) -> Result<Self> {
        let (bare, work) = (folder.join("shop.git"), folder.join("work"));
        let (windlass, socket) = (windlass.to_owned(), socket.to_owned());
        let repository = Self { bare, work, windlass, socket, rustc };
        let path = |path: &Path| path.display().to_string();
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", &path(&repository.bare)])?;
        git(folder, &["init", "--quiet", "--initial-branch=main", &path(&repository.work)])?;
        git(&repository.work, &["remote", "add", "origin", &path(&repository.bare)])?;
        repository.write("README.md", "# A shop\n")?;
        repository.commit("Begin a shop")?;
        repository.write(".gitignore", "/shop\n/unit\n/report\n")?;
        repository.commit("Say what is made here")?;
        git(&repository.work, &["push", "--quiet", "origin", "main"])?;
        Ok(repository)
    }

    /// The bare repository, which the master reads.
    pub fn bare(&self) -> &Path {
        &self.bare
    }

    /// From now on each push is delivered.
    pub fn add_hook(&self, url: &str, secret_file: &Path) -> Result<()> {
        let hook = self.bare.join("hooks/post-receive");
        let [program, secret] =
            [&self.windlass, &secret_file.to_owned()].map(|path| quoted(&path.display().to_string()));
        let text = format!("#!/bin/sh\nexec {program} post-receive {} --secret-file {secret}\n", quoted(url));
        let failed = |source| Error::File { what: "write", path: hook.clone(), source };
        fs::create_dir_all(self.bare.join("hooks")).map_err(failed)?;
        fs::write(&hook, text).map_err(failed)?;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).map_err(failed)
    }

    /// Writes what the commit changes, and commits it. Gives its id.
    pub fn make(&self, commit: Commit) -> Result<String> {
        self.write("main.rs", MAIN)?;
        self.write("shop.rs", SHOP)?;
        self.write("windlass.yaml", &self.pipeline(commit.edition))?;
        match commit.edition {
            Edition::Good => self.write("prices.rs", PRICES)?,
            Edition::Bad => {
                self.write("prices.rs", PRICES_FROM_A_FILE)?;
                self.write("prices.csv", PRICES_CSV)?;
            }
        }
        self.commit(commit.title)?;
        git(&self.work, &["rev-parse", "HEAD"]).map(|id| id.trim().to_owned())
    }

    /// Pushes what was committed; the hook runs in it.
    pub fn push(&self) -> Result<()> {
        git(&self.work, &["push", "--quiet", "origin", "main"]).map(drop)
    }

    /// The pipeline file, with the paths of this machine.
    pub fn pipeline(&self, edition: Edition) -> String {
        let windlass = self.windlass.display().to_string();
        let socket = quoted(&self.socket.display().to_string());
        let ask = |verb: &str| in_yaml(&format!("{} keeper-ask {socket} {verb}", quoted(&windlass)));
        let (env, compile, unit) = match &self.rustc {
            Some(rustc) => {
                let env = format!("{{ RUSTC: {} }}", in_yaml(&rustc.display().to_string()));
                (env, COMPILE.to_owned(), UNIT.to_owned())
            }
            None => {
                let service = quoted(&format!("exec {} demo-service {}", quoted(&windlass), edition.word()));
                ("{}".to_owned(), COPY.replace("@SERVICE@", &service), NO_UNIT.to_owned())
            }
        };
        PIPELINE
            .replace("@KEEPER_START@", &ask("start"))
            .replace("@KEEPER_STOP@", &ask("stop"))
            .replace("@ENV@", &env)
            .replace("@COMPILE@", &indented(&compile))
            .replace("@UNIT@", &indented(&unit))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.work.join(name);
        fs::write(&path, text).map_err(|source| Error::File { what: "write", path, source })
    }

    fn commit(&self, title: &str) -> Result<()> {
        git(&self.work, &["add", "--all"])?;
        git(&self.work, &["commit", "--quiet", "--message", title]).map(drop)
    }
}

const COMPILE: &str = r#""$RUSTC" --edition 2024 -D warnings -C strip=symbols -o shop main.rs
echo "main.rs, shop.rs, prices.rs: $(cat main.rs shop.rs prices.rs | wc -l) lines, no warnings""#;

const UNIT: &str = r#""$RUSTC" --edition 2024 --test -D warnings -o unit main.rs
./unit > report || { cat report; exit 1; }
echo "$(grep -c ' \.\.\. ok$' report) tests passed""#;

const COPY: &str = r#"printf '#!/bin/sh\n%s\n' @SERVICE@ > shop
chmod +x shop
echo "there is no rustc here: the shop is the copy inside windlass""#;

const NO_UNIT: &str = r#"echo "there is no rustc here: the tests were not run""#;

fn indented(script: &str) -> String {
    script.lines().map(|line| format!("          {line}")).collect::<Vec<_>>().join("\n")
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As a double-quoted scalar, which JSON's strings are.
fn in_yaml(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

/// Runs git without anybody's configuration, and gives what it printed.
fn git(dir: &Path, arguments: &[&str]) -> Result<String> {
    let hint = "the demo needs git 2.28 or newer".to_owned();
    let failed = |why: String| Error::Demo { what: format!("git {}: {why}", arguments.join(" ")), hint };
    let identity = ["AUTHOR", "COMMITTER"]
        .into_iter()
        .flat_map(|who| [(format!("GIT_{who}_NAME"), "Ada"), (format!("GIT_{who}_EMAIL"), "ada@example.org")]);
    let kept = ["PATH", "HOME", "TMPDIR"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let output = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .envs(kept)
        .envs(identity)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("LC_ALL", "C")])
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::pipeline::parse;

    use super::*;

    fn repository(rustc: Option<&str>) -> Repository {
        let path = |text: &str| PathBuf::from(text);
        Repository {
            bare: path("/d/shop.git"),
            work: path("/d/work"),
            windlass: path("/opt/it's \"here\"/windlass"),
            socket: path("/d/keeper.sock"),
            rustc: rustc.map(PathBuf::from),
        }
    }

    #[test]
    fn the_pipeline_has_no_problem_with_and_without_rustc() {
        for rustc in [Some("/usr/bin/rustc"), None] {
            for edition in [Edition::Good, Edition::Bad] {
                let text = repository(rustc).pipeline(edition);
                let problems = parse("windlass.yaml", &text).problems;
                assert!(problems.is_empty(), "{}\n{text}", windlass_core::pipeline::render(&problems));
                assert!(!text.contains('@'), "{text}");
            }
        }
    }

    #[test]
    fn both_repositories_have_history_and_take_commits() {
        let folder = tempfile::tempdir().expect("a folder");
        let [windlass, socket] = ["/bin/true", "/none"].map(Path::new);
        let repository = Repository::create(folder.path(), windlass, socket, None).expect("git works");
        repository.add_hook("http://127.0.0.1:1/hooks/shop", Path::new("/none")).expect("it can be written");
        let id = repository.make(Commit { edition: Edition::Good, title: "Greet" }).expect("git works");
        repository.push().expect("git works");
        let log = git(repository.bare(), &["log", "--format=%H %s", "main"]).expect("git works");
        assert!(log.starts_with(&format!("{id} Greet\n")), "{log}");
        assert_eq!(log.lines().count(), 3);
    }
}
