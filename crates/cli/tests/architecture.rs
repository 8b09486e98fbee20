//! The rooms of the workspace: which crate may use which.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Every crate and the crates of this workspace that it may use.
const ROOMS: &[(&str, &[&str])] = &[
    ("bert-ner-text", &[]),
    ("bert-ner-score", &["bert-ner-text"]),
    ("bert-ner-kernels", &[]),
    ("bert-ner-tokenize", &["bert-ner-text"]),
    ("bert-ner-model", &["bert-ner-kernels", "bert-ner-text"]),
    (
        "bert-ner-infer",
        &["bert-ner-text", "bert-ner-tokenize", "bert-ner-model"],
    ),
    (
        "bert-ner-train",
        &[
            "bert-ner-text",
            "bert-ner-score",
            "bert-ner-tokenize",
            "bert-ner-model",
            "bert-ner-infer",
        ],
    ),
    ("bert-ner-hub", &[]),
    ("bert-ner-serve", &["bert-ner-infer", "bert-ner-text"]),
    (
        "bert-ner",
        &[
            "bert-ner-text",
            "bert-ner-score",
            "bert-ner-kernels",
            "bert-ner-tokenize",
            "bert-ner-model",
            "bert-ner-infer",
            "bert-ner-train",
            "bert-ner-hub",
            "bert-ner-serve",
        ],
    ),
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .clone()
}

fn name(value: &Value) -> String {
    value["name"].as_str().expect("a name").to_owned()
}

#[test]
fn no_crate_uses_another_than_the_design_allows() {
    let packages = packages();
    let members: BTreeSet<String> = packages.iter().map(name).collect();
    for package in &packages {
        let user = name(package);
        let room = ROOMS.iter().find(|(room, _)| *room == user);
        let (_, allowed) = room.unwrap_or_else(|| panic!("{user} is in no row of ROOMS"));
        for dependency in package["dependencies"]
            .as_array()
            .expect("a list of dependencies")
        {
            let used = name(dependency);
            assert!(
                !members.contains(&used) || allowed.contains(&used.as_str()),
                "{user} uses {used}, which the design does not allow"
            );
        }
    }
}

#[test]
fn unsafe_code_is_denied_everywhere_but_in_kernels() {
    for package in packages() {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let text = std::fs::read_to_string(manifest).expect("a manifest");
        let inherits = text.contains("[lints]\nworkspace = true");
        assert_eq!(inherits, name(&package) != "bert-ner-kernels", "{manifest}");
    }
}
