use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use windlass_core::model::{Amount, Duration, EnvironmentName, ProjectName};

use super::*;

fn parsed(text: &str) -> Result<Config, Errors> {
    parse(Path::new("master.toml"), text, Scalars::default())
}

fn said(text: &str) -> String {
    parsed(text).expect_err("it is wrong").to_string()
}

fn project(name: &str) -> ProjectName {
    ProjectName::new(name).expect("a name")
}

#[test]
fn an_empty_file_is_a_master_on_loopback() {
    let config = parsed("").expect("nothing is needed");
    assert_eq!(config.http_listen.to_string(), "127.0.0.1:8470");
    assert_eq!(config.agents_listen.to_string(), "127.0.0.1:8471");
    assert_eq!(config.data_dir, Path::new("/var/lib/windlass"));
    assert_eq!(config.model.lost_after, Duration::from_secs(600));
    assert_eq!(config.model.log_per_attempt, 256 * 1024 * 1024);
}

#[test]
fn everything_that_can_be_written_arrives() {
    let config = parsed(
        r#"
public_url = "https://cd.example.org/"
name = "cd"
data_dir = "/srv/windlass"
http = { listen = "[::1]:0" }
agents = { listen = "0.0.0.0:8471", lost_after = "90s" }
limits = { log_per_attempt = "64MiB" }
[projects.shop]
git = "ssh://git@git.example.org/shop.git"
file = "ci/windlass.yaml"
main_branch = "trunk"
poll = "2m"
[projects.docs]
git = "file:///srv/git/docs.git"
local = true
[environments.production]
targets = { env = "prod", role = "web" }
projects = ["shop", "docs"]
branches = ["trunk", "release/1"]
deployers = ["pipeline", "people", "anna"]
max_unavailable = 2
rollback_at_once = "50%"
lost_after = "30s"
same_user = true
require_cgroup = true
approvals = { required = 1, from = ["lena", "tom"] }
incident_approvals = { required = 1, from = ["tom"] }
freeze = ["Fri 16:00 - Mon 07:00 Europe/Berlin"]
catch_up = { at_once = 3, max_failures = 5 }
availability = "independent"
"#,
    )
    .expect("all of it is right");
    assert_eq!((config.public_url.as_deref(), config.name.as_str()), (Some("https://cd.example.org"), "cd"));
    let shop = &config.model.projects[&project("shop")];
    assert_eq!((shop.file.as_str(), shop.main_branch.as_str()), ("ci/windlass.yaml", "trunk"));
    assert_eq!(config.watched[&project("shop")].poll, Some(Duration::from_secs(120)));
    assert_eq!(config.model.projects[&project("docs")].git, "/srv/git/docs.git");
    assert!(config.watched[&project("docs")].local && !config.watched[&project("shop")].local);
    let production = &config.model.environments[&EnvironmentName::new("production").expect("a name")];
    assert_eq!(production.max_unavailable, Some(Amount::Count(2)));
    assert_eq!(production.rollback_at_once, Some(Amount::Percent(50)));
    assert_eq!(
        (production.lost_after, production.same_user, production.require_cgroup),
        (Duration::from_secs(30), true, true)
    );
    assert!(production.independent);
    assert_eq!(production.incident_approvals.required, 1);
    assert_eq!(production.freeze[0].to_string(), "Fri 16:00 - Mon 07:00 Europe/Berlin");
    assert_eq!((production.catch_up.at_once, production.catch_up.max_failures), (Amount::Count(3), 5));
    assert_eq!((production.approvals.required, production.approvals.from.len()), (1, 2));
    assert_eq!((production.targets.len(), production.branches.len(), production.deployers.len()), (2, 2, 3));
}

