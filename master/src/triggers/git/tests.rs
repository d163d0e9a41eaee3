use std::path::{Path, PathBuf};
use std::process::Command;

use windlass_core::input::ReadError;
use windlass_core::model::{ProjectName, Revision};

use super::{Ask, Place, Repositories};

/// A real repository with a history that tests write.
struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { dir: tempfile::tempdir().expect("a folder") };
        repository.git(&["init", "--quiet", "--initial-branch=main", "work"]);
        repository
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn git(&self, args: &[&str]) -> String {
        let work = self.work();
        let folder = if work.exists() { work } else { self.dir.path().to_owned() };
        let out = Command::new("git")
            .args(["-c", "user.name=Mara", "-c", "user.email=mara@example.org", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git is installed");
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    fn commit(&self, path: &str, bytes: &[u8], title: &str) -> Revision {
        let file = self.work().join(path);
        std::fs::create_dir_all(file.parent().expect("it is inside")).expect("a folder");
        std::fs::write(file, bytes).expect("a file");
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", title]);
        self.git(&["rev-parse", "HEAD"]).parse().expect("a commit id")
    }

    fn place(&self) -> Place {
        Place {
            project: ProjectName::new("shop").expect("a name"),
            git: self.work().display().to_string(),
            local: true,
            file: "windlass.yaml".to_owned(),
            main_branch: "main".to_owned(),
        }
    }

    fn clones(&self) -> Repositories {
        Repositories::new(&self.dir.path().join("data"))
    }
}

fn ask(reference: &str, revision: Option<&Revision>, before: Option<&Revision>) -> Ask {
    Ask { reference: reference.to_owned(), revision: revision.cloned(), before: before.cloned() }
}

/// Every file below `folder` that this chooses loses its content, as after a power cut.
fn empty_files(folder: &Path, chosen: &dyn Fn(&Path) -> bool) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut emptied = 0;
    for path in entries {
        if path.is_dir() {
            emptied += empty_files(&path, chosen);
        } else if chosen(&path) {
            std::fs::remove_file(&path).and_then(|()| std::fs::write(&path, "")).expect("it is ours");
            emptied += 1;
        }
    }
    emptied
}

#[tokio::test]
async fn a_clone_that_lost_bytes_in_a_power_cut_is_made_anew() {
    let repository = Repository::new();
    repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    let (clones, main) = (repository.clones(), ask("refs/heads/main", None, None));
    let clone = repository.dir.path().join("data/git/shop.git");
    let is_object = |path: &Path| path.components().any(|part| part.as_os_str() == "objects");
    let is_head = |path: &Path| path.ends_with("shop.git/HEAD");
    let is_ref = |path: &Path| path.ends_with("refs/heads/main");
    let lost: [&dyn Fn(&Path) -> bool; 3] = [&is_object, &is_head, &is_ref];
    for chosen in lost {
        clones.read(&repository.place(), &main).await.expect("it is there");
        assert!(empty_files(&clone, chosen) > 0);
        let read = clones.read(&repository.place(), &main).await.expect("it is fetched again");
        assert_eq!(read.text.as_deref(), Some("jobs: {}\n"));
    }
}

#[tokio::test]
async fn the_file_and_the_commit_are_read_at_exactly_the_revision() {
    let repository = Repository::new();
    let first = repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    let second = repository.commit("windlass.yaml", b"jobs: { a: {} }\n", "Greet in three languages\n\nA body.");
    let clones = repository.clones();
    let tip = clones.read(&repository.place(), &ask("refs/heads/main", None, Some(&first))).await.expect("it is there");
    assert_eq!(tip.text.as_deref(), Some("jobs: { a: {} }\n"));
    assert_eq!((&tip.commit.revision, tip.commit.position), (&second, 2));
    assert_eq!((tip.commit.title.as_str(), tip.commit.author.as_str()), ("Greet in three languages", "Mara"));
    assert!(tip.commit.time.0 > 1_000_000_000_000);
    assert_eq!(tip.changed, Some(vec!["windlass.yaml".to_owned()]));
    let old = clones.read(&repository.place(), &ask("refs/heads/main", Some(&first), None)).await.expect("it is there");
    assert_eq!((old.text.as_deref(), old.commit.position), (Some("jobs: {}\n"), 1));
    assert_eq!(old.changed, None, "what the first commit of the main branch changed is not known");
}

#[tokio::test]
async fn a_new_branch_is_compared_with_where_it_left_the_main_branch() {
    let repository = Repository::new();
    repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    let clones = repository.clones();
    clones.read(&repository.place(), &ask("refs/heads/main", None, None)).await.expect("the main branch is known");
    repository.git(&["checkout", "--quiet", "-b", "feature/x"]);
    repository.commit("docs/a b.md", b"text", "Explain");
    let read = clones.read(&repository.place(), &ask("refs/heads/feature/x", None, None)).await.expect("it is there");
    assert_eq!(read.changed, Some(vec!["docs/a b.md".to_owned()]));
}

#[tokio::test]
async fn a_revision_that_is_not_on_its_branch_is_gone() {
    let repository = Repository::new();
    let base = repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    let lost = repository.commit("windlass.yaml", b"jobs: { a: {} }\n", "Lost");
    let clones = repository.clones();
    clones.read(&repository.place(), &ask("refs/heads/main", Some(&lost), None)).await.expect("it is there yet");
    repository.git(&["reset", "--quiet", "--hard", base.as_str()]);
    repository.commit("windlass.yaml", b"jobs: { b: {} }\n", "Other");
    let unknown: Revision = "0123456789012345678901234567890123456789".parse().expect("a commit id");
    for revision in [&lost, &unknown] {
        let read = clones.read(&repository.place(), &ask("refs/heads/main", Some(revision), None)).await;
        assert!(matches!(read, Err(ReadError::RevisionGone(_))), "{read:?}");
    }
    let read = clones.read(&repository.place(), &ask("refs/heads/no-such", None, None)).await;
    assert!(matches!(read, Err(ReadError::RevisionGone(_))), "{read:?}");
}

#[tokio::test]
async fn a_ref_that_git_could_take_for_something_else_is_never_given_to_git() {
    let repository = Repository::new();
    for reference in ["--upload-pack=id", "refs/heads/a..b", "refs/heads/@{-1}", "HEAD", "refs/heads/x:refs/heads/main"]
    {
        let read = repository.clones().read(&repository.place(), &ask(reference, None, None)).await;
        assert!(matches!(read, Err(ReadError::RevisionGone(_))), "{reference}: {read:?}");
    }
    assert!(!repository.dir.path().join("data").exists(), "nothing was fetched");
}

#[tokio::test]
async fn a_repository_that_does_not_answer_is_away() {
    let repository = Repository::new();
    let place = Place { git: "/nowhere/at/all.git".to_owned(), ..repository.place() };
    let read = repository.clones().read(&place, &ask("refs/heads/main", None, None)).await;
    assert!(matches!(&read, Err(ReadError::RepositoryAway(why)) if why.contains("/nowhere/at/all.git")), "{read:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_allowed_is_not_read() {
    let repository = Repository::new();
    repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    let place = Place { local: false, ..repository.place() };
    let read = repository.clones().read(&place, &ask("refs/heads/main", None, None)).await;
    assert!(matches!(read, Err(ReadError::RepositoryAway(_))), "{read:?}");
    let branches = repository.clones().branches(&place).await;
    assert!(matches!(branches, Err(ReadError::RepositoryAway(_))), "{branches:?}");
}

#[tokio::test]
async fn a_missing_file_a_link_and_a_folder_are_no_pipeline_file() {
    let repository = Repository::new();
    repository.commit("readme", b"text", "Begin");
    let place = repository.place();
    let none =
        repository.clones().read(&place, &ask("refs/heads/main", None, None)).await.expect("the commit is there");
    assert_eq!(none.text, None);
    std::os::unix::fs::symlink("readme", repository.work().join("windlass.yaml")).expect("a link");
    repository.commit("other", b"text", "Link");
    let linked = repository.clones().read(&place, &ask("refs/heads/main", None, None)).await.expect("it is there");
    assert_eq!(linked.text, None);
    std::fs::remove_file(repository.work().join("windlass.yaml")).expect("it is there");
    repository.commit("windlass.yaml/x", b"text", "Folder");
    let folder = repository.clones().read(&place, &ask("refs/heads/main", None, None)).await.expect("it is there");
    assert_eq!(folder.text, None);
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_not_read_and_one_that_is_not_utf_8_is_refused_by_the_parser() {
    let repository = Repository::new();
    repository.commit("windlass.yaml", &vec![b'#'; 256 * 1024 + 1], "Big");
    let place = repository.place();
    let read = repository.clones().read(&place, &ask("refs/heads/main", None, None)).await;
    assert!(matches!(read, Err(ReadError::TooBig(_))), "{read:?}");
    repository.commit("windlass.yaml", b"# caf\xe9\njobs: {}\n", "Latin-1");
    let read = repository.clones().read(&place, &ask("refs/heads/main", None, None)).await.expect("it is there");
    let problems = windlass_core::pipeline::parse("windlass.yaml", &read.text.expect("a file")).problems;
    assert!(problems[0].hint.as_deref().is_some_and(|hint| hint.contains("UTF-8")), "{problems:?}");
}

#[tokio::test]
async fn branches_are_listed_with_their_tips_and_tags_are_not() {
    let repository = Repository::new();
    let tip = repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    repository.git(&["branch", "release/1"]);
    repository.git(&["tag", "v1"]);
    let branches = repository.clones().branches(&repository.place()).await.expect("it answers");
    let names = ["refs/heads/main", "refs/heads/release/1"];
    assert_eq!(branches, names.map(|name| (name.to_owned(), tip.clone())));
}

#[tokio::test]
async fn a_tag_can_be_read_and_hooks_of_a_repository_never_run() {
    let repository = Repository::new();
    let tip = repository.commit("windlass.yaml", b"jobs: {}\n", "Begin");
    repository.git(&["tag", "--annotate", "--message", "one", "v1"]);
    let trap = repository.dir.path().join("sprung");
    for hook in ["post-checkout", "reference-transaction", "pre-auto-gc"] {
        write_hook(&repository.work().join(".git/hooks").join(hook), &trap);
    }
    let read = repository.clones().read(&repository.place(), &ask("refs/tags/v1", Some(&tip), None)).await;
    assert_eq!(read.expect("it is there").commit.revision, tip);
    assert!(!trap.exists());
}

fn write_hook(path: &Path, trap: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().expect("a folder of hooks")).expect("a folder");
    std::fs::write(path, format!("#!/bin/sh\ntouch {}\n", trap.display())).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}
