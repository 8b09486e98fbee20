//! What may be concluded from the runs of a sweep.

use bert_ner_score::{Bootstrap, Counts, Difference, holm, mean_and_deviation, paired_t};
use rayon::prelude::*;
use serde::Serialize;

use super::{FinishedRun, Outcome, RunResult};

/// Below this adjusted p-value a difference is called real.
const SIGNIFICANCE: f64 = 0.05;
/// Draws of dev sentences: enough that Holm's adjustment of a hundred comparisons can still be passed.
const DRAWS: usize = 5000;

/// A whole sweep.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The configurations in the order of the grid.
    pub configurations: Vec<Configuration>,
    /// Every two configurations.
    pub comparisons: Vec<Comparison>,
    /// Every run.
    pub runs: Vec<RunResult>,
}

/// The runs of one configuration.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Configuration {
    /// Its name.
    pub name: String,
    /// The seeds of the runs that came to their end; the lists below are in their order.
    pub seeds: Vec<u64>,
    /// The seeds of those that diverged.
    pub diverged: Vec<u64>,
    /// Dev F1 of the models kept.
    pub f1: Vec<f64>,
    /// Mean and standard deviation (divisor n - 1) of these.
    pub f1_mean: f64,
    /// See `f1_mean`.
    pub f1_deviation: f64,
    /// Mean dev loss.
    pub loss_mean: f64,
    /// Mean and standard deviation of test F1, when there is a test split.
    pub test_f1_mean: Option<f64>,
    /// See `test_f1_mean`.
    pub test_f1_deviation: Option<f64>,
    /// Mean training speed, in sentences per second.
    pub samples_per_second: f64,
    /// Mean seconds of training.
    pub train_seconds: f64,
}

/// Two configurations: `a` minus `b`, of dev F1.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The one with the higher mean F1 over the seeds that both have.
    pub a: String,
    /// The other.
    pub b: String,
    /// Over the seeds that both have: Student's paired t, 95 %. `None` with fewer than two.
    pub seeds: Option<Difference>,
    /// Over dev sentences: the paired bootstrap of F1 (of whole texts: accuracy) averaged over those seeds, 95 %.
    pub sentences: Option<Difference>,
    /// The larger of the two p-values, adjusted by Holm for the number of comparisons; `None` where one is missing.
    pub p: Option<f64>,
    /// Whether it is below 0.05: neither the draw of the seeds nor that of the sentences explains the difference.
    pub real: bool,
}

/// Compares the runs of a sweep.
pub fn summarise(mut runs: Vec<RunResult>) -> Summary {
    let mut names: Vec<&str> = Vec::new();
    for run in &runs {
        if !names.contains(&run.configuration.as_str()) {
            names.push(&run.configuration);
        }
    }
    let configurations: Vec<Configuration> = names
        .into_iter()
        .map(|name| configuration(name, &runs))
        .collect();
    let comparisons = comparisons(&configurations, &runs);
    for run in &mut runs {
        if let Outcome::Finished(run) = &mut run.outcome {
            run.dev_sentences = Vec::new();
        }
    }
    Summary {
        configurations,
        comparisons,
        runs,
    }
}

fn configuration(name: &str, runs: &[RunResult]) -> Configuration {
    let own = || runs.iter().filter(|run| run.configuration == name);
    let done: Vec<&FinishedRun> = own().filter_map(RunResult::finished).collect();
    let values =
        |of: &dyn Fn(&FinishedRun) -> f64| -> Vec<f64> { done.iter().map(|run| of(run)).collect() };
    let mean = |of: &dyn Fn(&FinishedRun) -> f64| mean_and_deviation(&values(of)).0;
    let f1 = values(&|run| run.best.dev.f1);
    let (f1_mean, f1_deviation) = mean_and_deviation(&f1);
    let test: Vec<f64> = done
        .iter()
        .filter_map(|run| Some(run.test.as_ref()?.f1))
        .collect();
    let tested = (!test.is_empty()).then(|| mean_and_deviation(&test));
    let seeds = |finished: bool| {
        own()
            .filter(|run| run.finished().is_some() == finished)
            .map(|run| run.seed)
            .collect()
    };
    Configuration {
        name: name.to_owned(),
        seeds: seeds(true),
        diverged: seeds(false),
        f1,
        f1_mean,
        f1_deviation,
        loss_mean: mean(&|run| run.best.dev.loss),
        test_f1_mean: tested.map(|(mean, _)| mean),
        test_f1_deviation: tested.map(|(_, deviation)| deviation),
        samples_per_second: mean(&|run| run.train_samples_per_second),
        train_seconds: mean(&|run| run.train_seconds),
    }
}

fn comparisons(configurations: &[Configuration], runs: &[RunResult]) -> Vec<Comparison> {
    let mut pairs = Vec::new();
    for (index, one) in configurations.iter().enumerate() {
        for other in &configurations[index + 1..] {
            let (a, b) = match one.f1_mean >= other.f1_mean {
                true => (one, other),
                false => (other, one),
            };
            if !a.f1.is_empty() && !b.f1.is_empty() {
                pairs.push((a, b));
            }
        }
    }
    let compared = pairs.into_par_iter().map(|(a, b)| compare(a, b, runs));
    let mut all: Vec<Comparison> = compared.collect();
    let known: Vec<usize> = (0..all.len()).filter(|&i| all[i].p.is_some()).collect();
    let p: Vec<f64> = known.iter().filter_map(|&i| all[i].p).collect();
    for (index, p) in known.into_iter().zip(holm(&p)) {
        all[index].p = Some(p);
        all[index].real = p < SIGNIFICANCE;
    }
    all
}