#[test]
fn every_error_names_file_line_key_and_the_way_out() {
    let text = r#"
public_url = "http://cd.example.org"
http = { listen = "0.0.0.0:8470" }
[projects.shop]
git = "http://git.example.org/shop.git"
poll = "1 minute"
[environments.production]
targets = {}
projects = ["shopp"]
deployers = []
max_unavailable = "0%"
freeze = ["Fri 16:00 - Mon 07:00 Europe/Berlln"]
catch_up = { max_failures = 0 }
availability = "solo"
"#;
    let wanted = r#"master.toml:3: http.listen: 0.0.0.0:8470 is not loopback, and TLS for HTTP is not available in this version
  hint: listen on 127.0.0.1 and put a proxy that speaks TLS in front of it, with its https address as `public_url`
master.toml:2: public_url: without TLS nobody but this host can be told to come here
  hint: write for example "https://cd.example.org"
master.toml:5: projects.shop.git: "http" is not read
  hint: https and ssh are
master.toml:6: projects.shop.poll: "1 minute" is not a duration: write for example `500ms`, `90s`, `30m`, `1h30m`, `7d`
master.toml:8: environments.production.targets: no label would make every agent a target
  hint: write for example { env = "prod" }
master.toml:9: environments.production.projects: there is no project "shopp"
  hint: name a project of this file
master.toml:10: environments.production.deployers: nobody could deploy here
  hint: "pipeline": a run by itself; "people": all who may; or their names
master.toml:11: environments.production.max_unavailable: it is not an amount of targets
  hint: a number of targets, as 3, or percent of them, as "10%"; at least 1
master.toml:12: environments.production.freeze: "Europe/Berlln" is not a time zone, as "Europe/Berlin" or "UTC"
master.toml:14: environments.production.availability: "solo" is neither "shared" nor "independent"
master.toml:13: environments.production.catch_up.max_failures: no target would ever be caught up with
  hint: at least 1"#;
    assert_eq!(said(text), wanted);
}

#[test]
fn unknown_keys_wrong_types_and_bad_toml_name_their_line() {
    assert!(
        said("\n\nlisten = \"127.0.0.1:1\"").starts_with("master.toml:3: unknown field `listen`"),
        "a key of another place"
    );
    assert!(said("[http]\nlistn = \"x\"").starts_with("master.toml:2: unknown field `listn`"));
    assert!(said("\nname = 3").starts_with("master.toml:2: invalid type"));
    assert!(said("a = \n").starts_with("master.toml:1: "));
    assert!(said("name = \"a\"\nname = \"b\"").starts_with("master.toml:2: duplicate key"));
    assert!(said("\u{feff}name = \"a\"").contains("byte order mark"));
    assert!(said("[projects.shop]\nfile = \"x\"").contains("missing field `git`"));
}

#[test]
fn documented_keys_that_do_nothing_yet_refuse_the_start() {
    let text = "retention = { keep_last = \"5\" }\n[projects.shop]\ngit = \"https://h/x\"\ncredential = \"git-shop\"";
    let wanted = "master.toml:1: retention.keep_last: this key is not available in this version\n  hint: remove it\n\
                  master.toml:4: projects.shop.credential: this key is not available in this version\n  hint: remove it";
    assert_eq!(said(text), wanted);
    assert!(said("[projects.x]\nlocks = []").contains("projects.x.locks"));
}

#[test]
fn nothing_is_expanded() {
    assert!(said("data_dir = \"${HOME}/windlass\"").contains("not an absolute folder"));
    assert!(said("data_dir = \"~/windlass\"").contains("not an absolute folder"));
}

#[test]
fn names_and_paths_of_projects_are_checked() {
    let with = |key: &str| said(&format!("[projects.shop]\ngit = \"https://h/x\"\n{key}"));
    assert!(with("file = \"../x\"").contains("projects.shop.file"));
    assert!(with("file = \"/etc/passwd\"").contains("projects.shop.file"));
    assert!(with("main_branch = \"--upload-pack=id\"").contains("projects.shop.main_branch"));
    assert!(said("[projects.Shop]\ngit = \"https://h/x\"").contains("projects.Shop"));
}

#[test]
fn a_variable_is_above_the_file_and_a_flag_is_above_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("master.toml");
    std::fs::write(&file, "name = \"file\"\npublic_url = \"https://file\"").expect("a file");
    let variables =
        [("WINDLASS_MASTER_NAME", "variable"), ("WINDLASS_MASTER_HTTP_LISTEN", "127.0.0.1:0"), ("HOME", "/x")];
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let flags = Scalars { http_listen: Some("127.0.0.1:9".to_owned()), ..Scalars::default() };
    let config = load(Source { file: Some(file), flags, environment }).expect("it is right");
    assert_eq!((config.name.as_str(), config.public_url.as_deref()), ("variable", Some("https://file")));
    assert_eq!(config.http_listen.port(), 9);
}

