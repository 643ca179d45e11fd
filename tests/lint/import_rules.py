#!/usr/bin/env python3
"""Who may include whom: one table, held against every #include of the tree.

  import_rules.py [ROOT]       checks the tree, prints every breach, exits 1 if there is one
  import_rules.py --self-test  shows that the check can fail

A file belongs to the room with the longest name that begins its path. A room that is missing from the table is a breach too,
so a new room starts with a line here.
"""

import pathlib
import re
import sys

COMMON = ["common/base", "common/nas", "common/spec", "common/evaluator", "common/table", "common/tensors",
          "common/wire"]

# Room: what it may include beside itself. A name stands for everything that begins with it.
ROOMS = {
    "common/base": [],
    "common/nas": ["common/base"],
    "common/spec": ["common/base", "common/nas", "common/table"],
    "common/evaluator": ["common/base", "common/nas"],
    "common/table": ["common/base", "common/nas"],
    "common/tensors": ["common/base"],
    "common/wire": ["common/base", "common/nas", "common/spec", "cambrian/v1"],
    "server/strategy": COMMON,
    "server/store": COMMON + ["cambrian/v1"],
    "server/artifact": COMMON,
    # The strategies' factory and order of merit, and the store's records belong to their interfaces: none names a concrete class.
    "server/study": COMMON + ["server/strategy/interface.h", "server/strategy/factory.h", "server/strategy/merit_order.h",
                              "server/store/interface.h", "server/store/records.h", "server/log", "cambrian/v1"],
    "server/log": ["common/base"],
    "server/http": COMMON + ["server/study", "server/store/records.h", "cambrian/v1"],
    "server/simulate": COMMON + ["server/study", "server/store/interface.h", "server/store/records.h", "cambrian/v1"],
    "server/rpc": COMMON + ["server/study", "server/log", "server/artifact/interface.h", "cambrian/v1"],
    # The program: its files beside main.cc may name concrete classes, too.
    **{f"server/{name}": COMMON + ["server", "cambrian/v1"]
       for name in ("main.cc", "serve.h", "serve.cc", "database_flag.h", "database_flag.cc",
                    "query_command.h", "query_command.cc", "replay_command.h", "replay_command.cc",
                    "simulate_command.h", "simulate_command.cc")},
    "worker/evaluator": ["common/base", "common/nas", "common/evaluator"],
    "worker/agent": COMMON + ["worker/evaluator", "cambrian/v1"],
    "worker/torch": ["common/base", "common/nas", "common/evaluator", "common/table", "common/tensors"],
    "worker/table": ["common/base", "common/nas", "common/evaluator", "common/spec", "common/table"],
    "worker/main.cc": COMMON + ["worker/agent", "worker/evaluator", "cambrian/v1"],
    "client/explain": ["common/base", "common/nas"],
    "client": COMMON + ["cambrian/v1"],
    "tests": COMMON + ["server", "worker", "client", "cambrian/v1"],
}

# Libraries with an opinion about where they belong. The tests may use them as the rooms they test do.
LIBRARIES = {
    "torch/": ["worker/torch", "tests/benchmark"],
    "ATen/": ["worker/torch", "tests/benchmark"],
    "c10/": ["worker/torch", "tests/benchmark"],
    "opencv2/": ["worker/torch"],
    "Eigen/": ["server/strategy"],
    "yaml-cpp/": ["common/spec"],
    "sqlite3.h": ["server/store", "tests/conformance/store", "tests/integration"],
    "pqxx/": ["server/store", "tests/conformance/store", "tests/benchmark/coordinator"],
    "libpq-fe.h": ["server/store"],
    "prometheus/": ["server/http"],
    "httplib.h": ["server/http", "tests/integration"],
    "graphviz/": ["client/draw"],
    "grpcpp/": ["common/wire", "server/rpc", "server/main.cc", "worker/agent", "worker/main.cc", "client",
                "tests/benchmark", "tests/fuzz", "tests/integration"],
    "google/protobuf/": ["common/wire", "server/rpc", "worker/agent", "client"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
OURS = ("common/", "server/", "worker/", "client/", "tests/", "cambrian/")


def within(path, names):
    return any(path == name or path.startswith(name if name.endswith("/") else name + "/") for name in names)


def room_of(path):
    return max((room for room in ROOMS if within(path, [room])), key=len, default=None)


def breaches(path, text):
    """The includes of the file `path` that the tables do not allow, as sentences."""
    room = room_of(path)
    if room is None:
        return [f"{path}: this room has no line in tests/lint/import_rules.py"]
    found = []
    for quote, include in INCLUDE.findall(text):
        if include.startswith("..") or (quote == '"' and include.endswith(".h") and "/" not in include):
            found.append(f"{path}: write {include} from the root of the tree")
        if include.startswith(OURS):
            if not within(include, ROOMS[room] + [room]):
                found.append(f"{path}: {room} may not include {include}")
        for library, homes in LIBRARIES.items():
            if include.startswith(library) and not within(path, homes + [f"tests/unit/{home}" for home in homes]):
                found.append(f"{path}: <{library}…> belongs to {', '.join(homes)}")
    return found


def check(root):
    files = sorted(file for top in ("common", "server", "worker", "client", "tests")
                   for file in (root / top).rglob("*") if file.suffix in (".h", ".cc"))
    found = [line for file in files for line in breaches(file.relative_to(root).as_posix(), file.read_text())]
    print("\n".join(found + [f"import rules: {len(files)} files, {len(found)} breaches"]))
    return 1 if found or not files else 0


def self_test():
    refused = {
        "server/study/scheduler.cc": "worker/agent/agent.h",
        "worker/agent/agent.cc": "server/study/scheduler.h",
        "server/strategy/random.cc": "server/store/interface.h",
        "server/study/coordinator.cc": "server/store/sqlite.h",
        "server/study/study.cc": "server/strategy/random.h",
        "server/rpc/study_service.cc": "server/store/interface.h",
        "worker/agent/lease.cc": "torch/torch.h",
        "worker/agent/session.cc": "worker/torch/trainer.h",
        "worker/torch/trainer.cc": "grpcpp/grpcpp.h",
        "common/nas/network.cc": "google/protobuf/message.h",
        "common/nas/front.cc": "cambrian/v1/study.pb.h",
        "common/base/clock.cc": "common/nas/front.h",
        "client/main.cc": "server/main.cc",
        "client/commands/run.cc": "torch/torch.h",
        "server/novelty/thing.cc": "common/base/clock.h",
        "server/strategy/evolution.cc": "../store/interface.h",
    }
    allowed = {
        "server/study/coordinator.cc": "server/store/interface.h",
        "server/main.cc": "server/store/sqlite.h",
        "worker/torch/trainer.cc": "torch/torch.h",
        "tests/unit/worker/torch/trainer_test.cc": "torch/torch.h",
        "common/spec/document.cc": "yaml-cpp/yaml.h",
        "common/nas/network.cc": "absl/strings/str_cat.h",
    }
    wrong = [f"let through: {path} → {include}" for path, include in refused.items()
             if not breaches(path, f'#include "{include}"\n')]
    wrong += [f"refused: {path} → {include}" for path, include in allowed.items()
              if breaches(path, f"  # include <{include}>\n")]
    print("\n".join(wrong + [f"self-test: {len(refused) + len(allowed)} cases, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    sys.exit(check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()))