/// The runs of two configurations under the seeds that both have.
fn paired<'a>(
    (a, b): (&Configuration, &Configuration),
    runs: &'a [RunResult],
) -> Vec<(&'a FinishedRun, &'a FinishedRun)> {
    let common = a.seeds.iter().filter(|seed| b.seeds.contains(seed));
    let of = |name: &str, seed: u64| {
        let mut own = runs.iter().filter(|run| run.configuration == name);
        own.find(|run| run.seed == seed)
            .and_then(RunResult::finished)
    };
    common
        .filter_map(|&seed| Some((of(&a.name, seed)?, of(&b.name, seed)?)))
        .collect()
}

fn differences(pairs: &[(&FinishedRun, &FinishedRun)]) -> Vec<f64> {
    let difference = |(a, b): &(&FinishedRun, &FinishedRun)| a.best.dev.f1 - b.best.dev.f1;
    pairs.iter().map(difference).collect()
}

/// Two configurations over the seeds that both have, the better there first; `p` is not adjusted yet.
fn compare(a: &Configuration, b: &Configuration, runs: &[RunResult]) -> Comparison {
    let pairs = paired((a, b), runs);
    let found = differences(&pairs);
    // A seed that diverged is in one mean and not in the other: the pairs decide which is better.
    if found.iter().sum::<f64>() < 0.0 {
        return compare(b, a, runs);
    }
    let differences = found;
    let seeds = paired_t(&differences, 1.0 - SIGNIFICANCE);
    let counts = |run: &FinishedRun| -> Vec<Counts> {
        let count = |&[correct, predicted, gold]: &[usize; 3]| Counts {
            correct,
            predicted,
            gold,
        };
        run.dev_sentences.iter().map(count).collect()
    };
    let [first, second]: [Vec<Vec<Counts>>; 2] = [
        pairs.iter().map(|(a, _)| counts(a)).collect(),
        pairs.iter().map(|(_, b)| counts(b)).collect(),
    ];
    // Of entities this is dev F1; of whole texts it is accuracy, while dev F1 is the mean over labels.
    let micro = |run: &[Counts]| {
        let mut total = Counts::default();
        run.iter().for_each(|&counts| total += counts);
        total.f1()
    };
    let differences: Vec<f64> = first
        .iter()
        .zip(&second)
        .map(|(a, b)| micro(a) - micro(b))
        .collect();
    let (mean, _) = mean_and_deviation(&differences);
    let same_dev = first
        .iter()
        .chain(&second)
        .all(|run| run.len() == first[0].len());
    let bootstrap = Bootstrap {
        resamples: DRAWS,
        level: 1.0 - SIGNIFICANCE,
        ..Bootstrap::default()
    };
    let sentences = (same_dev && !pairs.is_empty())
        .then(|| {
            let systems = [&first, &second].map(|runs| runs.iter().map(Vec::as_slice).collect());
            bootstrap.difference(&bootstrap.f1_draws(&systems), (0, 1), mean)
        })
        .flatten();
    Comparison {
        a: a.name.clone(),
        b: b.name.clone(),
        seeds,
        sentences,
        p: seeds.zip(sentences).map(|(a, b)| a.p.max(b.p)),
        real: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(configuration: &str, seed: u64, f1: Option<f64>) -> RunResult {
        let finished = |f1| {
            let dev = json!({"precision": f1, "recall": f1, "f1": f1, "accuracy": f1, "loss": 1.0});
            let best = json!({"epoch": 1.0, "step": 1, "train_loss": 1.0, "dev": dev});
            json!({"finished": {
                "epochs": [], "best": best, "test": null, "train_seconds": 1.0,
                "train_samples_per_second": 1.0, "dev_sentences": [[1, 2, 2]],
            }})
        };
        let outcome = f1.map_or(json!({"diverged": "training diverged"}), finished);
        serde_json::from_value(json!({
            "name": format!("{configuration},seed={seed}"), "configuration": configuration, "seed": seed,
            "settings": {}, "data": [1, 2, null], "outcome": outcome,
        }))
        .unwrap()
    }

    #[test]
    fn the_better_of_two_is_the_better_under_the_seeds_that_both_have() {
        // Over all its runs `steady` has the higher mean; where both came to an end, `bold` is better.
        let runs = vec![
            run("steady", 1, Some(0.5)),
            run("steady", 2, Some(0.51)),
            run("steady", 3, Some(0.9)),
            run("bold", 1, Some(0.6)),
            run("bold", 2, Some(0.62)),
            run("bold", 3, None),
        ];
        let summary = summarise(runs);
        let found = &summary.comparisons[0];
        assert_eq!((found.a.as_str(), found.b.as_str()), ("bold", "steady"));
        let mean = found.seeds.unwrap().mean;
        assert!((mean - 0.105).abs() < 1e-12, "{mean}");
    }
}
