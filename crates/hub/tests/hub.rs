//! Names become folders, against a server that speaks the Hub's paths.

mod support;

use std::io::Read;
use std::path::Path;

use bert_ner_hub::{Hub, HubError, HubOptions};
use support::{Delivery, FakeHub, FakeRepo};

const MODEL: &[(&str, &[u8])] = &[
    ("config.json", b"{}"),
    ("tokenizer.json", b"{\"model\": 1}"),
    ("tokenizer_config.json", b"{\"do_lower_case\": true}"),
    ("model.safetensors", b"weights of the model"),
    ("pytorch_model.bin", b"never asked for"),
];

fn hub(endpoint: &str, cache: &Path, offline: bool) -> Hub {
    Hub::new(HubOptions {
        endpoint: endpoint.to_owned(),
        cache: Some(cache.to_path_buf()),
        token: None,
        offline,
        progress: false,
    })
    .unwrap()
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn a_model_is_fetched_once_and_then_needs_no_network() {
    let server = FakeHub::start(vec![FakeRepo::new("models", "org/bert", MODEL)]);
    let cache = tempfile::tempdir().unwrap();
    let folder = hub(&server.endpoint, cache.path(), false)
        .model(&"org/bert".parse().unwrap())
        .unwrap();
    assert_eq!(read(&folder, "model.safetensors"), "weights of the model");
    assert_eq!(
        read(&folder, "tokenizer_config.json"),
        "{\"do_lower_case\": true}"
    );
    assert!(!folder.join("pytorch_model.bin").exists());
    let asked = server.requests().len();
    for offline in [false, true] {
        let again = hub(&server.endpoint, cache.path(), offline)
            .model(&"org/bert".parse().unwrap())
            .unwrap();
        assert_eq!(again, folder);
    }
    assert_eq!(server.requests().len(), asked);
    // A commit names its own folder.
    let pinned =
        hub(&server.endpoint, cache.path(), true).model(&"org/bert@0123abcd".parse().unwrap());
    assert_eq!(pinned.unwrap(), folder);
}

#[test]
fn a_name_without_owner_and_a_revision_with_a_slash_are_found() {
    let mut repo = FakeRepo::new("models", "bert", MODEL);
    repo.revision = "refs/pr/1";
    let server = FakeHub::start(vec![repo]);
    let cache = tempfile::tempdir().unwrap();
    let hub = hub(&server.endpoint, cache.path(), false);
    let folder = hub.model(&"bert@refs/pr/1".parse().unwrap()).unwrap();
    assert_eq!(read(&folder, "config.json"), "{}");
    let error = hub.model(&"bert@v2".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "bert is no folder here, and {} has no repository of that name at revision v2",
            server.endpoint
        )
    );
}

#[test]
fn redirects_of_either_kind_are_followed() {
    for delivery in [Delivery::RelativeRedirect, Delivery::AbsoluteRedirect] {
        let mut repo = FakeRepo::new("models", "org/bert", MODEL);
        repo.delivery = delivery;
        let server = FakeHub::start(vec![repo]);
        let cache = tempfile::tempdir().unwrap();
        let folder = hub(&server.endpoint, cache.path(), false)
            .model(&"org/bert".parse().unwrap())
            .unwrap();
        assert_eq!(read(&folder, "model.safetensors"), "weights of the model");
    }
}

#[test]
fn every_shard_of_sharded_weights_is_fetched() {
    let index = br#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}"#;
    let files: &[(&str, &[u8])] = &[
        ("config.json", b"{}"),
        ("vocab.txt", b"[UNK]"),
        ("model.safetensors.index.json", index),
        ("model-1.safetensors", b"one"),
        ("model-2.safetensors", b"two"),
    ];
    let server = FakeHub::start(vec![FakeRepo::new("models", "org/bert", files)]);
    let cache = tempfile::tempdir().unwrap();
    let folder = hub(&server.endpoint, cache.path(), false)
        .model(&"org/bert".parse().unwrap())
        .unwrap();
    assert_eq!(
        read(&folder, "model-1.safetensors") + &read(&folder, "model-2.safetensors"),
        "onetwo"
    );
    assert_eq!(
        hub(&server.endpoint, cache.path(), true)
            .model(&"org/bert".parse().unwrap())
            .unwrap(),
        folder
    );
}

