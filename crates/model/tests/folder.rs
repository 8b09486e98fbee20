//! Model folders: what opens, what is refused and with which words, and that nothing is lost in a round trip.

use bert_ner_model::{Heads, Model, ModelError};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

type Tensors = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny-bert")
}

fn tensors() -> Tensors {
    let bytes = std::fs::read(tiny().join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .map(|(n, v)| (n, v.dtype(), v.shape().to_vec(), v.data().to_vec()))
        .collect()
}

fn write(path: &Path, tensors: &Tensors) {
    let views = tensors
        .iter()
        .map(|(n, d, s, b)| (n, TensorView::new(*d, s.clone(), b).unwrap()));
    safetensors::serialize_to_file(views, None::<HashMap<String, String>>, path).unwrap();
}

/// A copy of the tiny model with its configuration and tensors changed.
fn folder(config: impl FnOnce(&mut Value), change: impl FnOnce(&mut Tensors)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut value: Value =
        serde_json::from_slice(&std::fs::read(tiny().join("config.json")).unwrap()).unwrap();
    config(&mut value);
    std::fs::write(dir.path().join("config.json"), value.to_string()).unwrap();
    let mut all = tensors();
    change(&mut all);
    write(&dir.path().join("model.safetensors"), &all);
    dir
}

fn refusal(dir: &Path) -> String {
    Model::load(dir)
        .expect_err("this folder must be refused")
        .to_string()
}

#[test]
fn a_saved_folder_loads_to_the_same_weights_labels_and_foreign_keys() {
    let model = Model::load(&tiny()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    model.save(dir.path()).unwrap();
    let again = Model::load(dir.path()).unwrap();
    assert_eq!(model.parameters.data, again.parameters.data);
    assert_eq!(model.labels(), again.labels());
    assert_eq!(model.config(), again.config());
    assert!(
        again.config().other.contains_key("transformers_version"),
        "keys of others are kept"
    );
}

#[test]
fn names_without_prefix_and_a_pooler_open_too() {
    let dir = folder(
        |_| {},
        |all| {
            for (name, ..) in all.iter_mut() {
                *name = name
                    .trim_start_matches("bert.")
                    .replace("LayerNorm.weight", "LayerNorm.gamma");
            }
            all.push(("pooler.dense.bias".into(), Dtype::F32, vec![1], vec![0; 4]));
        },
    );
    assert_eq!(
        Model::load(dir.path()).unwrap().parameters.data,
        Model::load(&tiny()).unwrap().parameters.data
    );
}

#[test]
fn shards_open_like_one_file() {
    let dir = folder(|_| {}, |_| {});
    std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    let mut all = tensors();
    let rest = all.split_off(7);
    let mut map = serde_json::Map::new();
    for (file, part) in [("a.safetensors", &all), ("b.safetensors", &rest)] {
        write(&dir.path().join(file), part);
        map.extend(
            part.iter()
                .map(|(name, ..)| (name.clone(), Value::from(file))),
        );
    }
    std::fs::write(
        dir.path().join("model.safetensors.index.json"),
        json!({ "weight_map": map }).to_string(),
    )
    .unwrap();
    assert_eq!(
        Model::load(dir.path()).unwrap().parameters.data,
        Model::load(&tiny()).unwrap().parameters.data
    );
    std::fs::remove_file(dir.path().join("b.safetensors")).unwrap();
    assert!(
        refusal(dir.path()).contains("b.safetensors"),
        "the missing shard is named"
    );
}

#[test]
fn half_precision_weights_are_widened() {
    for dtype in [Dtype::F16, Dtype::BF16] {
        let dir = folder(
            |_| {},
            |all| {
                for (_, kind, _, bytes) in all.iter_mut() {
                    *kind = dtype;
                    let narrow = |b: &[u8; 4]| match dtype {
                        Dtype::F16 => half::f16::from_f32(f32::from_le_bytes(*b)).to_le_bytes(),
                        _ => half::bf16::from_f32(f32::from_le_bytes(*b)).to_le_bytes(),
                    };
                    *bytes = bytes.as_chunks::<4>().0.iter().flat_map(narrow).collect();
                }
            },
        );
        let (narrow, full) = (
            Model::load(dir.path()).unwrap(),
            Model::load(&tiny()).unwrap(),
        );
        let worst = narrow
            .parameters
            .data
            .iter()
            .zip(&full.parameters.data)
            .map(|(a, b)| (a - b).abs() / b.abs().max(1e-3));
        assert!(worst.fold(0.0, f32::max) < 4e-3);
    }
}

#[test]
fn other_architectures_and_impossible_values_are_refused_by_name() {
    let cases: [(&str, Value, &str); 7] = [
        (
            "model_type",
            json!("roberta"),
            "model_type \"roberta\" is not supported; expected \"bert\"",
        ),
        (
            "position_embedding_type",
            json!("relative_key"),
            "position_embedding_type \"relative_key\" is not supported",
        ),
        (
            "hidden_act",
            json!("silu"),
            "hidden_act \"silu\" is not supported; expected \"gelu\", \"gelu_new\" or \"relu\"",
        ),
        (
            "is_decoder",
            json!(true),
            "is_decoder = true is not supported",
        ),
        (
            "num_attention_heads",
            json!(5),
            "hidden_size 24 is not a multiple of num_attention_heads 5",
        ),
        (
            "layer_norm_eps",
            json!(0.0),
            "layer_norm_eps is 0, expected more than 0",
        ),
        (
            "initializer_range",
            json!(-0.02),
            "initializer_range is -0.02, expected a standard deviation of at least 0",
        ),
    ];
    for (key, value, message) in cases {
        let dir = folder(|config| config[key] = value, |_| {});
        let got = refusal(dir.path());
        assert!(
            got.contains(message) && got.contains("config.json"),
            "{got}"
        );
    }
}

#[test]
fn numbers_beyond_single_precision_are_refused() {
    // By the parser or by the check, as the features of the parser have it.
    for key in ["layer_norm_eps", "initializer_range"] {
        let dir = folder(|config| config[key] = json!(1e300), |_| {});
        let got = refusal(dir.path());
        assert!(got.contains("out of range") || got.contains(key), "{got}");
    }
}

#[test]
fn a_shape_that_contradicts_the_configuration_names_tensor_shapes_and_keys() {
    let dir = folder(|config| config["vocab_size"] = json!(70), |_| {});
    let got = refusal(dir.path());
    assert!(got.contains("word_embeddings.weight\" has shape [61, 24], but config.json asks for [70, 24] (vocab_size and hidden_size)"), "{got}");
}

#[test]
fn missing_and_extra_tensors_are_named() {
    let dir = folder(
        |_| {},
        |all| all.retain(|(name, ..)| name != "bert.encoder.layer.1.output.dense.bias"),
    );
    assert!(
        refusal(dir.path())
            .contains("tensor \"bert.encoder.layer.1.output.dense.bias\" of shape [24] is missing")
    );
    let dir = folder(
        |_| {},
        |all| {
            all.push((
                "bert.encoder.layer.3.x".into(),
                Dtype::F32,
                vec![1],
                vec![0; 4],
            ))
        },
    );
    assert!(refusal(dir.path()).contains("\"bert.encoder.layer.3.x\" is not part of"));
    let dir = folder(
        |_| {},
        |all| all.retain(|(name, ..)| !name.starts_with("classifier")),
    );
    assert!(matches!(
        Model::load(dir.path()),
        Err(ModelError::NoHead { .. })
    ));
}

#[test]
fn a_truncated_or_corrupt_file_is_said_to_be_so() {
    let whole = std::fs::read(tiny().join("model.safetensors")).unwrap();
    for len in [0, 5, 8, 100, 3000, whole.len() - 1] {
        let dir = folder(|_| {}, |_| {});
        std::fs::write(dir.path().join("model.safetensors"), &whole[..len]).unwrap();
        let got = refusal(dir.path());
        assert!(
            got.contains("not a whole safetensors file"),
            "cut at {len}: {got}"
        );
    }
    let dir = folder(|_| {}, |_| {});
    std::fs::write(
        dir.path().join("model.safetensors"),
        b"\xff\xff\xff\xff\xff\xff\xff\xffjunk",
    )
    .unwrap();
    assert!(refusal(dir.path()).contains("its header claims"));
    let dir = folder(
        |_| {},
        |all| all[3].3[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
    );
    assert!(refusal(dir.path()).contains("holds NaN at element 0"));
}

#[test]
fn a_broken_configuration_is_reported_with_its_line() {
    let dir = folder(|_| {}, |_| {});
    std::fs::write(
        dir.path().join("config.json"),
        "{\n  \"vocab_size\": 61,\n  oops\n}",
    )
    .unwrap();
    assert!(refusal(dir.path()).contains("line 3 column 3"));
    std::fs::write(dir.path().join("config.json"), "{\"vocab_size\": 61}").unwrap();
    assert!(refusal(dir.path()).contains("missing field `hidden_size`"));
}

#[test]
fn a_head_without_labels_is_refused() {
    let refused = Model::from_pretrained(&tiny(), Vec::new(), 7);
    assert!(matches!(refused, Err(ModelError::NoLabels { .. })));
}

#[test]
fn a_new_head_is_drawn_from_the_seed_and_an_old_one_of_the_same_labels_kept() {
    let labels = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
    let head = |model: &Model| {
        let tensor = model
            .layout()
            .tensors()
            .iter()
            .find(|t| t.name == "classifier.weight")
            .unwrap();
        model.parameters.data[tensor.range.clone()].to_vec()
    };
    let old = Model::load(&tiny()).unwrap();
    let same = Model::from_pretrained(&tiny(), old.labels().to_vec(), 7).unwrap();
    assert_eq!(head(&same), head(&old));
    let new =
        |seed| head(&Model::from_pretrained(&tiny(), labels(&["O", "B-X", "I-X"]), seed).unwrap());
    assert_eq!(new(1).len(), 3 * 24);
    assert_eq!(new(1), new(1));
    assert_ne!(new(1), new(2));
    let deviation = (new(3).iter().map(|w| w * w).sum::<f32>() / 72.0).sqrt();
    assert!((0.012..0.028).contains(&deviation), "deviation {deviation}");
}

#[test]
fn a_model_from_scratch_has_the_shape_of_the_configuration_and_weights_of_the_seed() {
    let dir = folder(|config| config["initializer_range"] = json!(0.05), |_| ());
    std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    let labels = || vec!["O".to_owned(), "B-X".to_owned(), "I-X".to_owned()];
    let begin = |seed| Model::from_scratch(dir.path(), labels(), Heads::default(), seed).unwrap();
    let model = begin(7);
    let of = |name: &str| {
        let tensor = model
            .layout()
            .tensors()
            .iter()
            .find(|tensor| tensor.name == name);
        &model.parameters.data[tensor.unwrap().range.clone()]
    };
    for tensor in model.layout().tensors() {
        let weights = of(&tensor.name);
        if tensor.name.ends_with("LayerNorm.weight") {
            assert!(weights.iter().all(|&w| w == 1.0), "{}", tensor.name);
        } else if tensor.name.ends_with("bias") {
            assert!(weights.iter().all(|&w| w == 0.0), "{}", tensor.name);
        }
    }
    let query = "bert.encoder.layer.0.attention.self.query.weight";
    let weights = of(query);
    let n = weights.len() as f32;
    let mean = weights.iter().sum::<f32>() / n;
    let deviation = (weights.iter().map(|w| (w - mean).powi(2)).sum::<f32>() / n).sqrt();
    // Within four standard errors.
    assert!(mean.abs() < 4.0 * 0.05 / n.sqrt(), "{mean}");
    assert!(
        (deviation - 0.05).abs() < 4.0 * 0.05 / (2.0 * n).sqrt(),
        "{deviation}"
    );
    assert_ne!(
        weights,
        of("bert.encoder.layer.0.attention.self.key.weight")
    );
    // The row of the padding piece, which `nn.Embedding(padding_idx=0)` keeps zero.
    let hidden = model.config().hidden_size;
    let words = of("bert.embeddings.word_embeddings.weight");
    assert!(words[..hidden].iter().all(|&w| w == 0.0));
    assert!(words[hidden..].iter().all(|&w| w != 0.0));
    assert_eq!(model.parameters.data, begin(7).parameters.data);
    assert_ne!(model.parameters.data, begin(8).parameters.data);
    assert_eq!(model.labels(), labels());
}
