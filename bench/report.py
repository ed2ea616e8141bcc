#!/usr/bin/python3
"""What bench/run measured, as a page and charts: report.py RESULTS DOC"""
import csv
import os
import platform
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 # after its backend was chosen

plt.rcParams["svg.hashsalt"] = "kcryptoki"  # the same chart from the same figures

SUBJECTS = ["SHA-256", "HMAC-SHA256", "AES-256-CBC", "AES-256-CTR", "AES-256-GCM", "random"]


def read(results, name):
    """{(subject, way, size, threads): {label: (value, second value) or a reason}}"""
    path = os.path.join(results, name + ".tsv")
    cells = {}
    if not os.path.exists(path):
        return cells
    with open(path, encoding="utf-8") as file:
        for _, label, subject, way, size, threads, first, second in csv.reader(file, delimiter="\t"):
            cell = cells.setdefault((subject, way, int(size), int(threads)), {})
            cell[label] = second if first == "not done" else (float(first), float(second))
    return cells


def kernel(results, name):
    with open(os.path.join(results, name + ".kernel"), encoding="utf-8") as file:
        return file.read().strip()


def labels_of(cells):
    labels = {}
    for cell in cells.values():
        labels.update(dict.fromkeys(cell))
    return list(labels)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(cells, wanted, show):
    labels = labels_of(cells)
    lines = ["| | " + " | ".join(labels) + " |", "|---" + "|---:" * len(labels) + "|"]
    for key, cell in cells.items():
        if not wanted(key):
            continue
        subject, way, size, threads = key
        name = f"{subject}, {size:,} " + ("keys" if subject == "find" else "B")
        if subject == "start":
            name = "start and end"
        name += "" if threads == 1 else f", {threads} threads"
        shown = [show(cell[label]) if isinstance(cell.get(label), tuple) else "–" for label in labels]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def bars(cells, size, path):
    subjects = [s for s in SUBJECTS if (s, "one-shot", size, 1) in cells]
    labels = labels_of(cells)
    figure, axes = plt.subplots(figsize=(10, 5))
    width = 0.8 / len(labels)
    for i, label in enumerate(labels):
        heights = [cells[(s, "one-shot", size, 1)].get(label) for s in subjects]
        heights = [h[0] if isinstance(h, tuple) else 0 for h in heights]
        axes.bar([n + i * width for n in range(len(subjects))], heights, width, label=label)
    axes.set_xticks([n + 0.4 for n in range(len(subjects))], subjects)
    axes.set_yscale("log")
    axes.set_ylabel("instructions for one operation")
    axes.set_title(f"Init and one call, {size} bytes")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def lines(cells, subject, path):
    figure, axes = plt.subplots(figsize=(10, 5))
    for label in labels_of(cells):
        points = [
            (size, cell[label][0] / size)
            for (what, way, size, threads), cell in cells.items()
            if what == subject and way == "one-shot" and threads == 1 and isinstance(cell.get(label), tuple)
        ]
        if points:
            axes.plot(*zip(*sorted(points)), marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("bytes of a message")
    axes.set_ylabel("instructions for a byte")
    axes.set_title(subject)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def speed_up(cells):
    """Of two threads over one, beside raw's: by the ratios to raw in the same rounds."""
    labels = ["kcryptoki", "kcryptoki, writable key", "libkcapi", "SoftHSM2"]
    lines = ["| | " + " | ".join(labels) + " |", "|---" + "|---:" * len(labels) + "|"]
    for subject in SUBJECTS:
        shown = []
        for label in labels:
            one, two = (cells.get((subject, "one-shot", 64, n), {}).get(label) for n in (1, 2))
            both = isinstance(one, tuple) and isinstance(two, tuple) and two[1]
            shown.append(f"{one[1] / two[1]:.2f}" if both else "–")
        lines.append(f"| {subject} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


PAGE = """# What the module costs

Made by `make bench` (bench/run); do not edit. Linux {kernel} in {qemu}, {machine}, without hardware
help; the kernel's accelerated ciphers (aesni_intel, sha256_ssse3, ghash_clmulni_intel) are loaded, as they are on a
machine of this kind.

- **raw**: AF_ALG on sockets that are kept, with the fewest system calls there are. **raw-checked** asks before each
  operation whether the key may still be used, as the module does; **raw-armed** opens and arms its sockets anew each
  time, as the module does for a key that somebody may change ("kcryptoki, writable key"). A **broker's key** is one
  that the process does not possess: kcryptokid(8) made its socket, and is asked whether it may still be used.
- **served**: through `p11-kit server` and p11-kit-client.so. – is what cannot be done that way.
- A token does C_*Init and one call, or Init, {parts} updates and Final, or one call of the message API.

## Instructions

Of the guest, kernel included, for one operation: QEMU's `-icount shift=0`, one processor.

{instructions}

![Init and one call, 64 bytes](performance/one-shot.svg)

![AES-256-CBC](performance/cbc.svg)

![AES-256-GCM](performance/gcm.svg)

### In parts

{in_parts}

### Messages (PKCS#11 3.0)

{messages}

### Searches, and C_Finalize, C_Initialize, C_GetSlotList

{life}

## By the clock

Microseconds for one operation, all threads together; in brackets the ratio to raw in the same round. Two emulated
processors of a machine with other things to do: the ratios tell something, the times little.

{clock}

Of the speed-up of two threads over one, the part that is left of raw AF_ALG's (1.00: the same), at 64 bytes:

{speed_up}

## System calls, and instructions of the process itself

For one operation: system calls, and in brackets the instructions outside of the kernel.

{calls}
"""


def main():
    results, doc = sys.argv[1:]
    os.makedirs(os.path.join(doc, "performance"), exist_ok=True)
    cells = read(results, "instructions")
    bars(cells, 64, os.path.join(doc, "performance", "one-shot.svg"))
    lines(cells, "AES-256-CBC", os.path.join(doc, "performance", "cbc.svg"))
    lines(cells, "AES-256-GCM", os.path.join(doc, "performance", "gcm.svg"))
    whole = lambda value: number(value[0])  # noqa: E731
    page = PAGE.format(
        kernel=kernel(results, "instructions"),
        machine=platform.machine(),
        qemu=subprocess.run(
            ["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True
        ).stdout.split("(")[0].strip(),
        parts=4,
        instructions=table(cells, lambda key: key[0] in SUBJECTS and key[1] == "one-shot", whole),
        in_parts=table(cells, lambda key: key[1] == "parts", whole),
        messages=table(cells, lambda key: key[1] == "message", whole),
        life=table(cells, lambda key: key[0] in ("find", "start"), whole),
        clock=table(
            read(results, "clock"), lambda key: True, lambda v: f"{v[0] / 1000:,.1f} ({v[1]:.2f})"
        ),
        speed_up=speed_up(read(results, "clock")),
        calls=table(read(results, "calls"), lambda key: True, lambda v: f"{v[1]:.0f} ({number(v[0])})"),
    )
    with open(os.path.join(doc, "performance.md"), "w", encoding="utf-8") as file:
        file.write(page)


main()
