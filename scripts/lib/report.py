"""The tables of a bench run, and which bars it missed."""

GENERATOR_BUSY = 0.90

# What the project promises, and how it is worked out of the figures. Ratios are "at least", the rest "at most".
BARS = [
    ("KV v2 read, of the bare server", 0.35, "at least", lambda f: to_bare(f, f["strongroom"]["read"])),
    ("KV v2 read, of OpenBao", 18, "at least", lambda f: against_bao(f, "read")),
    ("durable KV v2 write, of OpenBao", 10, "at least", lambda f: against_bao(f, "write")),
    ("AppRole login, of OpenBao", 10, "at least", lambda f: against_bao(f, "login")),
    ("p99 of reads beside lists of 100,000 names, of reads alone", 3, "at most", lambda f: f["strongroom"]["list"]["ratio"]),
    ("audit verify of a million lines, s", 5, "at most", lambda f: f["strongroom"]["audit"]["verify_secs"]),
    ("audit who over them, beyond verify, s", 2, "at most", lambda f: audit_beyond_verify(f["strongroom"]["audit"])),
    ("memory idle, empty store, MB", 30, "at most", lambda f: f["strongroom"]["idle_mb"]),
    ("memory after 50,000 logins, MB", 140, "at most", lambda f: f["strongroom"]["loaded_mb"]),
    ("kill -9, start, unseal, first read, s", 2, "at most", lambda f: f["strongroom"]["restart_secs"]),
]

LOADS = [
    ("KV v2 read, 32 connections", "read"),
    ("KV v2 write, 64 connections", "write"),
    ("AppRole login, 32 connections", "login"),
    ("service token issue, 32 connections", "issue"),
    ("token lookup-self, 32 connections", "lookup"),
]


def to_bare(figures, run):
    """Ratio of throughputs; of CPU a request where the generator was the one that had no more to give."""
    bare = figures["bare"]
    if max(bare["generator_cpu"], run["generator_cpu"]) > GENERATOR_BUSY:
        return bare["cpu_us"] / run["cpu_us"]
    return run["per_second"] / bare["per_second"]


def audit_beyond_verify(audit):
    return audit["who_secs"] - audit["verify_secs"]


def against_bao(figures, part):
    return figures["strongroom"][part]["per_second"] / figures["bao"][part]["per_second"]


def write_report(figures, path):
    """Writes the Markdown; returns the names of the bars that were missed."""
    lines = [f"Machine: {', '.join(f'{value}' for value in figures['machine'].values())}.", ""]
    lines += loads(figures) + memory(figures) + beside(figures)
    table, missed = bars(figures)
    path.write_text("\n".join(lines + table) + "\n")
    return missed


def loads(figures):
    lines = ["| | per second | of the bare server | p50 / p99 ms | CPU µs | generator CPU |", "|---|---|---|---|---|---|"]
    if "bare" in figures:
        lines.append(row("bare axum, same bytes", figures["bare"], figures))
    for side, name in (("strongroom", "Strongroom"), ("bao", "OpenBao")):
        for label, part in LOADS:
            run = figures.get(side, {}).get(part)
            if run:
                lines.append(row(f"{name}: {label}", run, figures))
    return lines + [""]


def row(label, run, figures):
    ratio = f"{to_bare(figures, run):.3f}" if "bare" in figures else "–"
    return (
        f"| {label} | {run['per_second']:,.0f} | {ratio} | {run['p50_ms']:.2f} / {run['p99_ms']:.2f} "
        f"| {run['cpu_us']:.1f} | {run['generator_cpu']:.0%} |"
    )


def memory(figures):
    sides = [(name, figures[side]) for side, name in (("strongroom", "Strongroom"), ("bao", "OpenBao")) if side in figures]
    if not any("loaded_mb" in side for _, side in sides):
        return []
    lines = ["| | idle, empty | logins | after them | on disk | start → health | kill -9 → first read |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, side in sides:
        health = f"{side['health_secs']:.2f} s" if "health_secs" in side else "–"
        restart = f"{side['restart_secs']:.2f} s" if "restart_secs" in side else "–"
        lines.append(
            f"| {name} | {side['idle_mb']:.0f} MB | {side['logins']:,} | {side['loaded_mb']:.0f} MB "
            f"| {side['disk_mb']:.0f} MB | {health} | {restart} |"
        )
    return lines + [""]


def beside(figures):
    """Figures that are reported and not judged."""
    sign, sync, ours = figures["sign"], figures["sync"], figures.get("strongroom", {})
    lines = [f"- Raw Ed25519 signing, one core: {sign['per_second']:,} a second."]
    if "issue" in ours:
        share = ours["issue"]["per_second"] / sign["per_second"]
        lines.append(f"- Service tokens issued: {ours['issue']['per_second']:,.0f} a second, {share:.3f} of raw signing.")
    ideal = 64 / (sync["p50_ms"] / 1e3)
    lines.append(f"- Raw append of 4 KiB and `fdatasync`: p50 {sync['p50_ms']:.3f} ms; 64 clients ÷ p50 = {ideal:,.0f} a second.")
    if "write" in ours:
        lines.append(f"- Durable writes reach {ours['write']['per_second'] / ideal:.3f} of that.")
    if "list" in ours:
        run = ours["list"]
        lines.append(f"- Reads while {run['names']:,} names are listed again and again: p99 {run['beside_p99_ms']:.2f} ms; "
                     f"alone {run['p99_ms']:.2f} ms.")
    return lines + [""]


def bars(figures):
    lines, missed = ["| bar | asked | measured | |", "|---|---|---|---|"], []
    for name, asked, sense, work_out in BARS:
        try:
            got = work_out(figures)
        except KeyError:
            lines.append(f"| {name} | {sense} {asked} | not measured | |")
            continue
        met = got >= asked if sense == "at least" else got <= asked
        if not met:
            missed.append(name)
        lines.append(f"| {name} | {sense} {asked} | {got:.3g} | {'met' if met else '**missed**'} |")
    return lines, missed
