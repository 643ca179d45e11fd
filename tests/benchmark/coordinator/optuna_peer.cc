#include "tests/benchmark/coordinator/optuna_peer.h"

#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/testing/programs.h"

namespace cambrian {
namespace {

// Arguments: URL, processes, seconds before and while it counts. Prints trials a second.
constexpr char kScript[] = R"py(
import multiprocessing, sys, time, warnings
import optuna
warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
url, processes = sys.argv[1], int(sys.argv[2])
warm_up, measured = float(sys.argv[3]), float(sys.argv[4])

def work(ready, begin, counts, me):
    study = optuna.load_study(study_name="speed", storage=url, sampler=optuna.samplers.RandomSampler(seed=me))
    ready.release()
    begin.wait()
    start = time.monotonic() + warm_up
    while (now := time.monotonic()) < start + measured:
        trial = study.ask()
        for edge in range(3):
            trial.suggest_categorical(f"edge_{edge}", ["skip", "conv1x1", "conv3x3"])
        study.tell(trial, trial.suggest_float("lr", 1e-4, 1.0, log=True))
        counts[me] += start <= now

if __name__ == "__main__":
    optuna.create_study(study_name="speed", storage=url, direction="maximize")
    ready, begin = multiprocessing.Semaphore(0), multiprocessing.Event()
    counts = multiprocessing.Array("i", processes)
    workers = [multiprocessing.Process(target=work, args=(ready, begin, counts, i)) for i in range(processes)]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    begin.set()
    for worker in workers:
        worker.join()
    print(sum(counts) / measured)
)py";

}  // namespace

absl::StatusOr<double> RunOptunaLoad(const OptunaLoad& load, const std::string& folder) {
  const std::string script = folder + "/optuna_peer.py";
  std::ofstream(script) << kScript;
  testing::Child child({"/usr/bin/env", load.python, script, load.url, absl::StrCat(load.processes),
                        absl::StrCat(absl::ToDoubleSeconds(load.warm_up)),
                        absl::StrCat(absl::ToDoubleSeconds(load.measured))},
                       folder + "/optuna");
  double rate = 0;
  if (child.Wait() == 0 && absl::SimpleAtod(absl::StripAsciiWhitespace(child.Out()), &rate)) {
    return rate;
  }
  const std::string words(absl::StripAsciiWhitespace(child.Err()));
  return absl::UnavailableError(words.substr(words.rfind('\n') + 1));
}

}  // namespace cambrian
