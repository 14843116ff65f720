"""What the twelve panels must show, counted from the ledger: `panels.py EVENTS AT WINDOW`.

EVENTS is what `gitledger events --json` printed, AT the time of the last publication in seconds since 1970, WINDOW the
length in seconds of the range that rates are over. Prints a JSON object: panel, then series, then number; series without
anything in them are left out. Knows nothing of gitledger's own code, and is as plain as can be on purpose.
"""

import json
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone

DURATION_BOUNDS = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]
CREATION_BOUNDS = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0]
# E2B's list price, in dollars for a second.
PER_VCPU, PER_GIB = 0.000014, 0.0000045
DAY = 86400
GONE = ("SandboxKilled", "SandboxExpired", "SandboxLost")


def seconds(text):
    """An instant as RFC 3339 has it; Python keeps six digits of a second."""
    whole, _, rest = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return moment.timestamp() + float("0." + (rest or "0"))


def buckets(values, bounds):
    """How many values are at most each bound; the last is all of them."""
    return [sum(value <= bound for value in values) for bound in bounds] + [len(values)]


def quantile(share, values, bounds):
    """The quantile as Prometheus estimates it: evenly spread inside a bucket."""
    counts = buckets(values, bounds)
    rank = share * counts[-1]
    number = next(i for i, count in enumerate(counts) if count >= rank)
    if number == len(bounds):
        return bounds[-1]
    lower, before = (bounds[number - 1], counts[number - 1]) if number else (0.0, 0)
    return lower + (bounds[number] - lower) * (rank - before) / (counts[number] - before)


def stretches(events, at):
    """When each sandbox ran: from, until, dollars for a second, and whether it runs still."""
    running, found = {}, []
    for event in events:
        sandbox, kind, data = event["subject"], event["type"], event["data"]
        if not sandbox.startswith("sandbox-"):
            continue
        now = seconds(event["time"])
        if kind in ("SandboxCreated", "SandboxResumed"):
            one = running.setdefault(sandbox, {"since": now})
            one["expires"] = seconds(data["expires_at"])
            if kind == "SandboxCreated":
                one["price"] = data["vcpu"] * PER_VCPU + data["memory_mb"] / 1024 * PER_GIB
        elif kind == "SandboxExtended" and sandbox in running:
            running[sandbox]["expires"] = seconds(data["expires_at"])
        elif kind in GONE and sandbox in running:
            one = running.pop(sandbox)
            found.append((one["since"], min(now, one["expires"]), one["price"], False))
        elif kind == "SandboxPaused":
            raise SystemExit("a sandbox was paused: this script does not know what it cost before")
    for one in running.values():
        found.append((one["since"], min(at, one["expires"]), one["price"], at < one["expires"]))
    return found


def cost(all_stretches, since):
    """Dollars from an instant on."""
    return sum(max(0.0, until - max(start, since)) * price for start, until, price, _ in all_stretches)


def costs(all_stretches, at):
    """The month's estimate and the last day."""
    day = at // 60 * 60 - DAY
    now = datetime.fromtimestamp(at, timezone.utc)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_month = (month + timedelta(days=32)).replace(day=1)
    daily = cost(all_stretches, day)
    to_come = daily * (next_month.timestamp() - at) / (at - day)
    return cost(all_stretches, month.timestamp()) + to_come, daily


def worked(data):
    return data["git_ms"] > 0 or data["sandbox_wait_ms"] > 0


def panels(events, at, window):
    ended, errors, retries, conflicts = Counter(), Counter(), Counter(), Counter()
    succeeded, durations, creations, reuse = 0, {}, [], Counter()
    for event in events:
        kind, data, operation = event["type"], event["data"], event.get("operation")
        if kind in ("OperationSucceeded", "OperationFailed", "OperationAbandoned"):
            ended[operation] += 1
            succeeded += kind == "OperationSucceeded"
            if kind != "OperationSucceeded":
                errors[data.get("error_type", "other")] += 1
            if kind == "OperationSucceeded" or kind == "OperationFailed" and worked(data):
                durations.setdefault(operation, []).append(data["duration_ms"] / 1000)
        elif kind == "PushAttempted" and data["attempt"] > 1:
            retries[str(data["attempt"] - 1)] += 1
        elif kind == "ConflictDetected":
            conflicts[operation] += 1
        elif kind == "SandboxCreated":
            creations.append(data["creation_ms"] / 1000)
        elif kind == "SandboxLeased":
            reuse[data["reuse"]] += 1
    ran = stretches(events, at)
    monthly, daily = costs(ran, at)
    hits = reuse["ready"] + reuse["paused"] + reuse["warm"]
    names = [str(bound) for bound in CREATION_BOUNDS] + ["+Inf"]
    by_bound = dict(zip(names, buckets(creations, CREATION_BOUNDS)))
    per_minute = 60 / window
    return {
        "Operation Success Rate": {"": succeeded / ended.total()},
        "P95 Latency by Operation": {name: quantile(0.95, all_of_it, DURATION_BOUNDS) for name, all_of_it in durations.items()},
        "Active Sandboxes": {"": sum(runs for *_, runs in ran)},
        "Cache Hit Ratio": {"": hits / (hits + reuse["new"])},
        "Operations per Minute": {name: count * per_minute for name, count in ended.items()},
        "Error Rate by Type": {name: count * per_minute for name, count in errors.items()},
        "Sandbox Creation Time Heatmap": {name: count for name, count in by_bound.items() if count},
        "Estimated Monthly Cost": {"": monthly},
        "Daily Cost Trend": {"": daily},
        "Operations Distribution": dict(ended),
        "Push Retry Attempts": dict(retries),
        "Conflicts Detected": dict(conflicts),
    }


def main():
    name, at, window = sys.argv[1:]
    with open(name, encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    for event in events:
        event["type"] = event["type"].removeprefix("gitledger.")
    print(json.dumps(panels(events, float(at), float(window)), indent=1))


if __name__ == "__main__":
    main()
