//! Reading and writing safetensors: Hugging Face's names into the flat buffer and back.

use crate::layout::{Layout, Tensor};
use crate::{ModelError, Parameters};
use safetensors::tensor::{Dtype, Metadata, TensorInfo, TensorView};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What to do about the tensors of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// They must be there.
    Required,
    /// They are read when they are there, else left zero.
    Optional,
    /// They are left zero.
    Ignored,
}

/// Fills a flat buffer from `model.safetensors`, or from the shards that `model.safetensors.index.json` names.
///
/// Numbers are read straight into place (f16 and bf16 are widened), so that the weights are never in memory twice.
pub(crate) fn load(dir: &Path, layout: &Layout, head: Head) -> Result<Parameters, ModelError> {
    let mut parameters = Parameters::zeros(layout);
    let wanted: HashMap<&str, &Tensor> = layout
        .tensors()
        .iter()
        .map(|t| (t.name.as_str(), t))
        .collect();
    let mut found = BTreeSet::new();
    let files = files(dir)?;
    for path in &files {
        let mut file = Source::open(path)?;
        for (raw, info) in file.tensors() {
            let name = canonical(&raw);
            if is_head(&name) && !is_pooler(&name) && head == Head::Ignored {
                continue;
            }
            let Some(tensor) = wanted.get(name.as_str()) else {
                if is_unused(&name) || is_head(&name) && head == Head::Optional {
                    continue;
                }
                return Err(ModelError::ExtraTensor {
                    path: path.clone(),
                    name: raw,
                });
            };
            check(path, &raw, &info, tensor)?;
            file.read(&raw, &info, &mut parameters.data[tensor.range.clone()])?;
            found.insert(tensor.range.start);
        }
    }
    let missing = layout.tensors().iter().find(|tensor| {
        let optional = is_head(&tensor.name) && head != Head::Required;
        !optional && !found.contains(&tensor.range.start)
    });
    match missing {
        None => Ok(parameters),
        Some(tensor) if tensor.name.starts_with("classifier.") => Err(ModelError::NoHead {
            path: dir.to_owned(),
        }),
        Some(tensor) => Err(ModelError::MissingTensor {
            path: if files.len() == 1 {
                files[0].clone()
            } else {
                dir.to_owned()
            },
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
        }),
    }
}

/// Writes these tensors in f32 under these names.
pub(crate) fn save<'a>(
    path: &Path,
    named: impl Iterator<Item = (String, &'a Tensor)>,
    parameters: &Parameters,
) -> Result<(), ModelError> {
    let damaged = |error: safetensors::SafeTensorError| match error {
        safetensors::SafeTensorError::IoError(source) => ModelError::Io {
            path: path.to_owned(),
            source,
        },
        other => ModelError::Damaged {
            path: path.to_owned(),
            message: other.to_string(),
        },
    };
    let mut views = Vec::new();
    for (name, tensor) in named {
        let bytes = bytemuck::cast_slice(parameters.at(&tensor.range));
        views.push((
            name,
            TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(damaged)?,
        ));
    }
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    // Made here, so that it has the rights that a new file has for this user: the library's would be for its owner alone.
    std::fs::File::create(path).map_err(|source| ModelError::Io {
        path: path.to_owned(),
        source,
    })?;
    safetensors::serialize_to_file(views, Some(metadata), path).map_err(damaged)
}

/// The weight files of a folder.
fn files(dir: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let single = dir.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let index = dir.join("model.safetensors.index.json");
    if index.is_file() {
        #[derive(serde::Deserialize)]
        struct Index {
            weight_map: BTreeMap<String, String>,
        }
        let text = std::fs::read(&index).map_err(|source| ModelError::Io {
            path: index.clone(),
            source,
        })?;
        let parsed: Index = serde_json::from_slice(&text).map_err(|source| ModelError::Json {
            path: index.clone(),
            source,
        })?;
        let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
        return Ok(names.into_iter().map(|name| dir.join(name)).collect());
    }
    if !dir.is_dir() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no such folder");
        return Err(ModelError::Io {
            path: dir.to_owned(),
            source,
        });
    }
    let hint = if dir.join("adapter_model.safetensors").is_file() {
        "; adapter_model.safetensors is there: `bert-ner merge` folds it into its base model"
    } else if dir.join("pytorch_model.bin").is_file() {
        "; pytorch_model.bin is there: convert it with transformers' save_pretrained, which writes safetensors"
    } else {
        ""
    };
    Err(ModelError::NoWeights {
        path: dir.to_owned(),
        hint,
    })
}

