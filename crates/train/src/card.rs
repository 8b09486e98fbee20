//! The model card: a `README.md` that says what a model folder is, for people and for the Hub.

use std::fmt::Write;
use std::path::Path;

use bert_ner_model::{Heads, Task};
use serde_json::Value;

use crate::report::{Evaluation, Measured, Report};
use crate::resume::decides;

/// The model card of the run that `report` tells of, for a model folder called `name`.
///
/// The front matter is that of the Hugging Face Hub. It names no licence and no language: both
/// depend on the data and the checkpoint, and only whoever publishes the model knows them.
pub fn model_card(report: &Report, name: &str) -> String {
    let mut card = String::new();
    front_matter(&mut card, report, name);
    let _ = write!(
        card,
        "\n# {name}\n\n{}, fine-tuned from `{}` \
         with [bert-ner](https://crates.io/crates/bert-ner) {}.\n",
        match report.settings.task {
            Task::Ner => format!(
                "Finds named entities ({}). A BERT token classifier",
                entity_types(&report.labels).join(", ")
            ),
            Task::Classify => format!(
                "Gives a text one of the labels {}. A BERT classifier",
                report.labels.join(", ")
            ),
        },
        base_name(report),
        report.version,
    );
    usage(&mut card, name, report);
    scores(&mut card, report);
    data(&mut card, report);
    settings(&mut card, report);
    card
}

/// The model that was fine-tuned: its Hub name, or the last part of a path on somebody's disk.
fn base_name(report: &Report) -> String {
    match hub_name(report) {
        Some(name) => name.to_owned(),
        None => file_name(&report.settings.model_dir),
    }
}

/// The name under which the Hub knows the model that was fine-tuned.
fn hub_name(report: &Report) -> Option<&str> {
    let settings = &report.settings;
    let local = settings.model_dir.as_os_str() == settings.model.as_str();
    (!local).then(|| settings.model.split('@').next().unwrap_or_default())
}

/// `text` as a double-quoted YAML scalar: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// The entity types behind tags, in order, each once.
fn entity_types(labels: &[String]) -> Vec<&str> {
    let mut types = Vec::new();
    for label in labels.iter().filter(|label| *label != "O") {
        let (_, name) = bert_ner_text::split_tag(label);
        if !types.contains(&name) {
            types.push(name);
        }
    }
    types
}

/// The split whose scores stand for the model: test when there is one, the best of dev otherwise.
fn headline(report: &Report) -> Option<(&'static str, &Path, &Measured)> {
    let settings = &report.settings;
    match (&report.test, &settings.test, &report.best) {
        (Some(test), Some(path), _) => Some(("test", path, test)),
        (_, _, Some(best)) => Some(("validation", &settings.dev, &best.dev)),
        _ => None,
    }
}

fn front_matter(card: &mut String, report: &Report, name: &str) {
    let task = &report.settings.task;
    let (pipeline, title) = match task {
        Task::Ner => ("token-classification", "Named Entity Recognition"),
        Task::Classify => ("text-classification", "Text Classification"),
    };
    let library = match report.settings.lora_rank {
        None => "transformers",
        Some(_) => "peft",
    };
    let _ = writeln!(
        card,
        "---\nlibrary_name: {library}\npipeline_tag: {pipeline}"
    );
    // Only a Hub name can be linked to; a folder on somebody's disk says nothing to others.
    if let Some(base) = hub_name(report) {
        let _ = writeln!(card, "base_model: {}", quoted(base));
    }
    let _ = writeln!(card, "tags:\n- {pipeline}");
    card.push_str(match task {
        Task::Ner => "- named-entity-recognition\n- bert\n- bert-ner\n",
        Task::Classify => "- bert\n- bert-ner\n",
    });
    card.push_str("metrics:\n- precision\n- recall\n- f1\n- accuracy\n");
    if let Some((split, path, measured)) = headline(report) {
        let data = quoted(&file_name(path));
        let _ = write!(
            card,
            "model-index:\n- name: {}\n  results:\n  - task:\n      type: {pipeline}\n      \
             name: {title}\n    dataset:\n      name: {data}\n      type: {data}\n      \
             split: {split}\n    metrics:\n",
            quoted(name),
        );
        for (metric, title, value) in [
            ("precision", "Precision", measured.precision),
            ("recall", "Recall", measured.recall),
            ("f1", "F1", measured.f1),
            ("accuracy", "Accuracy", measured.accuracy),
        ] {
            let _ = writeln!(
                card,
                "    - type: {metric}\n      name: {title}\n      value: {value:.4}"
            );
        }
    }
    card.push_str("---\n");
}

fn usage(card: &mut String, name: &str, report: &Report) {
    let heads = report.settings.heads();
    let _ = write!(
        card,
        "\n## Use\n\n```sh\necho 'Ada Lovelace was born in London .' | bert-ner predict --model {name}\n```\n",
    );
    if report.settings.lora_rank.is_some() {
        return adapter_usage(card, name, heads);
    }
    if heads.task == Task::Classify {
        let _ = write!(
            card,
            "\nThe folder opens in `transformers` as it is:\n\n```python\nfrom transformers import pipeline\n\n\
             classify = pipeline(\"text-classification\", model=\"{name}\", top_k=None)\n\
             print(classify(\"Ada Lovelace was born in London .\"))\n```\n",
        );
        return;
    }
    if heads != Heads::default() {
        card.push_str("\ntransformers does not know this head; the encoder in the folder opens there as it is.\n");
        return;
    }
    let _ = write!(
        card,
        "\n\
         The folder opens in `transformers` as it is:\n\n```python\nfrom transformers import pipeline\n\n\
         ner = pipeline(\"token-classification\", model=\"{name}\", aggregation_strategy=\"first\")\n\
         print(ner(\"Ada Lovelace was born in London .\"))\n```\n",
    );
}

