// Workers as rows.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "cambrian/v1/study_service.pb.h"
#include "client/format/table.h"

namespace cambrian {

// For people. Slots are "in use/all", with "(N work)" where not all can.
Table WorkerTable(const std::vector<v1::WorkerStatus>& workers, absl::Time now);

}  // namespace cambrian
