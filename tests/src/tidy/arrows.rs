//! Who may know whom. The map in `ARCHITECTURE.md` says why.

/// Crate, and the crates of ours that it may depend on.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("disk", &[]),
    ("proto", &["windlass-core"]),
    ("master", &["windlass-core", "windlass-disk", "windlass-proto"]),
    ("agent/shim", &["windlass-core", "windlass-disk"]),
    ("agent", &["windlass-core", "windlass-disk", "windlass-proto", "windlass-shim"]),
    ("cli", &["windlass-agent", "windlass-core", "windlass-master", "windlass-proto"]),
    (
        "tests",
        &[
            "windlass",
            "windlass-core",
            "windlass-disk",
            "windlass-proto",
            "windlass-master",
            "windlass-agent",
            "windlass-shim",
        ],
    ),
];

/// Folder of a room, and the rooms of the same crate that it must not import.
pub(super) const FORBIDDEN_ROOMS: &[(&str, &[&str])] = &[
    (
        "core/src/model",
        &["input", "fact", "effect", "answer", "run", "job", "attempt", "agent", "lane", "place", "world"],
    ),
    ("core/src/pipeline", &["input", "fact", "effect", "run", "job", "agent", "lane", "place", "world"]),
    ("core/src/attempt", &["agent", "lane", "deploy", "place", "world", "run", "job"]),
    ("core/src/place", &["deploy", "pipeline"]),
    ("master/src/facts", &["engine", "http", "link", "logs", "history", "inbox", "triggers", "app"]),
    ("master/src/logs", &["engine::task", "http", "link", "history", "triggers", "app"]),
    ("master/src/blobs", &["engine", "http", "link", "logs", "history", "inbox", "triggers", "app"]),
    ("master/src/link", &["http", "history", "triggers", "app"]),
    ("master/src/http", &["link", "app"]),
    ("master/src/triggers", &["http", "link", "history", "app"]),
    ("master/src/history", &["http", "link", "logs", "triggers", "app"]),
    ("master/src/identity", &["http", "link", "logs", "history", "triggers", "app"]),
    ("agent/src/work", &["link"]),
    ("agent/src/attempts", &["link", "work"]),
    ("agent/src/release", &["link", "work"]),
    ("agent/src/builtin", &["link", "work"]),
    ("disk/src", &["windlass_core", "windlass_proto"]),
];

/// What the core must not contain: clocks, disks, networks, randomness, a runtime.
pub(super) const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "tokio",
    "tonic",
    "sled",
    "new_v4",
    "now_v7",
    "getrandom",
];

/// The one folder with `unsafe`.
pub(super) const UNSAFE_ROOM: &str = "agent/shim/src/process";

/// Parts of names that say nothing, or that say it in another project's words.
pub(super) const WORDS: &[&str] =
    &["manager", "helper", "utils", "slave", "todo!", "unimplemented!", "worker_id", "build_number", "fixme", "xxx:"];