fn adapter_usage(card: &mut String, name: &str, heads: Heads) {
    let _ = write!(
        card,
        "\nThis is a LoRA adapter: `bert-ner merge --adapter {name} --output DIR` makes a whole model of it.\n"
    );
    let plain = Heads {
        task: heads.task,
        ..Heads::default()
    };
    if heads != plain {
        card.push_str("\ntransformers does not know this head, which the adapter holds too.\n");
        return;
    }
    let class = match heads.task {
        Task::Ner => "AutoModelForTokenClassification",
        Task::Classify => "AutoModelForSequenceClassification",
    };
    let _ = write!(
        card,
        "\nIt opens in `peft`:\n\n```python\nfrom peft import PeftConfig, PeftModel\n\
         from transformers import AutoConfig, {class}, AutoTokenizer\n\n\
         base = PeftConfig.from_pretrained(\"{name}\").base_model_name_or_path\n\
         config = AutoConfig.from_pretrained(\"{name}\")\n\
         model = {class}.from_pretrained(base, config=config)\n\
         model = PeftModel.from_pretrained(model, \"{name}\")\n\
         tokenizer = AutoTokenizer.from_pretrained(\"{name}\")\n```\n",
    );
}

fn scores(card: &mut String, report: &Report) {
    card.push_str(match report.settings.task {
        Task::Ner => {
            "\n## Scores\n\nEntity precision, recall and F1 as conlleval and seqeval count them.\n"
        }
        Task::Classify => {
            "\n## Scores\n\nPrecision, recall and F1 are means over the labels (macro).\n"
        }
    });
    if !report.epochs.is_empty() {
        card.push_str(
            "\n| epoch | step | train loss | dev loss | precision | recall | F1 | accuracy |\n",
        );
        card.push_str("|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    }
    for evaluation in &report.epochs {
        let mark = if report
            .best
            .as_ref()
            .is_some_and(|best| best.step == evaluation.step)
        {
            "**"
        } else {
            ""
        };
        evaluation_row(card, evaluation, mark);
    }
    if let Some(test) = &report.test {
        let _ = writeln!(
            card,
            "\nTest: precision {:.2}, recall {:.2}, F1 {:.2}, accuracy {:.2}, loss {:.4}.",
            percent(test.precision),
            percent(test.recall),
            percent(test.f1),
            percent(test.accuracy),
            test.loss,
        );
    }
    let Some((split, _, measured)) = headline(report) else {
        return;
    };
    let Some(by_type) = measured
        .by_type
        .as_ref()
        .filter(|by_type| !by_type.is_empty())
    else {
        return;
    };
    let _ = write!(
        card,
        "\nBy type ({split}):\n\n| type | precision | recall | F1 | entities |\n|---|---:|---:|---:|---:|\n"
    );
    for (label, scores) in by_type {
        let _ = writeln!(
            card,
            "| {label} | {:.2} | {:.2} | {:.2} | {} |",
            percent(scores.precision),
            percent(scores.recall),
            percent(scores.f1),
            scores.support,
        );
    }
}

fn evaluation_row(card: &mut String, evaluation: &Evaluation, mark: &str) {
    let dev = &evaluation.dev;
    let _ = writeln!(
        card,
        "| {:.2} | {} | {:.4} | {:.4} | {:.2} | {:.2} | {mark}{:.2}{mark} | {:.2} |",
        evaluation.epoch,
        evaluation.step,
        evaluation.train_loss,
        dev.loss,
        percent(dev.precision),
        percent(dev.recall),
        percent(dev.f1),
        percent(dev.accuracy),
    );
}

fn percent(share: f64) -> f64 {
    share * 100.0
}

fn data(card: &mut String, report: &Report) {
    let settings = &report.settings;
    card.push_str("\n## Data\n\n| split | file | sentences |\n|---|---|---:|\n");
    let mut row = |split: &str, path: &Path, sentences: usize| {
        let _ = writeln!(card, "| {split} | `{}` | {sentences} |", file_name(path));
    };
    row("train", &settings.train, report.train_samples);
    row("dev", &settings.dev, report.dev_samples);
    if let (Some(path), Some(sentences)) = (&settings.test, report.test_samples) {
        row("test", path, sentences);
    }
}

fn settings(card: &mut String, report: &Report) {
    card.push_str("\n## Settings\n\n| setting | value |\n|---|---|\n");
    if let Ok(Value::Object(settings)) = serde_json::to_value(&report.settings) {
        for (key, value) in settings
            .iter()
            .filter(|(key, _)| *key != "model" && decides(key))
        {
            match value {
                Value::Null => {}
                Value::String(text) => {
                    let _ = writeln!(card, "| {key} | {text} |");
                }
                other => {
                    let _ = writeln!(card, "| {key} | {other} |");
                }
            }
        }
    }
    let _ = writeln!(
        card,
        "\nTrained in {:.0} seconds, {:.1} sentences per second.",
        report.train_seconds, report.train_samples_per_second,
    );
}