/// The name under which a tensor of a published checkpoint stands in the layout: with the `bert.` prefix, and
/// `LayerNorm.weight` for TensorFlow's `LayerNorm.gamma`.
pub(crate) fn canonical(raw: &str) -> String {
    let name = raw
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias");
    if name.starts_with("embeddings.")
        || name.starts_with("encoder.")
        || name.starts_with("pooler.")
    {
        format!("bert.{name}")
    } else {
        name
    }
}

/// Parts of a tagger that a pretrained encoder does not have.
fn is_head(name: &str) -> bool {
    ["rnn.", "classifier.", "crf."]
        .iter()
        .any(|head| name.starts_with(head))
        || is_pooler(name)
}

/// Part of a pretrained encoder, but not of every one, and of the head of a classifier of texts.
fn is_pooler(name: &str) -> bool {
    name.starts_with("bert.pooler.")
}

/// Parts of published BERT checkpoints that a classifier does not use: the pooler (that of texts does), pre-training heads and
/// old buffers.
fn is_unused(name: &str) -> bool {
    is_pooler(name) || name.starts_with("cls.") || name == "bert.embeddings.position_ids"
}

pub(crate) fn check_dtype(path: &Path, raw: &str, info: &TensorInfo) -> Result<(), ModelError> {
    if matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
        return Ok(());
    }
    Err(ModelError::Dtype {
        path: path.to_owned(),
        name: raw.to_owned(),
        found: format!("{:?}", info.dtype),
    })
}

fn check(path: &Path, raw: &str, info: &TensorInfo, tensor: &Tensor) -> Result<(), ModelError> {
    if info.shape != tensor.shape {
        return Err(ModelError::Shape {
            path: path.to_owned(),
            name: raw.to_owned(),
            found: info.shape.clone(),
            expected: tensor.shape.clone(),
            because: tensor.because,
        });
    }
    check_dtype(path, raw, info)
}

/// An open safetensors file whose header has been checked.
pub(crate) struct Source {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the numbers begin.
    start: u64,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::Io {
            path: path.to_owned(),
            source,
        };
        let damaged = |message: String| ModelError::Damaged {
            path: path.to_owned(),
            message,
        };
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut prefix = [0; 8];
        file.read_exact(&mut prefix)
            .map_err(|_| damaged(format!("it has {size} bytes, fewer than a header's 8")))?;
        let length = u64::from_le_bytes(prefix);
        if length.saturating_add(8) > size {
            return Err(damaged(format!(
                "its header claims {length} bytes, but the file has {size}"
            )));
        }
        let mut header = Vec::new();
        (&file).take(length).read_to_end(&mut header).map_err(io)?;
        // Deserialising checks that the tensors lie one behind the other and are as long as their shapes.
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| damaged(format!("its header is not valid: {error}")))?;
        let start = length + 8;
        let expected = start + metadata.data_len() as u64;
        if size != expected {
            return Err(damaged(format!(
                "it has {size} bytes where its header promises {expected}"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
            start,
        })
    }

    /// Names and descriptions, in the order of the file.
    pub(crate) fn tensors(&self) -> Vec<(String, TensorInfo)> {
        let mut all: Vec<_> = self
            .metadata
            .tensors()
            .into_iter()
            .map(|(name, info)| (name, info.clone()))
            .collect();
        all.sort_by_key(|(_, info)| info.data_offsets.0);
        all
    }

    /// Reads one tensor's numbers into `out`.
    pub(crate) fn read(
        &mut self,
        name: &str,
        info: &TensorInfo,
        out: &mut [f32],
    ) -> Result<(), ModelError> {
        let io = |source| ModelError::Io {
            path: self.path.clone(),
            source,
        };
        self.file
            .seek(SeekFrom::Start(self.start + info.data_offsets.0 as u64))
            .map_err(io)?;
        if info.dtype == Dtype::F32 {
            self.file
                .read_exact(bytemuck::cast_slice_mut(out))
                .map_err(io)?;
            if cfg!(target_endian = "big") {
                out.iter_mut()
                    .for_each(|x| *x = f32::from_bits(x.to_bits().swap_bytes()));
            }
        } else {
            let mut bytes = vec![0; 2 * out.len()];
            self.file.read_exact(&mut bytes).map_err(io)?;
            for (x, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *x = match info.dtype {
                    Dtype::F16 => half::f16::from_le_bytes(*pair).to_f32(),
                    _ => half::bf16::from_le_bytes(*pair).to_f32(),
                };
            }
        }
        match out.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(at) => Err(ModelError::Damaged {
                path: self.path.clone(),
                message: format!("tensor {name:?} holds {} at element {at}", out[at]),
            }),
        }
    }
}
