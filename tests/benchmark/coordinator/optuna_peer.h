// Optuna on the same PostgreSQL: processes that ask a random sampler and tell it at once.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cambrian {

struct OptunaLoad {
  std::string python;  // that has the packages optuna and psycopg2
  std::string url;     // of a database of its own
  int processes = 16;
  absl::Duration warm_up = absl::Seconds(2);  // once all have begun
  absl::Duration measured = absl::Seconds(5);
};

// Trials told a second. \error kUnavailable, with what Python said last
absl::StatusOr<double> RunOptunaLoad(const OptunaLoad& load, const std::string& folder);

}  // namespace cambrian