#[test]
fn a_shard_outside_of_the_repository_is_refused() {
    let files: &[(&str, &[u8])] = &[
        ("config.json", b"{}"),
        ("vocab.txt", b"[UNK]"),
        (
            "model.safetensors.index.json",
            br#"{"weight_map": {"a": "../../../evil"}}"#,
        ),
    ];
    let server = FakeHub::start(vec![FakeRepo::new("models", "org/bert", files)]);
    let cache = tempfile::tempdir().unwrap();
    let error = hub(&server.endpoint, cache.path(), false)
        .model(&"org/bert".parse().unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "org/bert names a file outside of itself: \"../../../evil\""
    );
}

#[test]
fn a_line_cut_in_mid_file_leaves_no_model_and_is_resumed() {
    let cut = || {
        let mut repo = FakeRepo::new("models", "org/bert", MODEL);
        repo.delivery = Delivery::Cut;
        repo
    };
    let cache = tempfile::tempdir().unwrap();
    let server = FakeHub::start(vec![cut()]);
    let error = hub(&server.endpoint, cache.path(), false).model(&"org/bert".parse().unwrap());
    assert!(error.is_err());
    let error = hub(&server.endpoint, cache.path(), true)
        .model(&"org/bert".parse().unwrap())
        .unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }));
    let server = FakeHub::start(vec![FakeRepo::new("models", "org/bert", MODEL)]);
    let folder = hub(&server.endpoint, cache.path(), false)
        .model(&"org/bert".parse().unwrap())
        .unwrap();
    assert_eq!(read(&folder, "model.safetensors"), "weights of the model");
}

#[test]
fn what_cannot_be_had_is_said_plainly() {
    let refused = |name, status| {
        let mut repo = FakeRepo::new("models", name, MODEL);
        repo.delivery = Delivery::Refused(status);
        repo
    };
    let server = FakeHub::start(vec![
        FakeRepo::new(
            "models",
            "org/pickled",
            &[
                ("config.json", b"{}"),
                ("vocab.txt", b"a"),
                ("pytorch_model.bin", b"x"),
            ],
        ),
        FakeRepo::new("models", "org/empty", &[]),
        FakeRepo::new(
            "models",
            "org/mute",
            &[("config.json", b"{}"), ("model.safetensors", b"x")],
        ),
        refused("org/gated", 403),
        refused("org/private", 401),
        refused("org/broken", 503),
    ]);
    let endpoint = &server.endpoint;
    let cache = tempfile::tempdir().unwrap();
    let message = |name: &str| {
        hub(endpoint, cache.path(), false)
            .model(&name.parse().unwrap())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message("org/pickled"),
        "org/pickled has no model.safetensors, only pytorch_model.bin, which is not read: convert it \
         with transformers (AutoModel.from_pretrained(...).save_pretrained(...))"
    );
    assert_eq!(
        message("org/empty"),
        "org/empty has no config.json: it is not a Hugging Face BERT model"
    );
    assert_eq!(
        message("org/mute"),
        "org/mute has no tokenizer.json or vocab.txt: it is not a Hugging Face BERT model"
    );
    assert_eq!(
        message("org/gated"),
        format!(
            "org/gated is gated: accept its terms on its page at {endpoint}; to show who you are, set HF_TOKEN"
        )
    );
    assert_eq!(
        message("org/private"),
        format!(
            "{endpoint} does not show org/private: it does not exist, or it is private or gated; \
             to show who you are, set HF_TOKEN"
        )
    );
    assert_eq!(
        message("org/broken"),
        format!("{endpoint} answered org/broken with HTTP status 503")
    );
    assert_eq!(
        message("org/absent"),
        format!(
            "org/absent is no folder here, and {endpoint} has no repository of that name at revision main"
        )
    );
}

#[test]
fn without_a_network_the_message_says_so() {
    let cache = tempfile::tempdir().unwrap();
    let name = "org/bert".parse().unwrap();
    let error = hub("http://127.0.0.1:9", cache.path(), true)
        .model(&name)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "org/bert is not in the local cache, and HF_HUB_OFFLINE forbids to download it"
    );
    // Port 9 of the loopback interface refuses connections; https is spoken to a dead end likewise.
    for endpoint in ["http://127.0.0.1:9", "https://127.0.0.1:9"] {
        let error = hub(endpoint, cache.path(), false).model(&name).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "org/bert is neither a folder here nor in the local cache, and {endpoint} cannot be reached"
            )
        );
    }
}

