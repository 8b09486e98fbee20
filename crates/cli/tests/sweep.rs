//! Sweeps of a tiny model: resumed, refused, compared, shown.

mod common;

use std::process::Stdio;
use std::time::Duration;

use common::{Bench, tiny_bert};
use serde_json::Value;

fn grid(bench: &Bench, more: &str) {
    let model = tiny_bert();
    let text = format!(
        "model = {model:?}\ntrain = \"train.conll\"\ndev = \"dev.conll\"\nthreads = 1\n{more}"
    );
    bench.write("grid.toml", text);
}

const TWO_BY_TWO: &str = "epochs = 4\nlearning-rate = [1e-5, 5e-3]\nseed = [1, 2]\n";

fn sweep(bench: &Bench, output: &str) -> Value {
    let ended = bench.run(&["sweep", "grid.toml", "--output", output, "--json"]);
    serde_json::from_str(&ended.ok().stdout).expect("JSON")
}

/// The results without what depends on time and place.
fn results(summary: &Value) -> Value {
    let mut summary = summary.clone();
    for one in summary["configurations"].as_array_mut().expect("a list") {
        for key in ["samples_per_second", "train_seconds"] {
            one[key].take();
        }
    }
    for run in summary["runs"].as_array_mut().expect("a list") {
        for key in ["train_samples_per_second", "train_seconds"] {
            run["outcome"]["finished"][key].take();
        }
    }
    summary
}

#[test]
fn a_sweep_does_every_run_once_and_shows_them() {
    let bench = Bench::new();
    grid(&bench, TWO_BY_TWO);
    let ended = bench.run(&["sweep", "grid.toml", "--output", "study"]).ok();
    assert!(
        ended
            .stderr
            .contains("run 4 of 4: learning-rate=0.005,seed=2, about "),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stdout
            .starts_with("configuration          runs  dev F1"),
        "{}",
        ended.stdout
    );
    let again = bench.run(&["sweep", "grid.toml", "--output", "study"]).ok();
    assert_eq!(
        again.stderr,
        "4 of 4 runs are done already\nstudy/report.html shows all of it\n"
    );
    assert_eq!(again.stdout, ended.stdout);
    let page = bench.read("study/report.html");
    assert_eq!(page.matches("<svg viewBox").count(), 1 + 2 * 2);
    assert_eq!(page.matches("r=\"4\"").count(), 4, "a dot a run");
    assert_eq!(page.matches("seed 1</span>").count(), 2);
    assert!(!page.contains("http") && !page.contains("NaN"), "{page}");
    for left in [
        "runs/learning-rate=0.005,seed=2.checkpoints",
        "runs/learning-rate=0.005,seed=2.dev.json",
    ] {
        assert!(!bench.path(&format!("study/{left}")).exists(), "{left}");
    }
    assert!(
        bench
            .path("study/runs/learning-rate=0.005,seed=2/model.safetensors")
            .is_file()
    );
    assert!(bench.path("study/logs/learning-rate=0.005,seed=2").is_dir());
}

#[test]
fn a_sweep_killed_now_and_then_ends_like_an_unbroken_one() {
    let bench = Bench::new();
    grid(&bench, &TWO_BY_TWO.replace('4', "40"));
    let unbroken = results(&sweep(&bench, "unbroken"));
    for wait in [50, 120, 190, 260, 330, 400] {
        let mut process = bench
            .command(&["sweep", "grid.toml", "--output", "killed", "--quiet"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        std::thread::sleep(Duration::from_millis(wait));
        // SIGKILL
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }
    assert_eq!(results(&sweep(&bench, "killed")), unbroken);
    for name in ["learning-rate=0.00001,seed=1", "learning-rate=0.005,seed=2"] {
        let weights = |sweep: &str| {
            std::fs::read(bench.path(&format!("{sweep}/runs/{name}/model.safetensors")))
                .unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        assert!(weights("killed") == weights("unbroken"), "{name}");
    }
}

#[test]
fn a_grid_that_cannot_be_is_refused_before_anything_runs() {
    let bench = Bench::new();
    for (more, code, said) in [
        (
            "lerning-rate = [1e-3]\n",
            1,
            "error: grid.toml:5: unknown option \"lerning-rate\"; did you mean learning-rate?\n",
        ),
        (
            "epochs = [1, -1]\n",
            1,
            "error: grid.toml:5: epochs must be more than 0, not -1\n",
        ),
        (
            "epochs = [1, \"two\"]\n",
            1,
            "error: grid.toml:5: epochs: invalid type: string \"two\", expected a number\n",
        ),
        (
            "output = \"x\"\n",
            1,
            "error: grid.toml:5: output: each run of a sweep gets its own, so it is not for a grid\n",
        ),
        (
            "test = \"gone.conll\"\n",
            1,
            "error: gone.conll: No such file or directory (os error 2)\n",
        ),
    ] {
        grid(&bench, more);
        let ended = bench.run(&["sweep", "grid.toml", "--output", "study"]);
        ended.failed(code, said);
        assert!(!bench.path("study").exists());
    }
}

#[test]
fn a_finished_run_of_other_settings_is_not_taken_for_this_one() {
    let bench = Bench::new();
    grid(&bench, "epochs = 1\n");
    sweep(&bench, "study");
    grid(&bench, "epochs = 1\nbatch-size = 2\n");
    let ended = bench.run(&["sweep", "grid.toml", "--output", "study"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with(
            "error: study/results/default,seed=42.json: comes from a run with other settings: batch-size 8 -> 2\n"
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_finished_run_on_other_data_is_not_taken_for_this_one() {
    let bench = Bench::new();
    grid(&bench, "epochs = 1\n");
    sweep(&bench, "study");
    let text = bench.read("dev.conll");
    bench.write("dev.conll", text.replacen("O\n", "B-PER\n", 1));
    let ended = bench.run(&["sweep", "grid.toml", "--output", "study"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with(
            "error: study/results/default,seed=42.json: comes from a run on another dev: what it holds has changed\n"
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_run_that_diverges_is_a_result_and_the_others_go_on() {
    let bench = Bench::new();
    grid(&bench, "epochs = 4\nlearning-rate = [1e30, 5e-3]\n");
    let summary = sweep(&bench, "study");
    let configurations = &summary["configurations"];
    assert_eq!(configurations[0]["diverged"], serde_json::json!([42]));
    assert_eq!(configurations[1]["seeds"], serde_json::json!([42]));
    let message = summary["runs"][0]["outcome"]["diverged"].as_str();
    assert!(
        message.is_some_and(|text| text.starts_with("training diverged")),
        "{summary}"
    );
    assert_eq!(sweep(&bench, "study"), summary, "nor is it done again");
}
