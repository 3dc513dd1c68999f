"""report.json of a bench as the reference writes it: every field, its kind, nothing else.

A schema is a type, a tuple of types, a list of one schema, or a dictionary of names and schemas.
`Any(...)` in a dictionary's place says that its names are free.
"""

NUMBER = (int, float)
TEXT_OR_NONE = (str, type(None))
LATENCIES = ("p50", "p90", "p95", "p99", "p999", "p9999")


class Any:
    """A dictionary with free names, each of this schema."""

    def __init__(self, schema):
        self.schema = schema


SERIES = {"points": [{"time_s": NUMBER, "value": NUMBER}], "kind": str}

SERVER_STATS = {
    **{name: int for name in (
        "process_id", "memory_usage", "total_memory", "available_memory", "run_time", "start_time",
        "read_bytes", "written_bytes", "messages_size_bytes", "streams_count", "topics_count",
        "partitions_count", "segments_count", "messages_count", "clients_count",
        "consumer_groups_count", "iggy_server_semver")},
    **{name: NUMBER for name in ("cpu_usage", "total_cpu_usage")},
    **{name: str for name in ("hostname", "os_name", "os_version", "kernel_version",
                              "iggy_server_version")},
    "cache_metrics": Any({"hits": int, "misses": int, "hit_ratio": NUMBER}),
}

HARDWARE = {"identifier": str, "cpu_name": str, "cpu_cores": int, "total_memory_mb": int,
            "os_name": str, "os_version": str}

PARAMS = {
    **{name: str for name in ("benchmark_kind", "transport", "server_address", "pretty_name",
                              "bench_command", "params_identifier")},
    **{name: TEXT_OR_NONE for name in ("remark", "extra_info", "gitref", "gitref_date",
                                       "rate_limit")},
    **{name: int for name in ("message_batches", "producers", "consumers", "streams", "partitions",
                              "consumer_groups")},
    "messages_per_batch": (int, str), "message_size": (int, str),
}

GROUP_SUMMARY = {
    "kind": str,
    **{f"{how}_throughput_{what}_per_second": NUMBER for how in ("total", "average")
       for what in ("megabytes", "messages")},
    **{f"average_{name}_latency_ms": NUMBER for name in LATENCIES},
    **{name: NUMBER for name in ("average_latency_ms", "average_median_latency_ms",
                                 "min_latency_ms", "max_latency_ms", "std_dev_latency_ms")},
}

DISTRIBUTION = {
    "bins": [{"edge_ms": NUMBER, "density": NUMBER}],
    "log_normal_params": {"mu": NUMBER, "sigma": NUMBER},
    "percentiles": {f"{name}_ms": NUMBER for name in ("p05", "p50", "p95", "p99")},
}

INDIVIDUAL_SUMMARY = {
    "benchmark_kind": str, "actor_kind": str, "actor_id": int,
    **{name: int for name in ("total_user_data_bytes", "total_bytes", "total_messages",
                              "total_message_batches")},
    **{f"{name}_latency_ms": NUMBER for name in (*LATENCIES, "avg", "median", "min", "max",
                                                 "std_dev")},
    **{name: NUMBER for name in ("total_time_secs", "throughput_megabytes_per_second",
                                 "throughput_messages_per_second")},
}

REPORT = {
    "uuid": str, "timestamp": str, "server_stats": SERVER_STATS, "hardware": HARDWARE,
    "params": PARAMS,
    "group_metrics": [{"summary": GROUP_SUMMARY, "avg_throughput_mb_ts": SERIES,
                       "avg_throughput_msg_ts": SERIES, "avg_latency_ts": SERIES,
                       "latency_distribution": DISTRIBUTION}],
    "individual_metrics": [{"summary": INDIVIDUAL_SUMMARY, "throughput_mb_ts": SERIES,
                            "throughput_msg_ts": SERIES, "latency_ts": SERIES}],
}


def faults(value, schema, where="report"):
    """Every place at which `value` is not what the schema says, as sentences."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        found = [f"{where} lacks {name}" for name in schema if name not in value]
        found += [f"{where} has {name}, which is unknown" for name in value if name not in schema]
        for name in schema.keys() & value.keys():
            found += faults(value[name], schema[name], f"{where}.{name}")
        return found
    if isinstance(schema, Any):
        return [fault for name in value
                for fault in faults(value[name], schema.schema, f"{where}.{name}")]
    if isinstance(schema, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for index, item in enumerate(value)
                for fault in faults(item, schema[0], f"{where}[{index}]")]
    if isinstance(value, bool) or not isinstance(value, schema):
        return [f"{where} is {value!r}"]
    return []