#[test]
fn https_speaks_tls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let first_byte = std::thread::spawn(move || {
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        byte[0]
    });
    let cache = tempfile::tempdir().unwrap();
    assert!(
        hub(&endpoint, cache.path(), false)
            .model(&"org/bert".parse().unwrap())
            .is_err()
    );
    // RFC 8446, section 5.1: a handshake record begins with 22.
    assert_eq!(first_byte.join().unwrap(), 22);
}

#[test]
fn the_token_is_sent() {
    let server = FakeHub::start(vec![FakeRepo::new("models", "org/bert", MODEL)]);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(HubOptions {
        endpoint: server.endpoint.clone(),
        cache: Some(cache.path().to_path_buf()),
        token: Some("hf_secret".to_owned()),
        offline: false,
        progress: false,
    });
    hub.unwrap().model(&"org/bert".parse().unwrap()).unwrap();
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.ends_with(" as bearer hf_secret"))
    );
}

#[test]
fn a_data_set_gives_its_splits() {
    let files: &[(&str, &[u8])] = &[
        ("README.md", b""),
        ("data/train.jsonl", b"1"),
        ("data/validation.jsonl", b"2"),
        ("data/test.jsonl", b"3"),
    ];
    let server = FakeHub::start(vec![FakeRepo::new("datasets", "org/ner", files)]);
    let cache = tempfile::tempdir().unwrap();
    let fetched = hub(&server.endpoint, cache.path(), false)
        .dataset(&"org/ner".parse().unwrap())
        .unwrap();
    assert_eq!(std::fs::read_to_string(&fetched.train).unwrap(), "1");
    assert_eq!(std::fs::read_to_string(&fetched.dev).unwrap(), "2");
    assert_eq!(
        std::fs::read_to_string(fetched.test.as_ref().unwrap()).unwrap(),
        "3"
    );
    let again = hub(&server.endpoint, cache.path(), true)
        .dataset(&"org/ner".parse().unwrap())
        .unwrap();
    assert_eq!(again, fetched);
}

#[test]
fn a_split_in_shards_is_fetched_whole() {
    let files: &[(&str, &[u8])] = &[
        ("data/train-00000-of-00002.parquet", b"1"),
        ("data/train-00001-of-00002.parquet", b"2"),
        ("data/validation-00000-of-00001.parquet", b"3"),
    ];
    let server = FakeHub::start(vec![FakeRepo::new("datasets", "org/ner", files)]);
    let cache = tempfile::tempdir().unwrap();
    let fetched = hub(&server.endpoint, cache.path(), false)
        .dataset(&"org/ner".parse().unwrap())
        .unwrap();
    assert!(
        fetched.train.ends_with("data/train-0000*-of-00002.parquet"),
        "{fetched:?}"
    );
    let folder = fetched.train.parent().unwrap();
    assert_eq!(read(folder, files[0].0.rsplit('/').next().unwrap()), "1");
    assert_eq!(read(folder, files[1].0.rsplit('/').next().unwrap()), "2");
    assert_eq!(read(folder, "validation-00000-of-00001.parquet"), "3");
    let again = hub(&server.endpoint, cache.path(), true).dataset(&"org/ner".parse().unwrap());
    assert_eq!(again.unwrap(), fetched);
}

#[test]
fn a_data_set_of_scripts_is_taken_from_the_hubs_own_conversion() {
    let mut converted = FakeRepo::new(
        "datasets",
        "org/ner",
        &[
            ("default/train/0000.parquet", b"1"),
            ("default/validation/0000.parquet", b"2"),
        ],
    );
    converted.revision = "refs/convert/parquet";
    converted.commit = "feed";
    let server = FakeHub::start(vec![
        FakeRepo::new("datasets", "org/ner", &[("ner.py", b"")]),
        converted,
    ]);
    let cache = tempfile::tempdir().unwrap();
    let files = hub(&server.endpoint, cache.path(), false)
        .dataset(&"org/ner".parse().unwrap())
        .unwrap();
    assert_eq!(std::fs::read_to_string(&files.train).unwrap(), "1");
    assert_eq!(files.test, None);
}

#[test]
fn a_data_set_without_splits_lists_what_it_has() {
    let server = FakeHub::start(vec![FakeRepo::new(
        "datasets",
        "org/ner",
        &[("ner.py", b""), ("x.zip", b"")],
    )]);
    let cache = tempfile::tempdir().unwrap();
    let error = hub(&server.endpoint, cache.path(), false)
        .dataset(&"org/ner".parse().unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "org/ner has no train and dev splits in Parquet, JSON lines, CoNLL or CSV; its files: ner.py, x.zip"
    );
}
