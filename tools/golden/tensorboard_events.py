#!/usr/bin/env python3
"""The golden of TensorBoard's event files: the bytes that torch's summaries and TensorBoard's own writer give.

Writes crates/train/tests/data/golden.tfevents: a scalar, a text, the start of a session, and the three messages of the hparams
plugin, with times chosen instead of those of the clock.

usage: tensorboard_events.py [--output FILE] [--check]     --check compares with FILE and writes nothing
"""

import argparse
import io
import sys
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import scalar, text

ROOT = Path(__file__).resolve().parents[2]


def hparams(tag, **data):
    content = plugin_data_pb2.HParamsPluginData(**data).SerializeToString()
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=content)
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin))])


def hparams_of_run():
    kinds = [("epochs", "DATA_TYPE_FLOAT64"), ("seed", "DATA_TYPE_FLOAT64"), ("model", "DATA_TYPE_STRING"), ("strict", "DATA_TYPE_BOOL")]
    experiment = api_pb2.Experiment(
        hparam_infos=[api_pb2.HParamInfo(name=name, type=kind) for name, kind in kinds],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in ("f1/Val", "Loss/Val")],
    )
    # A map is written in any order: one entry at a time keeps ours. Concatenated messages are merged messages.
    start = b""
    for name, kind, value in [("epochs", "number_value", 3.0), ("seed", "number_value", 0.0), ("model", "string_value", "bert"), ("strict", "bool_value", False)]:
        part = plugin_data_pb2.SessionStartInfo()
        setattr(part.hparams[name], kind, value)
        start += part.SerializeToString()
    start += plugin_data_pb2.SessionStartInfo(start_time_secs=4.5).SerializeToString()
    end = plugin_data_pb2.SessionEndInfo(status="STATUS_SUCCESS", end_time_secs=5.5)
    yield hparams("_hparams_/experiment", experiment=experiment)
    yield raw("_hparams_/session_start_info", 3, start)
    yield hparams("_hparams_/session_end_info", session_end_info=end)


def raw(tag, field, data):
    """As `hparams`, of bytes whose order is to stay."""
    assert len(data) < 1 << 14
    length = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=bytes([field << 3 | 2]) + length + data)
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin))])


def golden():
    events = [
        Event(wall_time=1.5, file_version="brain.Event:2"),
        Event(wall_time=2.5, step=7, summary=scalar("Loss/Train", 0.25)),
        Event(wall_time=2.5, summary=text("settings", "| a |")),
        Event(wall_time=3.5, step=300, session_log=SessionLog(status=SessionLog.START)),
    ]
    events += [Event(wall_time=3.5, summary=summary) for summary in hparams_of_run()]
    out = io.BytesIO()
    writer = RecordWriter(out)
    for event in events:
        writer.write(event.SerializeToString())
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "crates/train/tests/data/golden.tfevents")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not options.check:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(golden())
    elif options.output.read_bytes() != golden():
        sys.exit(f"{options.output} differs")


if __name__ == "__main__":
    main()
