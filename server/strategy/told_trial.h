// A trial with its result, and how snapshots write it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/nas/architecture.h"
#include "common/nas/search_space.h"
#include "nlohmann/json.hpp"
#include "server/strategy/interface.h"

namespace cambrian {

struct ToldTrial {
  int64_t trial = 0;
  Architecture architecture;
  Outcome outcome;
};

// Pending trials by number.
using PendingTrials = std::map<int64_t, Architecture>;

// An architecture as the list of its values in the space's order, inactive ones null: short, since
// a snapshot may hold many.
nlohmann::json CompactJson(const Architecture& architecture);
nlohmann::json CompactJson(const std::vector<ToldTrial>& trials);
nlohmann::json CompactJson(const PendingTrials& pending);

// And back. \error kInvalidArgument if the space does not have it.
absl::StatusOr<Architecture> CompactArchitecture(const SearchSpace& space,
                                                 const nlohmann::json& json);
absl::StatusOr<std::vector<ToldTrial>> CompactToldList(const SearchSpace& space,
                                                       const nlohmann::json& json);
absl::StatusOr<PendingTrials> CompactPending(const SearchSpace& space, const nlohmann::json& json);

// The integer from 0 that `json`, an object, has at `key`. \error kInvalidArgument
absl::StatusOr<int64_t> CountAt(const nlohmann::json& json, const char* key);
// The list. \error kInvalidArgument
absl::StatusOr<const nlohmann::json*> ListAt(const nlohmann::json& json, const char* key);

}  // namespace cambrian