#[test]
fn a_variable_that_matches_no_key_is_an_error() {
    let environment = vec![("WINDLASS_MASTER_HTTP_LISTN".to_owned(), "x".to_owned())];
    let errors = load(Source { environment, ..Source::default() }).expect_err("it is misspelt");
    assert!(errors.to_string().starts_with("WINDLASS_MASTER_HTTP_LISTN: "), "{errors}");
}

#[test]
fn a_file_that_others_may_write_is_not_obeyed() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("master.toml");
    std::fs::write(&file, "").expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("it is ours");
    let source = Source { file: Some(file.clone()), ..Source::default() };
    let said = load(source).expect_err("anyone could have written it").to_string();
    assert!(said.contains("mode 666") && said.contains(&format!("chmod go-w {}", file.display())), "{said}");
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    assert!(load(Source { file: Some(link), ..Source::default() }).is_err());
    let missing = Source { file: Some(dir.path().join("missing.toml")), ..Source::default() };
    assert!(load(missing).expect_err("it was named").to_string().contains("cannot open it"));
}

#[test]
fn the_key_of_a_hook_is_private_and_long_enough() {
    let dir = tempfile::tempdir().expect("a folder");
    let key = dir.path().join("shop.hook");
    let text =
        format!("[projects.shop]\ngit = \"https://h/x\"\nhook = {{ secret_file = {:?} }}", key.display().to_string());
    std::fs::write(&key, "0123456789abcdef0123456789abcdef\n").expect("a file");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    assert!(said(&text).contains(&format!("chmod 600 {}", key.display())));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    let config = parsed(&text).expect("it is right now");
    let hook = config.watched[&project("shop")].hook.clone().expect("a key");
    assert_eq!(hook.bytes(), b"0123456789abcdef0123456789abcdef");
    assert!(!format!("{config:?}").contains("0123456789"), "a key is never printed");
    std::fs::write(&key, "\n").expect("a file");
    assert!(said(&text).contains("holds no key"));
}

#[test]
fn keys_of_standard_webhooks_are_base64() {
    assert_eq!(
        HookKey::from_text("whsec_MDEyMzQ1Njc4OWFiY2RlZg==").map(|key| key.bytes().to_vec()),
        Some(b"0123456789abcdef".to_vec())
    );
    assert!(HookKey::from_text("whsec_not base64").is_none());
}

#[test]
fn what_is_over_is_kept_as_long_as_the_file_says() {
    let days = |count: u64| Some(Duration::from_secs(count * 86_400));
    let of = |config: &Config, name| {
        let kept = config.model.retention_of(&project(name));
        (kept.runs, kept.logs)
    };
    assert_eq!(of(&parsed("").expect("defaults"), "shop"), (days(400), days(90)));
    let text =
        "[retention]\nruns = \"200d\"\n[projects.shop]\ngit = \"/srv/git/shop\"\nretention = { logs = \"7d\" }\n";
    let config = parsed(text).expect("it is right");
    assert_eq!((of(&config, "shop"), of(&config, "docs")), ((days(200), days(7)), (days(200), days(90))));
    let wrong = said("[retention]\nruns = \"30d\"\n");
    assert!(wrong.contains("master.toml:2: retention: logs would be kept for 90d, their runs for 30d only"), "{wrong}");
    assert!(said("[retention]\nlogs = \"1h\"\n").contains("retention.logs: 1h is not between 1d and 36500d"));
    assert!(said("[retention]\nkeep_last = \"5\"\n").contains("retention.keep_last"));
}

#[test]
fn old_logs_move_where_the_file_says() {
    assert_eq!(parsed("").expect("defaults").old_logs, None);
    let old = |text: &str| parsed(text).expect("it is right").old_logs.map(|old| (old.dir, old.after));
    let days = |count: u64| Duration::from_secs(count * 86_400);
    assert_eq!(old("[logs]\nmove_to = \"/big\"\n"), Some(("/big".into(), days(30))));
    assert_eq!(old("[logs]\nmove_to = \"/big\"\nmove_after = \"2d\"\n"), Some(("/big".into(), days(2))));
    assert!(said("[logs]\nmove_after = \"2d\"\n").contains("logs.move_after: nothing says where logs move to"));
    assert!(said("[logs]\nmove_to = \"big\"\n").contains("master.toml:2: logs.move_to: it is not an absolute path"));
    let inside = "data_dir = \"/var/lib/w\"\n[logs]\nmove_to = \"/var/lib/w/old\"\n";
    assert!(said(inside).contains("master.toml:3: logs.move_to: it lies in the data directory"));
}
