//! `docs/options.md` says what `--help` says.

mod common;

use std::path::Path;

use common::Bench;

const COMMANDS: [&str; 9] = [
    "train", "sweep", "eval", "predict", "serve", "score", "convert", "merge", "split",
];

const HEAD: &str = "\
# Options

What `bert-ner --help` and `bert-ner COMMAND --help` print. A test keeps this page equal to them;
`BERT_NER_WRITE_DOCS=1 cargo test -p bert-ner --test options` writes it anew.

A settings file (`train --config run.toml`) takes the options of `train` by the same names:

```toml
model = \"bert-base-cased\"
data = \"conll2003/\"
output = \"ner\"
epochs = 5
learning-rate = 1e-4
eval-every = 500        # or \"epoch\"
```

Hub names are fetched as the Python tools fetch them: `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`,
`HF_TOKEN` and `HF_HUB_OFFLINE` mean the same. What is in the cache is used without asking the Hub.

Exit codes: 0 done; 1 failed; 2 the command line cannot be followed; 130 ended by Ctrl-C.
";

#[test]
fn the_page_of_options_is_what_help_prints() {
    let bench = Bench::new();
    let help = |arguments: &[&str]| {
        let ended = bench
            .command(arguments)
            .env("COLUMNS", "100")
            .output()
            .expect("the binary runs");
        assert!(ended.status.success(), "{arguments:?}");
        let text = String::from_utf8(ended.stdout).expect("help is UTF-8");
        text.lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect::<String>()
    };
    let mut page = format!("{HEAD}\n## bert-ner\n\n```text\n{}```\n", help(&["--help"]));
    for command in COMMANDS {
        page.push_str(&format!(
            "\n## {command}\n\n```text\n{}```\n",
            help(&[command, "--help"])
        ));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/options.md");
    if std::env::var_os("BERT_NER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the page is there");
    assert_eq!(
        written, page,
        "run BERT_NER_WRITE_DOCS=1 cargo test -p bert-ner --test options"
    );
}
