//! Files appear whole or not at all.

use std::fs;
use std::io::Write;

use bert_ner_text::atomic::{self, AtomicFile};
use bert_ner_text::{Format, Sentence, WriteOptions, create_file};

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_at_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    file.flush().unwrap();
    assert!(!path.exists());
    file.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(&folder), ["out"]);
}

#[test]
fn a_file_that_is_dropped_leaves_the_old_one_and_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    atomic::write(&path, b"old").unwrap();
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    drop(file);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(&folder), ["out"]);
}

#[test]
fn a_folder_in_the_way_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(AtomicFile::create(folder.path()).is_err());
    assert!(AtomicFile::create(&folder.path().join("no/such/folder")).is_err());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_keeps_pointing_where_it_points() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, b"old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    atomic::write(&link, b"new").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert!(
        fs::symlink_metadata(&link)
            .unwrap()
            .file_type()
            .is_symlink()
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    fs::write(&path, b"old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    atomic::write(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let mut file = AtomicFile::create(std::path::Path::new("/dev/full")).unwrap();
    file.write_all(b"x").unwrap();
    assert!(file.commit().is_err());
}

#[test]
fn a_writer_that_fails_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.conll");
    let mut writer = create_file(&path, Format::Conll, &WriteOptions::default()).unwrap();
    writer
        .write(&Sentence::from_words(&["good"], None))
        .unwrap();
    assert!(
        writer
            .write(&Sentence::from_words(&["b\nad"], None))
            .is_err()
    );
    drop(writer);
    assert_eq!(names(&folder), [] as [&str; 0]);
    let mut writer = create_file(&path, Format::Conll, &WriteOptions::default()).unwrap();
    writer
        .write(&Sentence::from_words(&["good"], None))
        .unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"good\n\n");
}
