#include "client/format/worker_table.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/format/time.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

std::string DescribeSlots(const v1::WorkerStatus& worker) {
  const std::string slots = absl::StrCat(worker.running_size(), "/", worker.slots());
  if (worker.usable_slots() >= worker.slots()) return slots;
  return absl::StrCat(slots, " (", worker.usable_slots(), " work)");
}

}  // namespace

Table WorkerTable(const std::vector<v1::WorkerStatus>& workers, absl::Time now) {
  Table table;
  table.columns = {{.title = "worker"},
                   {.title = "host", .drop = 3},
                   {.title = "devices", .drop = 4},
                   {.title = "tags", .drop = 5},
                   {.title = "targets", .drop = 6},
                   {.title = "slots", .right = true},
                   {.title = "running", .drop = 1, .flexible = true},
                   {.title = "heard", .right = true, .drop = 2},
                   {.title = "evaluators", .drop = 7},
                   {.title = "version", .drop = 8}};
  for (const v1::WorkerStatus& worker : workers) {
    table.rows.push_back(
        {worker.name(), worker.host(), absl::StrJoin(worker.devices(), ", "),
         absl::StrJoin(worker.tags(), ", "), absl::StrJoin(worker.targets(), ", "),
         DescribeSlots(worker), absl::StrJoin(worker.running(), ", "),
         absl::StrCat(FormatElapsed(now - FromProto(worker.last_contact())), " ago"),
         absl::StrJoin(worker.evaluators(), ", "), worker.version()});
  }
  return table;
}

}  // namespace cambrian
