#!/usr/bin/env python3
"""Runs clang-tidy over our sources, and remembers what was clean.

A file is checked again only if it, a header of ours that it includes, its compile command, .clang-tidy or clang-tidy itself
has changed. The memory is a folder of empty files under XDG_CACHE_HOME, named by the hash of all that.
Tests are checked only where a part of a path names them.
Files that reach LibTorch's headers are left out: clang 14 does not compile them as C++20 with gcc 12's standard library.

  scripts/tidy.py BUILD_FOLDER [PART_OF_A_PATH…]
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "cambrian-tidy"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"((?:common|server|worker|client|tests)/[^"]+)"', re.MULTILINE)
TORCH = re.compile(rb'^\s*#\s*include\s*[<"](?:torch|ATen|c10)/', re.MULTILINE)
# gcc's precompiled header is not clang's, and every file includes what it uses anyway.
PRECOMPILED = re.compile(r"-Winvalid-pch|-include \S*cmake_pch\.hxx")


def with_our_headers(source):
    """The source and every header of ours that it reaches."""
    reached, waiting = set(), [source]
    while waiting:
        file = waiting.pop()
        if file not in reached and file.exists():
            reached.add(file)
            waiting += [ROOT / name.decode() for name in INCLUDE.findall(file.read_bytes())]
    return sorted(reached)


def key(texts, command, tools):
    digest = hashlib.sha256(f"{tools}\n{command}\n".encode())
    for text in texts:
        digest.update(text)
    return digest.hexdigest()


def tidy(source, database):
    started = time.monotonic()
    run = subprocess.run(
        ["clang-tidy", "--quiet", "-p", str(database), "--extra-arg=-Wthread-safety", str(source)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # clang-tidy counts the warnings it suppressed on stderr; the errors that matter without a finding are there too.
    return run.returncode, run.stdout or (run.stderr if run.returncode else ""), time.monotonic() - started


def main(build, parts):
    database = build / "tidy"
    database.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    tools = subprocess.check_output(["clang-tidy", "--version"], text=True) + (ROOT / ".clang-tidy").read_text()

    entries = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if ROOT in file.parents and build not in file.parents:
            entry["command"] = PRECOMPILED.sub("", entry["command"])
            entries.append(entry)
    (database / "compile_commands.json").write_text(json.dumps(entries))

    stale, torch = {}, 0
    for entry in entries:
        source = pathlib.Path(entry["file"])
        if parts and not any(part in entry["file"] for part in parts):
            continue
        if not parts and source.relative_to(ROOT).parts[0] == "tests":
            continue
        texts = [file.read_bytes() for file in with_our_headers(source)]
        if any(TORCH.search(text) for text in texts):
            torch += 1
            continue
        stamp = CACHE / key(texts, entry["command"], tools)
        if not stamp.exists():
            stale[source] = stamp
    print(f"tidy: {len(stale)} of {len(entries)} files to check; {torch} include LibTorch and are left out", flush=True)

    failed, slowest = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(tidy, source, database): source for source in stale}
        for run in concurrent.futures.as_completed(runs):
            source, (code, output, seconds) = runs[run], run.result()
            slowest.append((seconds, source.relative_to(ROOT).as_posix()))
            if code == 0:
                stale[source].touch()
            else:
                failed += 1
                print(output, flush=True)
    if slowest:
        print("tidy: slowest " + ", ".join(f"{name} {seconds:.0f} s" for seconds, name in sorted(slowest)[:-4:-1]))
    print(f"tidy: {failed} files with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]))
