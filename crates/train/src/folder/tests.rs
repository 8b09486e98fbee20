use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

fn write(folder: &OutputFolder, text: &str) -> Result<(), TrainError> {
    write_by(folder, text, exchange)
}

fn write_by(folder: &OutputFolder, text: &str, by: Exchange) -> Result<(), TrainError> {
    let staging = folder.stage().unwrap();
    fs::write(staging.path().join("config.json"), text).unwrap();
    staging.publish_by(by)
}

fn config(folder: &Path) -> String {
    fs::read_to_string(folder.join("config.json")).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn no_exchange(_: &Path, _: &Path) -> io::Result<()> {
    // EINVAL, as NFS answers.
    Err(io::Error::from_raw_os_error(22))
}

#[test]
fn a_published_folder_replaces_the_old_one_and_leaves_nothing_beside_it() {
    for by in [exchange as Exchange, no_exchange] {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("deep/model");
        let folder = OutputFolder::take(&target, false).unwrap();
        for text in ["first", "second"] {
            write_by(&folder, text, by).unwrap();
            assert_eq!(config(&target), text);
        }
        drop(folder);
        assert_eq!(names(&dir.path().join("deep")), ["model"]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn there_is_a_whole_model_at_every_moment_of_a_replacement() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    let folder = OutputFolder::take(&target, false).unwrap();
    write(&folder, "0").unwrap();
    let done = AtomicBool::new(false);
    let missing = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut missing = 0;
            while !done.load(Ordering::Relaxed) {
                missing += usize::from(!target.join("config.json").exists());
            }
            missing
        });
        for n in 1..100 {
            write(&folder, &n.to_string()).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert_eq!(missing, 0);
}

#[test]
fn what_a_kill_between_two_renames_left_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    for (kind, text) in [("old", "the model"), ("partial", "half of the next")] {
        let path = sibling(&target, kind);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("config.json"), text).unwrap();
    }
    fs::write(sibling(&target, "lock"), "").unwrap();
    let refused = OutputFolder::take(&target, false);
    assert!(matches!(refused, Err(TrainError::OutputExists { .. })));
    assert_eq!(config(&target), "the model");
    assert_eq!(names(dir.path()), ["model"]);
}

#[test]
fn a_model_that_cannot_be_put_in_its_place_is_kept_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    let folder = OutputFolder::take(&target, false).unwrap();
    fs::write(&target, "somebody's file").unwrap();
    let mut kept = Vec::new();
    for text in ["first", "second"] {
        let error = write(&folder, text).unwrap_err();
        let TrainError::Unpublished { kept: path, .. } = &error else {
            panic!("{error}");
        };
        assert!(error.to_string().contains(&path.display().to_string()));
        assert_eq!(config(path), text);
        kept.push(path.clone());
    }
    drop(folder);
    assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's file");
    // The next run leaves them alone.
    fs::remove_file(&target).unwrap();
    write(&OutputFolder::take(&target, false).unwrap(), "third").unwrap();
    assert_eq!(
        (config(&kept[0]), config(&kept[1])),
        ("first".into(), "second".into())
    );
}

#[test]
fn a_rename_that_fails_puts_the_old_model_back() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    let folder = OutputFolder::take(&target, false).unwrap();
    write(&folder, "old").unwrap();
    let staging = folder.stage().unwrap();
    // Gone: the second rename has nothing to move.
    fs::remove_dir(staging.path()).unwrap();
    assert!(staging.rename_twice().is_err());
    assert_eq!(config(&target), "old");
}

#[test]
fn a_second_run_with_the_same_output_is_refused_until_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    let first = OutputFolder::take(&target, false).unwrap();
    let error = OutputFolder::take(&target, true).unwrap_err();
    assert!(matches!(error, TrainError::OutputBusy { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(&target.display().to_string()), "{error}");
    write(&first, "first").unwrap();
    drop(first);
    write(&OutputFolder::take(&target, true).unwrap(), "second").unwrap();
    assert_eq!(config(&target), "second");
}

#[test]
fn a_staging_folder_that_is_dropped_leaves_the_target_alone() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("config.json"), "kept").unwrap();
    let folder = OutputFolder::take(&target, true).unwrap();
    drop(folder.stage().unwrap());
    drop(folder);
    assert_eq!(config(&target), "kept");
    assert_eq!(names(dir.path()), ["model"]);
}

#[test]
#[cfg(unix)]
fn a_link_keeps_pointing_where_it_points() {
    let dir = tempfile::tempdir().unwrap();
    let (link, place) = (dir.path().join("link"), dir.path().join("place"));
    fs::create_dir(&place).unwrap();
    std::os::unix::fs::symlink("place", &link).unwrap();
    write(&OutputFolder::take(&link, false).unwrap(), "model").unwrap();
    assert!(link.is_symlink());
    assert_eq!(config(&place), "model");
}

#[test]
#[cfg(target_os = "linux")]
fn a_mount_point_is_refused_before_anything_is_computed() {
    let error = OutputFolder::take(Path::new("/proc"), true).unwrap_err();
    assert!(
        error.to_string().contains("/proc, a mount point"),
        "{error}"
    );
}

#[test]
fn only_model_folders_may_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    check(&target, false).unwrap();
    fs::create_dir(&target).unwrap();
    check(&target, false).unwrap();
    fs::write(target.join("thesis.tex"), "").unwrap();
    assert!(matches!(
        check(&target, false),
        Err(TrainError::OutputExists { .. })
    ));
    assert!(matches!(
        check(&target, true),
        Err(TrainError::NotAModelFolder { .. })
    ));
    fs::write(target.join("config.json"), "{}").unwrap();
    check(&target, true).unwrap();
}
