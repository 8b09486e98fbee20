#!/usr/bin/env python3
"""Opens the event files of `bert-ner train --logdir` with the real TensorBoard and compares them with the run's report.

Reads the folder with TensorBoard's EventAccumulator, asks its hparams plugin for the table of runs, and checks: every scalar that
is promised is there, Loss/Val and f1/Val are those of training.json at the same steps, Loss/Train has one value a step (also
in a run that was resumed), settings are there as text and as hyperparameters. Needs tensorboard.

usage: check_tensorboard.py LOGDIR MODEL     LOGDIR: of one run; MODEL: its output folder
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing import plugin_event_multiplexer as event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups


def near(a, b):
    return abs(a - b) <= 1e-6 * max(1.0, abs(b))


def main():
    logdir, model = sys.argv[1:]
    report = json.loads((Path(model) / "training.json").read_text())
    multiplexer = event_multiplexer.EventMultiplexer(tensor_size_guidance={"scalars": 0}).AddRunsFromDirectory(logdir)
    multiplexer.Reload()
    (run,) = multiplexer.Runs()
    events = multiplexer.GetAccumulator(run)
    tags = events.Tags()
    # TensorBoard turns simple values into tensors of its scalars plugin.
    scalars = lambda tag: [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]
    types = report["best"]["dev"]["by_type"]
    wanted = ["Loss/Train", "Loss/Val", "f1/Val", "precision/Val", "recall/Val", "gradient/norm", "speed/samples per second"]
    wanted += [f"{measure}/Val/{kind}" for measure in ("f1", "precision", "recall") for kind in types]
    missing = [tag for tag in wanted if tag not in tags["tensors"]]
    assert not missing, f"missing: {missing}"
    rates = [tag for tag in tags["tensors"] if tag.startswith("learning-rate/")]
    assert rates, "no learning rate"
    evaluations = report["epochs"]
    for tag, measure in [("Loss/Val", "loss"), ("f1/Val", "f1"), ("recall/Val", "recall"), ("precision/Val", "precision")]:
        logged = scalars(tag)
        assert [step for step, _ in logged] == [one["step"] for one in evaluations], (tag, logged)
        assert all(near(value, one["dev"][measure]) for (_, value), one in zip(logged, evaluations)), tag
    steps = [step for step, _ in scalars("Loss/Train")]
    last = evaluations[-1]["step"]
    assert last > 5000 or steps == list(range(1, last + 1)), f"steps of Loss/Train: {steps}"
    text = events.Tensors("settings/text_summary")[-1]
    assert f"| seed | {report['settings']['seed']} |" in text.tensor_proto.string_val[0].decode()
    provider = data_provider.MultiplexerDataProvider(multiplexer, logdir)
    context = backend_context.Context(TBContext(multiplexer=multiplexer, data_provider=provider))
    request = RequestContext()
    experiment = context.experiment_from_metadata(request, "", True, context.hparams_metadata(request, ""), [])
    assert {metric.name.tag for metric in experiment.metric_infos} == {"f1/Val", "Loss/Val"}
    columns = {info.name for info in experiment.hparam_infos}
    groups = list_session_groups.Handler(
        request, context, "", api_pb2.ListSessionGroupsRequest(
            start_index=0, slice_size=10, allowed_statuses=[1, 2, 3, 0],
            col_params=[api_pb2.ColParams(metric=api_pb2.MetricName(tag="f1/Val"))],
        ),
    ).run()
    (group,) = groups.session_groups
    shown = group.hparams["learning-rate"].number_value
    assert shown == report["settings"]["learning-rate"], shown
    (f1,) = [metric.value for metric in group.metric_values if metric.name.tag == "f1/Val"]
    assert near(f1, evaluations[-1]["dev"]["f1"]), f1
    print(f"{len(tags['tensors'])} tags, {len(steps)} steps, {len(evaluations)} evaluations, {len(columns)} hyperparameters: as reported")


if __name__ == "__main__":
    main()
