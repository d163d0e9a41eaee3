use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use windlass_core::model::{Secret, SecretName};
use windlass_core::secret::{Grant, SecretId};
use windlass_disk::RealDisk;

use super::key::{change, finish};
use super::rekey::seal_all;
use super::seal::{Error, Vault};
use super::{Key, KeyError, make_key};

const VALUE: &[u8] = b"a-value-that-no-file-may-show";

fn vault(dir: &Path, cluster: &str) -> Vault {
    let key = dir.join("secret.key");
    make_key(&key).expect("made, or there");
    let key = Key::find(&key).expect("a key");
    Vault { disk: Box::new(RealDisk), dir: dir.join("data/secrets"), cluster: cluster.to_owned(), key }
}

fn grant(environment: Option<&str>, number: u32) -> Grant {
    let environment = environment.map(|name| name.parse().expect("a name"));
    let name: SecretName = "KEY".parse().expect("a name");
    Grant { secret: SecretId { project: "shop".parse().expect("a name"), environment, name }, number }
}

fn value() -> Secret {
    Secret::new(VALUE.to_vec()).expect("a value")
}

#[test]
fn what_is_sealed_is_opened_and_stands_in_no_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = vault(dir.path(), "cluster");
    let digest = vault.seal(&grant(None, 1), &value()).expect("sealed");
    let file = std::fs::read(dir.path().join("data/secrets/shop/KEY@1")).expect("there");
    assert_eq!(digest, windlass_core::model::Digest::of(&file));
    assert!(!file.windows(8).any(|part| VALUE.windows(8).any(|of_value| part == of_value)));
    assert_eq!(vault.open(&grant(None, 1)).expect("opened").expose(), VALUE);
}

#[test]
fn a_file_stands_for_no_other_secret_number_scope_or_cluster() {
    let dir = tempfile::tempdir().expect("a folder");
    let ours = vault(dir.path(), "cluster");
    ours.seal(&grant(None, 1), &value()).expect("sealed");
    ours.seal(&grant(Some("production"), 1), &value()).expect("sealed");
    let folder = dir.path().join("data/secrets/shop");
    std::fs::copy(folder.join("KEY@1"), folder.join("KEY@2")).expect("copied");
    std::fs::copy(folder.join("KEY@1"), folder.join("production/KEY@1")).expect("copied");
    for moved in [grant(None, 2), grant(Some("production"), 1)] {
        assert!(matches!(ours.open(&moved), Err(Error::NotOurs(_))));
    }
    assert!(matches!(vault(dir.path(), "another").open(&grant(None, 1)), Err(Error::NotOurs(_))));
    let mut bytes = std::fs::read(folder.join("KEY@1")).expect("there");
    *bytes.last_mut().expect("not empty") ^= 1;
    std::fs::write(folder.join("KEY@1"), bytes).expect("written");
    assert!(matches!(ours.open(&grant(None, 1)), Err(Error::NotOurs(_))));
}

#[test]
fn what_is_erased_is_gone_in_every_number() {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = vault(dir.path(), "cluster");
    for number in [1, 2] {
        vault.seal(&grant(None, number), &value()).expect("sealed");
    }
    vault.erase(&grant(None, 2).secret, 2).expect("erased");
    assert!(matches!(vault.open(&grant(None, 1)), Err(Error::Disk(_))));
    assert!(matches!(vault.open(&grant(None, 2)), Err(Error::Disk(_))));
    vault.erase(&grant(Some("production"), 1).secret, 1).expect("there was nothing");
}

#[test]
fn a_key_is_made_once_for_its_owner_and_what_others_can_read_is_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("secret.key");
    assert!(Key::find(&path).expect("no error").is_none());
    assert!(make_key(&path).expect("made"));
    let key = std::fs::read(&path).expect("there");
    assert!(!make_key(&path).expect("it stays"));
    assert_eq!((key.len(), std::fs::read(&path).expect("there")), (32, key.clone()));
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("ours");
    assert!(matches!(Key::find(&path), Err(KeyError::Mode { mode: 0o640, .. })));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("ours");
    std::fs::write(&path, b"short").expect("ours");
    assert!(matches!(Key::find(&path), Err(KeyError::Length(_))));
}

#[test]
fn what_stands_for_no_secret_is_swept_away_and_the_rest_stays() {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = vault(dir.path(), "cluster");
    let kept = [grant(None, 1), grant(Some("production"), 2)];
    for grant in kept.iter().chain(&[grant(None, 2), grant(Some("staging"), 1)]) {
        vault.seal(grant, &value()).expect("sealed");
    }
    let folder = dir.path().join("data/secrets/shop");
    for half in [".KEY@3.tmp", "KEY@x", "key@1"] {
        std::fs::write(folder.join(half), b"half").expect("written");
    }
    assert_eq!(vault.sweep(|grant| kept.contains(grant)).expect("swept"), 5);
    assert_eq!(vault.sweep(|grant| kept.contains(grant)).expect("swept"), 0);
    for grant in &kept {
        assert_eq!(vault.open(grant).expect("opened").expose(), VALUE);
    }
}

#[test]
fn after_a_change_of_the_key_every_value_opens_with_the_new_one_alone_wherever_it_was_cut() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, data) = (dir.path().join("secret.key"), dir.path().join("data"));
    let old = vault(dir.path(), "cluster");
    for number in [1, 2] {
        old.seal(&grant(None, number), &value()).expect("sealed");
    }
    drop(change(&path).expect("changed"));
    assert!(matches!(Key::find(&path), Err(KeyError::Unfinished(_))), "a master must not start now");
    // Cut after the first value.
    let new = || Vault { key: Some(change(&path).expect("it goes on").after), ..vault_with_no_key(dir.path()) };
    new().seal(&grant(None, 1), &value()).expect("sealed");
    assert_eq!(seal_all(&data, "cluster", change(&path).expect("it goes on")).expect("sealed"), 2);
    finish(&path).expect("finished");
    let now = vault(dir.path(), "cluster");
    for number in [1, 2] {
        assert_eq!(now.open(&grant(None, number)).expect("opened").expose(), VALUE);
        assert!(matches!(old.open(&grant(None, number)), Err(Error::NotOurs(_))), "the key before opens nothing");
    }
    let mut left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("there").map(|entry| entry.expect("there").file_name()).collect();
    left.sort();
    assert_eq!(left, ["data", "secret.key"]);
}

#[test]
fn a_value_that_no_key_opens_stops_the_change_and_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("secret.key");
    vault(dir.path(), "cluster").seal(&grant(None, 1), &value()).expect("sealed");
    let file = dir.path().join("data/secrets/shop/KEY@1");
    std::fs::write(&file, b"WNDLSEC1 damaged").expect("written");
    let stopped = seal_all(&dir.path().join("data"), "cluster", change(&path).expect("changed")).expect_err("it stops");
    assert!(stopped.to_string().contains("KEY@1"), "{stopped}");
    assert!(matches!(Key::find(&path), Err(KeyError::Unfinished(_))), "the key before is kept");
    let nothing = change(&dir.path().join("no.key"));
    assert!(matches!(nothing, Err(KeyError::None(_))));
}

fn vault_with_no_key(dir: &Path) -> Vault {
    Vault { disk: Box::new(RealDisk), dir: dir.join("data/secrets"), cluster: "cluster".to_owned(), key: None }
}
