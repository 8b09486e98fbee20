//! Patterns of files as shells have them: `*` and `?` within a name, `[a-c]`, `**` for any folders; what is hidden only where the
//! pattern spells its dot.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::inputs::is_hidden;
use crate::failure::at;

const WILD: [char; 3] = ['*', '?', '['];

/// A pattern, cut where it stops to be a plain path.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The folder before the first part that may stand for several names.
    folder: PathBuf,
    parts: Vec<Part>,
    hidden: bool,
    /// Whether it says which extension its files have.
    pub(crate) has_extension: bool,
}

#[derive(Debug)]
enum Part {
    /// `**`
    Folders,
    Name(glob::Pattern),
}

impl Pattern {
    /// The pattern that was typed; `None` where it is a plain path.
    ///
    /// # Errors
    /// When a part is none, such as `[`.
    pub(crate) fn parse(typed: &Path) -> Result<Option<Self>> {
        let is_wild = |name: &OsStr| name.to_string_lossy().contains(WILD);
        let plain = typed.iter().take_while(|name| !is_wild(name)).count();
        if plain == typed.iter().count() {
            return Ok(None);
        }
        let rest: Vec<_> = typed
            .iter()
            .skip(plain)
            .map(OsStr::to_string_lossy)
            .collect();
        let part = |name: &std::borrow::Cow<'_, str>| match name.as_ref() {
            "**" => Ok(Part::Folders),
            name => glob::Pattern::new(name).map(Part::Name),
        };
        let parts: Result<_, _> = rest.iter().map(part).collect();
        let extension = typed.extension();
        Ok(Some(Self {
            folder: typed.iter().take(plain).collect(),
            parts: parts.map_err(|error| anyhow!("{}: is no pattern: {error}", typed.display()))?,
            hidden: rest.iter().any(|name| name.starts_with('.')),
            has_extension: extension.is_some_and(|extension| !is_wild(extension)),
        }))
    }

    /// The folder that all it may stand for lies in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files that it stands for, in the order of their names.
    ///
    /// # Errors
    /// When a folder cannot be looked into.
    pub(crate) fn files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        if self.folder.as_os_str().is_empty() || self.folder.is_dir() {
            self.walk(&self.folder, &self.parts, &mut found)?;
        }
        Ok(found)
    }

    /// Adds the files below `folder` that `parts` stand for.
    fn walk(&self, folder: &Path, parts: &[Part], found: &mut BTreeSet<PathBuf>) -> Result<()> {
        let Some((part, rest)) = parts.split_first() else {
            return Ok(());
        };
        if matches!(part, Part::Folders) {
            self.walk(folder, rest, found)?;
        }
        let listed = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        for entry in fs::read_dir(listed).map_err(|error| at(listed, error))? {
            let entry = entry.map_err(|error| at(listed, error))?;
            let name = entry.file_name();
            if is_hidden(&name) && !self.hidden {
                continue;
            }
            let path = folder.join(&name);
            let deeper = match part {
                // A link may lead back to where it is.
                Part::Folders if !path.is_symlink() => parts,
                Part::Name(pattern) if pattern.matches(&name.to_string_lossy()) => rest,
                _ => continue,
            };
            if path.is_dir() {
                self.walk(&path, deeper, found)?;
            } else if rest.is_empty() && path.is_file() {
                found.insert(path);
            }
        }
        Ok(())
    }
}
