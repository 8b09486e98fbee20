//! Arrow IPC, stream or file form, and folders written by `datasets.save_to_disk`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use arrow_ipc::reader::{FileReader, StreamReader};

use super::batches::{BatchReader, Batches, Layout};
use super::class_labels::read_json;
use super::guard::Guard;
use super::stream::stream;
use super::{ReadOptions, SentenceReader, shards};
use crate::{Format, TextError};

/// What the file form begins with; the stream form has no such mark.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// Opens the file or folder at `path`.
pub(super) fn open(
    path: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    if path.is_dir() {
        let options = ReadOptions {
            format: Some(Format::Arrow),
            ..options.clone()
        };
        return shards::open(data_files(path)?, &options);
    }
    let file = File::open(path).map_err(|source| TextError::io(path, source))?;
    let guard = Guard::new(path, "Arrow IPC stream or file");
    let mut input = BufReader::new(file);
    let mut magic = Vec::new();
    (&mut input)
        .take(FILE_MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .and_then(|_| input.rewind())
        .map_err(|source| TextError::io(path, source))?;
    let (schema, batches): (_, Batches) = if magic == FILE_MAGIC {
        let reader = guard.run(|| FileReader::try_new(input, None))?;
        (reader.schema(), Box::new(reader))
    } else {
        let reader = guard.run(|| StreamReader::try_new(input, None))?;
        (reader.schema(), Box::new(reader))
    };
    let layout = Layout::new(&schema, options).map_err(|message| TextError::file(path, message))?;
    Ok(stream(BatchReader::new(
        guard,
        batches,
        (&schema, layout),
        options,
    )))
}

/// The data files that a saved dataset's `state.json` names.
fn data_files(folder: &Path) -> Result<Vec<PathBuf>, TextError> {
    let Some((path, state)) = read_json(folder.join("state.json"))? else {
        return Err(TextError::file(
            folder,
            "has no state.json, as a folder written by datasets.save_to_disk has; expected one, or \
             a path of .arrow files such as FOLDER/*.arrow",
        ));
    };
    if state
        .get("_indices_data_files")
        .and_then(|files| files.as_array())
        .is_some_and(|it| !it.is_empty())
    {
        return Err(TextError::file(
            &path,
            "the rows are selected through an index file, which is not supported; expected a dataset \
             saved after flatten_indices()",
        ));
    }
    let name = |file: &serde_json::Value| Some(folder.join(file.get("filename")?.as_str()?));
    state
        .get("_data_files")
        .and_then(|files| files.as_array()?.iter().map(name).collect())
        .ok_or_else(|| {
            TextError::file(
                &path,
                "expected \"_data_files\" with a \"filename\" for each file",
            )
        })
}
